import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type World } from "./world.ts";

/** The document that Stoa gives to programs which are written in whatever language. */
type Schema = { [key: string]: unknown };
type Operation = {
  operationId: string;
  security?: object[];
  parameters: { name: string; in: string }[];
  requestBody?: { content: Record<string, object> };
  responses: Record<string, object>;
};

type Named = { name: string; path: string; operation: Operation };

let world: World;
let operations: Named[];
let text: string;

beforeAll(async () => {
  world = await startWorld();
  text = await (await fetch(`${world.url}/openapi.json`)).text();
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> };
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
