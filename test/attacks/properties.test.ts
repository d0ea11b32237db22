import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Route } from "../../src/platform/http/route.ts";
import { startWorld, type World } from "../world.ts";
import { ownIds, signIn } from "./owned.ts";
import { bodyFor, type JsonSchema, nameOf, pathWith, queryFor, schemaOf } from "./samples.ts";

/**
 * What a body, a query and a path may hold, tried on every route with what they may not. The
 * answer is always problem details that name the field; it is never a 500, and never a success
 * with something unasked.
 */
let world: World;
let routes: Route[];
let token: string;
/** Paths with ids of things that are there, so that a body is looked at to its end. */
const paths = new Map<Route, string>();

beforeAll(async () => {
  world = await startWorld({ STOA_SIGN_UP_OPEN: "true" });
  routes = world.running.routes;
  token = await signIn(world, world.admin);
  for (const route of routes.filter((r) => r.path.includes("{"))) {
    const own = route.access === "admin" ? ["1"] : await ownIds(world, route, world.admin, token);
    paths.set(route, pathWith(route, own));
  }
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Answer = { status: number; text: string; type: string };

async function sendText(route: Route, text: string | Uint8Array, headers = {}): Promise<Answer> {
  const response = await fetch(world.url + (paths.get(route) ?? route.path) + queryFor(route), {
    method: route.method,
    redirect: "manual",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: text as BodyInit,
  });
  const type = response.headers.get("content-type") ?? "";
  return { status: response.status, text: await response.text(), type };
}

/** What only a fault of ours answers. */
function failure({ status, text }: Pick<Answer, "status" | "text">): string | null {
  return status >= 500 ? `${status} ${text}` : null;
}

/** Null when the answer is a refusal that a caller can act on, else what is wrong with it. */
function complaint(answer: Answer, field: string | null, statuses = [400, 422]): string | null {
  const shown = `${answer.status} ${answer.text.slice(0, 200)}`;
  if (!statuses.includes(answer.status)) return shown;
  if (answer.type !== "application/problem+json") return `${shown} as ${answer.type}`;
  const { errors = [], detail } = JSON.parse(answer.text) as {
    detail: string;
    errors?: { field: string }[];
  };
  const names = errors.map((error) => error.field);
  if (field === null || names.some((name) => name.startsWith(field))) return null;
  return `names ${names.join(", ")} and not ${field}: ${detail}`;
}

type Attempt = [what: string, tried: () => Promise<string | null>];
const atOnce = 8;

/** All that is wrong with the answers to all attempts, a few of which run at once. */
async function complaints(chosen: Route[], attemptsOn: (route: Route) => Iterable<Attempt>) {
  const out: string[] = [];
  const all = chosen.flatMap((route) =>
    [...attemptsOn(route)].map(([what, tried]) => ({ what: `${nameOf(route)}: ${what}`, tried })),
  );
  expect(all.length).toBeGreaterThan(0);
  const queue = all.values();
  const work = async () => {
    for (const { what, tried } of queue) {
      let wrong = await tried();
      // A machine with much else to do may have had no connection to spare at that moment.
      for (let again = 0; again < 3 && wrong?.includes("server.database_unavailable"); again++) {
        wrong = await tried();
      }
      if (wrong !== null) out.push(`${what}: ${wrong}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return out;
}

const withBody = () => routes.filter((route) => route.body !== undefined);

test("the sample of every body and query is one that its route takes", () => {
  for (const route of routes) {
    const body = route.body?.safeParse(bodyFor(route));
    expect(body?.error?.issues ?? [], nameOf(route)).toEqual([]);
    const query = Object.fromEntries(new URLSearchParams(queryFor(route)));
    expect(route.query?.safeParse(query).error?.issues ?? [], nameOf(route)).toEqual([]);
  }
});

describe("bodies", () => {
  const unasked = {
    ...{ id: "1", owner_id: "1", account_id: "1", role: "admin", is_admin: true, admin: true },
    ...{ balance: 1_000_000, scopes_extra: ["*"], disabled_at: null, created_at: "2020-01-01" },
    ...{ constructor: { prototype: { role: "admin" } }, prototype: {}, toString: "x" },
    ...{ hasOwnProperty: true, clicks: 5, quarantined: null, verified_at: "2020-01-01T00:00:00Z" },
  };

  test("a field that was not asked for is refused by name", async () => {
    const found = await complaints(withBody(), function* (route) {
      const own = schemaOf(route.body!).properties ?? {};
      for (const [name, value] of Object.entries(unasked)) {
        if (Object.hasOwn(own, name)) continue;
        const body = JSON.stringify({ ...bodyFor(route), [name]: value });
        yield [name, async () => complaint(await sendText(route, body), name)];
      }
      const least = JSON.stringify(bodyFor(route)).slice(1, -1);
      const body = `{${least}${least && ","}"__proto__":{"role":"admin"}}`;
      yield ["__proto__", async () => complaint(await sendText(route, body), "__proto__")];
    });
    expect(found).toEqual([]);
    expect((Object.prototype as { role?: string }).role).toBeUndefined();
  }, 30_000);

  const values: Record<string, unknown> = {
    number: 12_345.5,
    string: "\u{1F600} no such thing",
    array: [[]],
    object: { $ne: null },
    null: null,
    boolean: true,
  };

  test("a field of the wrong type is refused by name", async () => {
    const found = await complaints(withBody(), function* (route) {
      for (const [name, schema] of Object.entries(schemaOf(route.body!).properties ?? {})) {
        for (const [type, value] of Object.entries(values)) {
          if (takes(schema, type) && type !== "number") continue;
          const body = JSON.stringify({ ...bodyFor(route), [name]: value });
          yield [`${name} a ${type}`, async () => complaint(await sendText(route, body), name)];
        }
      }
    });
    expect(found).toEqual([]);
  }, 30_000);

  test("what is missing is named", async () => {
    const found = await complaints(withBody(), function* (route) {
      for (const name of schemaOf(route.body!).required ?? []) {
        const { [name]: _, ...rest } = bodyFor(route)!;
        const body = JSON.stringify(rest);
        yield [`no ${name}`, async () => complaint(await sendText(route, body), name)];
      }
    });
    expect(found).toEqual([]);
  });

  /** JSON texts of values that no field takes, or takes only to answer like any other. */
  const hostile: Record<string, string> = {
    "half a surrogate pair": '"\\ud800"',
    "a NUL": '"a\\u0000b"',
    "1e400": "1e400",
    "beyond 2^53": "9007199254740993",
    "a very long number": "9".repeat(400),
    "100k deep": "[".repeat(100_000) + "]".repeat(100_000),
    "deep objects": '{"a":'.repeat(5_000) + "1" + "}".repeat(5_000),
  };

  test("hostile values of any field are refused, and quickly", async () => {
    const found = await complaints(withBody(), function* (route) {
      for (const name of Object.keys(schemaOf(route.body!).properties ?? {})) {
        for (const [what, value] of Object.entries(hostile)) {
          const least = { ...bodyFor(route), [name]: "VALUE" };
          const body = JSON.stringify(least).replace('"VALUE"', () => value);
          yield [`${name} ${what}`, async () => complaint(await sendText(route, body), null)];
        }
      }
    });
    expect(found).toEqual([]);
  }, 60_000);

  /** Right in type, wrong in nearly everything else: they get any answer but a failure of ours. */
  const strange: unknown[] = [
    ...["", "\u202e", "a".repeat(20_000), "'; DROP TABLE x;--", " ", "\u00a0", "\ufeff", "%00"],
    ...[
      "0000-01-01T00:00:00Z",
      "9999-12-31T23:59:59Z",
      "9999-12-31T23:59:59-23:59",
      "\u0661\u0662",
    ],
    ...["0000-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "https://", "https://a.b/%ff%fe"],
    ...[-0, -1, 0, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324],
    ...[[], ["", ""], Array.from({ length: 2_000 }, () => "a"), {}, null, true, false],
  ];

  test("strange values of any field never fail on our side", async () => {
    const found = await complaints(withBody(), function* (route) {
      const slow = "password" in bodyFor(route)!;
      for (const [name, schema] of Object.entries(schemaOf(route.body!).properties ?? {})) {
        // Each answer there takes a computation of argon2.
        const tried = slow || name === "password" ? strange.slice(0, 5) : strange;
        for (const value of tried.filter((each) => takes(schema, typeOf(each)))) {
          const body = JSON.stringify({ ...bodyFor(route), [name]: value });
          const what = `${name} ${JSON.stringify(value).slice(0, 40)}`;
          yield [what, async () => failure(await sendText(route, body))];
        }
      }
    });
    expect(found).toEqual([]);
  }, 30_000);

  test("of duplicate names the last one counts for the check and for the effect", async () => {
    const route = routes.find((r) => nameOf(r) === "POST /api/v1/links")!;
    const evil = '{"url":"https://example.com/ok","url":"javascript:alert(1)"}';
    expect(complaint(await sendText(route, evil), "url")).toBeNull();
    const good = '{"url":"javascript:alert(1)","url":"https://example.com/ok"}';
    const made = await sendText(route, good);
    expect(JSON.parse(made.text).url).toBe("https://example.com/ok");
  });

  test("what is no JSON object is refused on every route", async () => {
    const texts: Record<string, string | Uint8Array> = {
      ...{ nothing: "", "a word": "x", truncated: '{"a":"b', "two values": "{}{}", NaN: "NaN" },
      ...{ "a list": "[]", null: "null", "a string": '"x"', "a number": "1", comment: "{/**/}" },
      "a trailing comma": '{"a":1,}',
      "a byte order mark": new Uint8Array([0xef, 0xbb, 0xbf, 0x5b, 0x5d]),
      "UTF-16": new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]),
      "invalid UTF-8": new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      gzip: Bun.gzipSync("{}"),
    };
    const found = await complaints(withBody(), function* (route) {
      for (const [what, text] of Object.entries(texts)) {
        yield [what, async () => complaint(await sendText(route, text), null)];
      }
      for (const encoding of ["gzip", "deflate", "br"]) {
        const headers = { "content-encoding": encoding };
        const packed = Bun.gzipSync(JSON.stringify(bodyFor(route)));
        const tried = () => sendText(route, packed, headers);
        yield [`packed as ${encoding}`, async () => complaint(await tried(), null, [400, 415])];
      }
    });
    expect(found).toEqual([]);
  }, 60_000);

  test("another content type is not read as JSON", async () => {
    const types = [
      ...["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
      ...["text/json", "application/jsonp", "application/xml", "", "application/json-patch+json"],
    ];
    const found = await complaints(withBody(), function* (route) {
      for (const type of types) {
        const text = new TextEncoder().encode(JSON.stringify(bodyFor(route)));
        const tried = () => sendText(route, text, { "content-type": type });
        yield [type, async () => complaint(await tried(), null, [415])];
      }
    });
    expect(found).toEqual([]);
  });

  test("a body is read no further than its limit", async () => {
    const found = await complaints(withBody(), function* (route) {
      const text = `{"a":"${"x".repeat(route.bodyBytesMax ?? 256 * 1024)}"}`;
      yield [
        "a byte too many",
        async () => {
          const answer = await sendText(route, text);
          const isProblem = answer.type === "application/problem+json";
          return answer.status === 413 && isProblem ? null : answer.text || "?";
        },
      ];
    });
    expect(found).toEqual([]);
  });

  test("a million names are refused while others are served", async () => {
    const names = Array.from({ length: 1_000_000 }, (_, i) => `"${i.toString(36)}":1`).join(",");
    const route = routes.find((r) => nameOf(r) === "POST /api/v1/links/bulk")!;
    const started = performance.now();
    const many = sendText(route, `{${names}}`);
    const healthy = await fetch(`${world.url}/healthz`);
    expect(healthy.status).toBe(200);
    expect(complaint(await many, null)).toBeNull();
    // A second or so; ten times that on a machine with much else to do.
    expect(performance.now() - started).toBeLessThan(15_000);
  }, 30_000);
});

function takes(schema: JsonSchema, type: string): boolean {
  if (schema.anyOf) return schema.anyOf.some((one) => takes(one, type));
  if (schema.type === undefined && !schema.enum && schema.const === undefined) return true;
  return schema.type === type || (schema.type === "integer" && type === "number");
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

describe("queries and paths", () => {
  const readable = () => routes.filter((r) => r.method === "GET" && !r.stream);

  async function get(path: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(world.url + path, { headers, redirect: "manual" });
    const type = response.headers.get("content-type") ?? "";
    return { status: response.status, text: await response.text(), type };
  }

  const links: string[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 2; i++) {
      const body = { url: `https://example.com/${i}`, ttl_days: i + 1 };
      const reply = await world.call("POST", "/api/v1/links", { as: world.admin, body });
      links.push((reply.body as { id: string }).id);
    }
  });

  const ways = [
    ...["%00", "%ff", "%ED%A0%80", "%F0%9F%98%80", "%E2%80%AE", "%0d%0aX-Evil:%201", "'", "%25"],
    ...["-1", "0", "1e3", "0x10", "1.5", "NaN", "Infinity", "9".repeat(20), "\u0661", "null", ""],
    ...["9223372036854775807", "9223372036854775808", "0000-01-01T00:00:00Z", "..%2f..%2fetc"],
    ...["9999-12-31T23:59:59Z", "2026-11-21T00:00:00%2B23:59", "[]", "{}", "true", "*", "%5c"],
    ...["a".repeat(5_000), "%27%20OR%201=1--", "abc", "::1", "%", "%E0%A4%A"],
  ];

  test("no value of any parameter of a query fails on our side", async () => {
    const found = await complaints(readable(), function* (route) {
      const names = Object.keys(route.query ? (schemaOf(route.query).properties ?? {}) : {});
      const own = pathWith(route, links[0] as string);
      const base = queryFor(route).slice(1);
      for (const name of [...names, "__proto__", "constructor", "limit[]", "a[b][c]"]) {
        for (const value of ways) {
          const path = `${own}?${base}${base && "&"}${name}=${value}`;
          yield [`${name}=${value.slice(0, 30)}`, async () => failure(await get(path))];
        }
      }
    });
    expect(found).toEqual([]);
  }, 30_000);

  test("a parameter given twice is refused by name", async () => {
    const found = await complaints(
      readable().filter((r) => r.query),
      function* (route) {
        for (const name of Object.keys(schemaOf(route.query!).properties ?? {})) {
          const path = `${paths.get(route) ?? route.path}?${name}=1&${name}=1`;
          yield [name, async () => complaint(await get(path), name)];
        }
      },
    );
    expect(found).toEqual([]);
  });

  test("a cursor that somebody made up is refused or finds nothing", async () => {
    const sorts = ["-created_at", "created_at", "-clicks", "expires_at"];
    const ids = ["1", "0", "9223372036854775808", "9".repeat(19), "-1"];
    const keys = ["", "0", "9".repeat(40), "99999999", "2026", "0000-01-01T00:00:00Z", "Tue", "-5"];
    const forged = sorts.flatMap((sort) =>
      ids.flatMap((id) => keys.map((key) => [sort, Buffer.from(JSON.stringify([sort, id, key]))])),
    ) as [string, Buffer][];
    const clicks = ["1.1.99999", "99999999999999.4294967295.65535", "0.0.0", "1.4294967296.1"];
    const paged = readable().filter((r) => r.query && schemaOf(r.query).properties?.["cursor"]);
    const found = await complaints(paged, function* (route) {
      const path = pathWith(route, links[0] as string);
      const sorted = schemaOf(route.query!).properties?.["sort"] !== undefined;
      const cursors = sorted
        ? forged.map(([sort, cursor]) => `sort=${sort}&cursor=${cursor.toString("base64url")}`)
        : [...clicks, ...ids].map((cursor) => `cursor=${cursor}`);
      for (const query of cursors) {
        yield [query, async () => failure(await get(`${path}?${query}`))];
      }
    });
    expect(found).toEqual([]);
  });

  test("no id fails on our side, and only ids are ids", async () => {
    const named = routes.filter((route) => route.path.includes("{") && !route.stream);
    const found = await complaints(named, function* (route) {
      const namesIdsOnly = !/\{(seq|emoji|token)\}/.test(route.path);
      for (const id of ways.filter((way) => way !== "")) {
        const path = pathWith(route, id) + queryFor(route);
        const isId = /^[1-9]\d{0,18}$/.test(id) && id !== "9223372036854775808";
        const tried = async () => {
          const options = { as: token, body: bodyFor(route) };
          const { status, body } = await world.call(route.method, path, options);
          const right = (isId && namesIdsOnly ? [404] : [400, 404, 405]).includes(status);
          return right ? null : `${status} ${JSON.stringify(body)}`;
        };
        yield [id.slice(0, 30), tried];
      }
    });
    expect(found).toEqual([]);
  }, 60_000);
});
