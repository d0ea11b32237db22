import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { password, startWorld, type World } from "../world.ts";
import { signIn } from "./owned.ts";
import { bodyFor, nameOf, pathWith, queryFor } from "./samples.ts";

/** What a page of ours may be made to do, by text that people store and by pages of others. */
let world: World;

const script = `</title><script>alert(1)</script><img src=x onerror=alert(2)>"'\`&lt;`;
const people = { accept: "text/html", "user-agent": "Mozilla/5.0 Firefox/140.0" };
const unfurler = { accept: "text/html", "user-agent": "Slackbot-LinkExpanding 1.0" };

beforeAll(async () => {
  world = await startWorld({ STOA_LINK_URL_SCHEMES: "https,http,myapp" });
}, 60_000);
afterAll(() => world.stop(), 60_000);

const evilUrl = `https://example.com/${encodeURIComponent("a")}?q="><script>alert(1)</script>'onx=`;

async function link(more: object): Promise<{ id: string; code: string }> {
  const body = { url: evilUrl, title: script, description: script.repeat(3), ...more };
  const reply = await world.call("POST", "/api/v1/links", { body });
  expect(reply.status).toBe(201);
  return reply.body as { id: string; code: string };
}

async function seen(path: string, headers: Record<string, string>, init: RequestInit = {}) {
  const response = await fetch(world.url + path, { headers, redirect: "manual", ...init });
  return { response, html: await response.text() };
}

/** Every page that the server writes, by what it is. */
async function pages(): Promise<Record<string, { response: Response; html: string }>> {
  const plain = await link({});
  const tags = { image: "https://example.com/a.png?x=%22%3E", tags: [script.slice(0, 40)] };
  const card = await link(tags);
  const locked = await link({ password: "open sesame" });
  const gone = await link({});
  const stopped = await link({});
  const app = await link({
    rules: [{ if: {}, url: evilUrl, ios_app: `myapp://x/"><script>alert(1)</script>` }],
  });
  await world.call("DELETE", `/api/v1/links/${gone.id}`);
  const body = { reason: script };
  const stop = `/api/v1/admin/links/${stopped.id}/quarantine`;
  expect((await world.call("POST", stop, { as: world.admin, body })).status).toBe(204);
  const form = (text: string) => ({
    method: "POST",
    body: text,
    headers: { ...people, "content-type": "application/x-www-form-urlencoded" },
  });
  const wrong = `password=${encodeURIComponent(script)}`;
  const typed = encodeURIComponent(script);
  const report = `reason=spam&detail=${typed}&contact=${typed}`;
  const iphone = {
    ...people,
    "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
  };
  return {
    preview: await seen(`/${card.code}+`, people),
    card: await seen(`/${card.code}`, unfurler),
    password: await seen(`/${locked.code}`, people),
    "wrong password": await seen(`/${locked.code}`, people, form(wrong)),
    "preview of a locked link": await seen(`/${locked.code}+`, people),
    gone: await seen(`/${gone.code}`, people),
    warning: await seen(`/${stopped.code}`, people),
    app: await seen(`/${app.code}`, iphone),
    report: await seen(`/${plain.code}+report`, people),
    reported: await seen(`/${plain.code}+report`, people, form(report)),
    "a wrong report": await seen(`/${plain.code}+report`, people, form(`reason=${typed}`)),
    unknown: await seen(`/${typed}`, people),
    "report of nothing": await seen(`/${typed}+report`, people, form(report)),
    docs: await seen("/docs", people),
    "docs of links": await seen("/docs/links", people),
    errors: await seen("/docs/errors", people),
    console: await seen(`/console/?q=${typed}`, people),
    "a path of the console": await seen(`/console/${typed}`, people),
  };
}

/** As a browser parses it: what would run, or be fetched from somewhere. */
async function dangers(html: string): Promise<string[]> {
  const out: string[] = [];
  const parser = new HTMLRewriter().on("*", {
    element({ tagName, attributes }) {
      const given = new Map([...attributes] as [string, string][]);
      const src = given.get("src") ?? "";
      if (tagName === "script" && !/^\/console\/[\w.-]+\.js$/.test(src)) out.push(`script ${src}`);
      if (/^(img|iframe|object|embed|base|svg|video)$/.test(tagName)) out.push(tagName);
      for (const [name, value] of given) {
        if (name.startsWith("on")) out.push(`${tagName} ${name}`);
        if (/^\s*(javascript|data|vbscript):/i.test(value)) out.push(`${tagName} ${name}=${value}`);
      }
    },
  });
  await parser.transform(new Response(html)).text();
  return out;
}

describe("pages", () => {
  test("the search for what would run finds it", async () => {
    const found = await dangers(`<p onclick=x><script>1</script><img><a href="javascript:x">`);
    expect(found).toHaveLength(4);
  });

  test("show stored and typed text as text", async () => {
    const all = await pages();
    for (const [name, { response, html }] of Object.entries(all)) {
      expect(response.headers.get("content-type"), name).toStartWith("text/html");
      expect(await dangers(html), name).toEqual([]);
    }
    // The text was there to be shown, so the pages above had something to make safe.
    for (const name of ["preview", "card"]) {
      expect(all[name]?.html, name).toContain("&lt;script&gt;");
    }
    expect(all["app"]?.html).toContain("myapp://x/");
    expect(all["warning"]?.html).toContain("example.com");
    expect(all["warning"]?.html).not.toContain(`href="https://example.com`);
  });

  test("forbid what they do not use, framing and guessing of types", async () => {
    for (const [name, { response }] of Object.entries(await pages())) {
      const { headers } = response;
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy, name).toContain("default-src 'none'");
      expect(policy, name).toContain("frame-ancestors 'none'");
      expect(policy, name).toContain("base-uri 'none'");
      expect(policy, name).toMatch(/form-action '(none|self)'/);
      expect(policy, name).not.toMatch(/unsafe-|\*|http:/);
      const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? "'none'";
      expect(["'none'", "'self'"], name).toContain(scripts);
      expect(headers.get("x-content-type-options"), name).toBe("nosniff");
      const referrer = ["no-referrer", "same-origin", "strict-origin-when-cross-origin"];
      expect(referrer, name).toContain(headers.get("referrer-policy") ?? "none");
      expect(headers.get("set-cookie"), name).toBeNull();
    }
  });

  test("whatever is answered says what it is and is not guessed at", async () => {
    const { id } = await link({});
    const paths = [
      "/openapi.json",
      "/robots.txt",
      "/healthz",
      "/readyz",
      "/metrics",
      "/nothing",
      "/api/x",
    ];
    const gets = world.running.routes.filter((r) => r.method === "GET" && !r.stream);
    const own = gets.map((route) => pathWith(route, id) + queryFor(route));
    for (const path of [...paths, "/console/nothing.js", "/console/icon.svg", ...own]) {
      const headers = { authorization: `Bearer ${world.admin.key}` };
      const { response, html } = await seen(path, headers);
      if (html === "") continue;
      expect(response.headers.get("content-type"), path).not.toBeNull();
      expect(response.headers.get("x-content-type-options"), path).toBe("nosniff");
    }
  });
});

describe("pages of others", () => {
  const origins = [
    "https://evil.test",
    "null",
    "http://stoa.test.evil.test",
    "file://",
    "http://127.0.0.1",
  ];

  test("are allowed nothing, by any route", async () => {
    for (const route of world.running.routes.filter((r) => !r.stream)) {
      const path = pathWith(route, "1") + queryFor(route);
      for (const origin of origins.slice(0, 2)) {
        const preflight = {
          ...{ origin, "access-control-request-method": route.method },
          "access-control-request-headers": "authorization, content-type",
        };
        const asked = await world.call("OPTIONS", path, { as: null, headers: preflight });
        const body = route.method === "GET" ? undefined : bodyFor(route);
        const sent = await world.call(route.method, path, { as: null, headers: { origin }, body });
        for (const { headers } of [asked, sent]) {
          const cors = [...headers.keys()].filter((name) => name.startsWith("access-control-"));
          expect(cors, `${nameOf(route)} from ${origin}`).toEqual([]);
        }
      }
    }
  });

  async function cookieOf(): Promise<string> {
    const body = { email: world.bob.email, password, cookie: true };
    const headers = { origin: world.running.publicUrl, "sec-fetch-site": "same-origin" };
    const reply = await world.call("POST", "/api/v1/sessions", { as: null, body, headers });
    expect(reply.status).toBe(200);
    expect((reply.body as { refresh_token: string | null }).refresh_token).toBeNull();
    return reply.headers.get("set-cookie") as string;
  }

  test("the session's cookie is for no script, no other site and no other path", async () => {
    const cookie = await cookieOf();
    expect(cookie).toMatch(/;\s*HttpOnly/i);
    expect(cookie).toMatch(/;\s*SameSite=Strict/i);
    expect(cookie).toMatch(/;\s*Path=\/api\/v1\/sessions(;|$)/i);
    expect(cookie).not.toMatch(/;\s*Domain=/i);
  });

  test("cannot use the cookie, whatever they say of themselves", async () => {
    const cookie = (await cookieOf()).split(";")[0] as string;
    const foreign: Record<string, string>[] = [
      ...origins.map((origin) => ({ origin })),
      ...origins.map((origin) => ({ origin, "sec-fetch-site": "cross-site" })),
      ...["cross-site", "same-site", "none"].map((site) => ({
        ...{ origin: world.running.publicUrl, "sec-fetch-site": site },
      })),
      { "sec-fetch-site": "cross-site" },
      { referer: "https://evil.test/" },
      {},
    ];
    const ways: [string, string, unknown][] = [
      ["POST", "/api/v1/sessions/refresh", {}],
      ["DELETE", "/api/v1/sessions/current", undefined],
    ];
    for (const headers of foreign) {
      for (const [method, path, body] of ways) {
        const options = { as: null, body, headers: { ...headers, cookie } };
        const reply = await world.call(method, path, options);
        expect(reply.status, `${method} ${path} ${JSON.stringify(headers)}`).toBe(403);
        expect(reply.headers.get("set-cookie")).toBeNull();
      }
      const options = {
        as: null,
        headers,
        body: { email: world.bob.email, password, cookie: true },
      };
      expect((await world.call("POST", "/api/v1/sessions", options)).status).toBe(403);
    }
    // Untouched by all of that, it still works where it belongs.
    const own = { origin: world.running.publicUrl, "sec-fetch-site": "same-origin", cookie };
    const options = { as: null, body: {}, headers: own };
    expect((await world.call("POST", "/api/v1/sessions/refresh", options)).status).toBe(200);
  });

  test("the cookie opens nothing but what it is for", async () => {
    const cookie = (await cookieOf()).split(";")[0] as string;
    const closed = world.running.routes.filter((r) => r.access !== "public" && !r.stream);
    for (const route of closed) {
      const options = { as: null, headers: { cookie }, body: bodyFor(route) };
      const path = pathWith(route, "1") + queryFor(route);
      expect((await world.call(route.method, path, options)).status, nameOf(route)).toBe(401);
    }
  });
});

test("no answer puts a token into an address", async () => {
  const token = await signIn(world, world.ada);
  const gets = world.running.routes.filter((r) => r.method === "GET" && !r.stream);
  for (const route of gets) {
    const { headers, body } = await world.call("GET", pathWith(route, "1") + queryFor(route), {
      as: token,
    });
    expect(headers.get("location"), nameOf(route)).toBeNull();
    expect(JSON.stringify(body), nameOf(route)).not.toMatch(/[?&](access_token|token|key)=/);
  }
});
