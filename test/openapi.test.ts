import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Document, Operation, Schema } from "../src/platform/http/openapi-document.ts";
import { operationId } from "../src/platform/http/openapi.ts";
import { startWorld, type World } from "./world.ts";

/** The document that Stoa gives to programs which are written in whatever language. */
type Named = { name: string; path: string; operation: Operation };

let world: World;
let operations: Named[];
let text: string;

beforeAll(async () => {
  world = await startWorld();
  text = await (await fetch(`${world.url}/openapi.json`)).text();
  const { paths } = JSON.parse(text) as Document;
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      return { name: `${method} ${path}`, path, operation };
    }),
  );
}, 60_000);
afterAll(() => world.stop(), 60_000);

/** The names of operations of which something is not so. */
const except = (holds: (one: Named) => boolean) =>
  operations.filter((one) => !holds(one)).map(({ name }) => name);

test("every operation has a name of its own, and says who may call it", () => {
  expect(operations.length).toBeGreaterThan(100);
  expect(new Set(operations.map((one) => one.operation.operationId)).size).toBe(operations.length);
  expect(except(({ operation }) => operation.security !== undefined)).toEqual([]);
});

test("parameters of paths are declared, and no others", () => {
  const declared = ({ operation }: Named) =>
    operation.parameters.filter((one) => one.in === "path").map((one) => one.name);
  const inPath = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(except((one) => `${declared(one)}` === `${inPath(one.path)}`)).toEqual([]);
});

test("what takes JSON says that it refuses other types and sizes", () => {
  const takesJson = ({ operation }: Named) =>
    operation.requestBody?.content["application/json"] !== undefined;
  const refuses = ({ operation }: Named) =>
    ["400", "413", "415"].every((status) => operation.responses[status] !== undefined);
  expect(except((one) => !takesJson(one) || refuses(one))).toEqual([]);
});

test("patterns are regular expressions in any language", () => {
  const patterns = new Set<string>();
  JSON.parse(text, (key, value: unknown) => {
    if (key === "pattern" && typeof value === "string") patterns.add(value);
    return value as Schema;
  });
  expect(patterns.size).toBeGreaterThan(0);
  // Classes of Unicode's properties and of sets of letters are JavaScript's.
  expect([...patterns].filter((pattern) => /\\[pP]\{|\(\?<[^=!]|--|&&/.test(pattern))).toEqual([]);
});

test("schemas are objects, and choices of values are lists, as generators of clients want", () => {
  const bare: string[] = [];
  JSON.parse(text, (key, value: unknown) => {
    if (["items", "schema"].includes(key) && typeof value !== "object") bare.push(key);
    const choices = key === "anyOf" ? (value as Schema[]) : [];
    if (choices.length > 1 && choices.every((one) => "const" in one)) bare.push(key);
    return value as Schema;
  });
  expect(bare).toEqual([]);
});

const entities = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };
const textOf = (html: string) =>
  html.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: keyof typeof entities) => entities[name]);

describe("the pages for people", () => {
  const pages = new Map<string, string>();
  beforeAll(async () => {
    const tags = new Set(world.running.routes.map((route) => route.tag));
    for (const path of ["/docs", "/docs/errors", ...[...tags].map((tag) => `/docs/${tag}`)]) {
      const reply = await fetch(world.url + path);
      expect([path, reply.status]).toEqual([path, 200]);
      pages.set(path, await reply.text());
    }
  });

  test("have every operation, and lead nowhere that is not there", () => {
    const dead: string[] = [];
    const found = new Set<string>();
    for (const html of pages.values()) {
      for (const [, href = ""] of html.matchAll(/ href="(\/docs[^"]*)"/g)) {
        const [path = "", id] = href.split("#");
        const there = pages.get(path);
        if (!there || (id !== undefined && !there.includes(` id="${id}"`))) dead.push(href);
        if (id !== undefined) found.add(id);
      }
    }
    expect(dead).toEqual([]);
    expect(world.running.routes.map(operationId).filter((id) => !found.has(id))).toEqual([]);
  });

  test("say of each field what it takes, whatever it is nested in", () => {
    const [, after = ""] = (pages.get("/docs/links") ?? "").split(' id="post_links"');
    const [creating = "", answer = ""] = after.split("Answers 201");
    expect(answer.slice(0, answer.indexOf("</table>"))).not.toContain("Required.");
    for (const row of [
      '<code>url</code></td><td>string 1 - 2,048 characters</td>\n<td class="dim">Required. ',
      "<code>expires_at</code></td><td>time | null</td>",
      "<code>redirect</code></td><td>301 | 302 | 307 | 308</td>",
      "<code>rules[].if.device</code></td><td>list 1 - 50 of &quot;mobile&quot; | ",
      "<code>split[].weight</code></td><td>integer 1 - 1,000</td>",
    ]) {
      expect(creating).toContain(row);
    }
  });

  test("show calls whose bodies their routes take", () => {
    const refused: string[] = [];
    for (const route of world.running.routes.filter(({ body }) => body)) {
      const [, page = ""] = (pages.get(`/docs/${route.tag}`) ?? "").split(
        ` id="${operationId(route)}"`,
      );
      const [, shown = ""] = /-d &#39;([^]*?)&#39;<\/pre>/.exec(page) ?? [];
      const said = textOf(shown);
      const body = JSON.parse(said.replaceAll("'\\''", "'")) as unknown;
      if (!route.body?.safeParse(body).success) refused.push(`${route.path} ${said}`);
    }
    // Within a year, which a page that stays cannot know.
    expect(refused.filter((call) => !/"send_at":"2030/.test(call))).toEqual([]);
  });
});
