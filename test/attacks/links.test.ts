import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parse } from "csv-parse/sync";
import { startWorld, type Reply, type World } from "../world.ts";
import { type JsonSchema, nameOf, schemaOf } from "./samples.ts";
import { headerOf, request, talk } from "./sockets.ts";
import { inside, misleading, schemes } from "./urls.ts";

/** Where links may lead, tried at every place of every body that takes a URL. */
let world: World;

beforeAll(async () => {
  world = await startWorld({
    STOA_OUTBOUND_ALLOW_PRIVATE: "false",
    STOA_LINK_URL_SCHEMES: "https,http,myapp",
  });
  places = await placesOf();
}, 60_000);
afterAll(() => world.stop(), 60_000);

const good = "https://example.com/good";

type Place = (url: string) => Promise<Reply>;
let places: Record<string, Place>;
const post = (path: string, body: unknown) => world.call("POST", `/api/v1/${path}`, { body });

/** Fields of a link by the path that an error names. */
const inLink: Record<string, (url: string) => Record<string, unknown>> = {
  url: (url) => ({ url }),
  expired_url: (url) => ({ expired_url: url }),
  image: (url) => ({ image: url }),
  "rules[0].url": (url) => ({ rules: [{ if: { os: ["ios"] }, url }] }),
  "rules[0].ios_app": (url) => ({ rules: [{ if: {}, url: good, ios_app: url }] }),
  "rules[0].android_app": (url) => ({ rules: [{ if: {}, url: good, android_app: url }] }),
  "split[1].url": (url) => ({
    split: [
      { url: good, weight: 1 },
      { url, weight: 1 },
    ],
  }),
};

async function placesOf(): Promise<Record<string, Place>> {
  const link = (await post("links", { url: good })).body as { id: string };
  const domain = (await post("domains", { host: "go.example.org" })).body as { id: string };
  // Never enabled, so that nothing is sent to a stranger.
  const wish = { event_types: ["*"], enabled: false };
  const hook = (await post("webhooks", { ...wish, url: "https://8.8.8.8/" })).body as {
    id: string;
  };
  const out: Record<string, Place> = {};
  for (const [field, inBody] of Object.entries(inLink)) {
    out[`POST /api/v1/links ${field}`] = (url) => post("links", { url: good, ...inBody(url) });
    out[`PATCH /api/v1/links/{id} ${field}`] = (url) =>
      world.call("PATCH", `/api/v1/links/${link.id}`, { body: inBody(url) });
  }
  for (const field of ["root_url", "not_found_url"]) {
    let hosts = 0;
    out[`POST /api/v1/domains ${field}`] = (url) =>
      post("domains", { host: `d${++hosts}.example.net`, [field]: url });
    out[`PATCH /api/v1/domains/{id} ${field}`] = (url) =>
      world.call("PATCH", `/api/v1/domains/${domain.id}`, { body: { [field]: url } });
  }
  out["POST /api/v1/webhooks url"] = (url) => post("webhooks", { ...wish, url });
  out["PATCH /api/v1/webhooks/{id} url"] = (url) =>
    world.call("PATCH", `/api/v1/webhooks/${hook.id}`, { body: { url } });
  return out;
}

/** `rules[].url` and the like: every text in a body whose name says that it is an address. */
function addressesIn(schema: JsonSchema, path = ""): string[] {
  const own = /(^|[._])(url|image|app)$/.test(path) ? [path] : [];
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    addressesIn(child, path === "" ? name : `${path}.${name}`),
  );
  const items = schema.items ? addressesIn(schema.items, `${path}[]`) : [];
  return [...own, ...below, ...items, ...(schema.anyOf ?? []).flatMap((s) => addressesIn(s, path))];
}

describe("targets", () => {
  test("every place that takes a URL is tried", async () => {
    const tried = Object.keys(places).map((name) => name.replaceAll(/\[\d+\]/g, "[]"));
    const taken = world.running.routes.flatMap((route) =>
      route.body && nameOf(route) !== "POST /api/v1/reports"
        ? addressesIn(schemaOf(route.body)).map((field) => `${nameOf(route)} ${field}`)
        : [],
    );
    expect(taken.length).toBeGreaterThan(15);
    expect(taken.filter((name) => !tried.includes(name))).toEqual([]);
  });

  test.each([
    ["schemes that run, read or mislead", schemes],
    ["addresses that read differently", misleading],
    ["addresses inside, in every spelling", inside],
  ])(
    "%s are refused everywhere, by name",
    async (_, family) => {
      const wrong: string[] = [];
      let tried = 0;
      for (const [name, place] of Object.entries(places)) {
        const field = name.split(" ").at(-1) as string;
        const replies = await Promise.all(
          family.map(async (url) => ({ url, reply: await place(url) })),
        );
        for (const { url, reply } of replies) {
          tried++;
          const { errors = [] } = reply.body as { errors?: { field: string }[] };
          const named = errors.some((error) => error.field === field);
          if ([400, 422].includes(reply.status) && named) continue;
          wrong.push(
            `${name} ${JSON.stringify(url)}: ${reply.status} ${JSON.stringify(reply.body)}`,
          );
        }
      }
      expect(tried).toBeGreaterThan(200);
      expect(wrong.map((line) => line.slice(0, 250))).toEqual([]);
    },
    20_000,
  );

  test("bulk and import check what a single link is checked for", async () => {
    const family = [...schemes, ...misleading, ...inside];
    const bulk = await post("links/bulk", { links: family.map((url) => ({ url })) });
    expect(bulk.body).toMatchObject({ created: 0, failed: family.length });
    const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const rows = family.filter((url) => !/[\n\r]/.test(url));
    const csv = `url,expired_url\r\n${rows.map((url) => `${cell(url)},`).join("\r\n")}\r\n`;
    const hidden = rows.map((url) => `https://example.com/,${cell(url)}`).join("\r\n");
    for (const text of [csv, `url,expired_url\r\n${hidden}\r\n`]) {
      const response = await fetch(`${world.url}/api/v1/links/import?format=stoa`, {
        method: "POST",
        headers: { authorization: `Bearer ${world.bob.key}`, "content-type": "text/csv" },
        body: text,
      });
      expect(await response.json()).toMatchObject({ created: 0, skipped: 0 });
    }
    const { items } = (await world.call("GET", "/api/v1/links", { as: world.bob })).body as {
      items: unknown[];
    };
    expect(items).toEqual([]);
  });

  test("look-alike hosts are kept as what they are, and flagged", async () => {
    for (const url of [
      "https://\u0430pple.com/",
      "https://\u0440\u0430ypal.com/",
      "https://xn--pple-43d.com/",
    ]) {
      const { status, body } = await post("links", { url });
      expect(status).toBe(201);
      const made = body as { url: string; flags: string[] };
      expect(made.url).toStartWith("https://xn--");
      expect(made.flags.length).toBeGreaterThan(0);
    }
  });
});

describe("loops", () => {
  test("nothing leads back here, however it is spelled", async () => {
    const own = [
      "http://stoa.test/x",
      "https://STOA.test./",
      "http://stoa.test:8443/",
      "http://sto%61.test/",
    ];
    for (const [name, place] of Object.entries(places)) {
      if (name.includes("webhooks") || name.includes(" image")) continue;
      for (const url of own) expect((await place(url)).status, `${name} ${url}`).toBe(422);
    }
  });

  test("a domain does not lead to itself, before its proof nor after", async () => {
    for (const field of ["root_url", "not_found_url"]) {
      const host = `${field.replaceAll("_", "-")}.example.com`;
      const made = await post("domains", { host, [field]: `https://${host}/` });
      expect(made.status).toBe(422);
      const { id } = (await post("domains", { host })).body as { id: string };
      const body = { [field]: `https://${host.toUpperCase()}./x` };
      expect((await world.call("PATCH", `/api/v1/domains/${id}`, { body })).status).toBe(422);
    }
  });

  test("no link leads to another's proved domain", async () => {
    const { id } = (await post("domains", { host: "short.example.com" })).body as { id: string };
    await world.db.write(async (tx) => {
      await tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${id}`;
      await tx.all`SELECT pg_notify('links_domains_changed', '')`;
    });
    const aim = () =>
      world.call("POST", "/api/v1/links", {
        as: world.bob,
        body: { url: "https://short.example.com/a" },
      });
    const deadline = performance.now() + 20_000;
    let reply = await aim();
    while (reply.status !== 422 && performance.now() < deadline) {
      await Bun.sleep(20);
      reply = await aim();
    }
    expect(reply.status).toBe(422);
    const theirs = { as: world.bob, body: { url: good, domain: "short.example.com" } };
    expect((await world.call("POST", "/api/v1/links", theirs)).status).toBe(422);
  });
});

describe("codes", () => {
  test("those of consecutive links share nothing that could be counted on", async () => {
    const made = await post("links/bulk", {
      links: Array.from({ length: 400 }, () => ({ url: good })),
    });
    const { results } = made.body as { results: { link: { code: string } }[] };
    const codes = results.map((r) => r.link.code);
    expect(new Set(codes).size).toBe(400);
    expect(codes.filter((code) => !/^[0-9A-Za-z]{7}$/.test(code))).toEqual([]);
    const pairs = codes.slice(1).map((code, i) => [codes[i] as string, code] as const);
    const same = pairs.flatMap(([a, b]) => [...a].filter((c, i) => c === b[i])).length;
    // One place in 62 is the same by chance: 45 of 2,793; 100 is eight deviations away.
    expect(same).toBeLessThan(100);
    const rising = pairs.filter(([a, b]) => a < b).length;
    expect(Math.abs(rising - 199.5)).toBeLessThan(60);
  });

  test("paths of Stoa itself, and what passes for them, are nobody's alias", async () => {
    const own = [
      "api",
      "console",
      "docs",
      "openapi.json",
      "healthz",
      "readyz",
      "metrics",
      "robots.txt",
    ];
    const segments = new Set(
      world.running.routes.map((route) => route.path.split("/")[1] as string),
    );
    for (const word of [...own, ...segments, "favicon.ico", "login", "admin", ".well-known"]) {
      for (const alias of [
        word,
        word.toUpperCase(),
        word.replace("o", "0").replace("i", "1"),
        `${word}-`,
      ]) {
        const { status } = await post("links", { url: good, alias });
        expect([400, 422], alias).toContain(status);
      }
    }
    const nothing = [
      "a+b",
      "a/b",
      "a.b",
      "..",
      "a%2fb",
      "a b",
      "\u0440aypal",
      "paypal\u200b",
      "a".repeat(65),
    ];
    for (const alias of nothing) {
      expect([400, 422]).toContain((await post("links", { url: good, alias })).status);
    }
  });

  test("nobody takes a name that looks like a taken one", async () => {
    expect((await post("links", { url: good, alias: "paypal-login" })).status).toBe(201);
    for (const alias of [
      "PayPal-Login",
      "paypa1-login",
      "paypal_l0gin",
      "paypallogin",
      "paypaI-Iogin",
    ]) {
      const reply = await world.call("POST", "/api/v1/links", {
        as: world.bob,
        body: { url: good, alias },
      });
      expect(reply.status, alias).toBe(409);
    }
  });
});

describe("forwarding", () => {
  test("the visitor chooses neither host nor scheme, and does not climb", async () => {
    const body = { url: "https://example.com/base/", forward_path: true, forward_query: true };
    const { code } = (await post("links", body)).body as { code: string };
    const tails = [
      ...[
        "//evil.test",
        "/%2fevil.test",
        "/..",
        "/../..",
        "/%2e%2e/x",
        "/%252e%252e%252fx",
        "/..%5cx",
      ],
      ...[
        "/@evil.test",
        "/:80",
        "/%09//evil.test",
        "?//evil.test",
        "?url=https://evil.test",
        "/.//evil.test",
      ],
      ...[
        "/https://evil.test",
        "/%5c%5cevil.test",
        "/x%00y",
        "?#@evil.test",
        "/?@evil.test/",
        "/%E2%81%84",
      ],
    ];
    let followed = 0;
    for (const tail of tails) {
      const { answers } = await talk(world.running.port, [request(`GET /${code}${tail}`)], 30);
      const location = headerOf(answers[0], "location");
      // Stoa's own front page, where nothing but dots was left of the path.
      if (location === null || location === "/console/") continue;
      const reached = new URL(location);
      expect(reached.origin, tail).toBe("https://example.com");
      expect(reached.pathname, tail).toStartWith("/base");
      followed++;
    }
    expect(followed).toBeGreaterThan(5);
    const plain = await world.visit(`/${code}/a?b=c`);
    expect(plain.headers.get("location")).toBe("https://example.com/base/a?b=c");
  });

  test("guesses at a link's password are counted", async () => {
    const { code } = (await post("links", { url: good, password: "open sesame" })).body as {
      code: string;
    };
    const guess = (text: string) => world.visit(`/${code}`, { "x-link-password": text });
    const statuses = new Set<number>();
    for (let i = 0; i < 40 && !statuses.has(429); i++) {
      statuses.add((await guess(`guess ${i}`)).status);
    }
    expect(statuses).toEqual(new Set([401, 429]));
    expect((await guess("open sesame")).status).toBe(429);
  }, 60_000);
});

test("no cell of an export is a formula", async () => {
  const evil = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\uff1d1+1",
    '=HYPERLINK("http://x")',
    "'=1",
  ];
  for (const text of evil) {
    const body = { url: good, title: text, description: text, tags: [text.slice(0, 40)] };
    expect((await world.call("POST", "/api/v1/links", { as: world.admin, body })).status).toBe(201);
  }
  const { body } = await world.call("GET", "/api/v1/links/export", { as: world.admin });
  const rows: string[][] = parse(body as string);
  expect(rows).toHaveLength(evil.length + 1);
  const formulas = rows.flat().filter((cell) => /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(cell));
  expect(formulas).toEqual([]);
});
