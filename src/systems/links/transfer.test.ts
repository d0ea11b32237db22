import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, startWorld, type World } from "../../../test/world.ts";
import type { z } from "zod";
import { importBytesMax, importsAtOnceMax, uploadsPerOwnerMax } from "./transfer-http.ts";
import type { importReply, Link } from "./wire.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    STOA_LINK_ALIASES_PER_OWNER_MAX: "2500",
    STOA_LINK_IMPORT_UPLOAD_MS_MAX: "3000",
  });
});
afterAll(async () => {
  await world.stop();
});

type Imported = z.infer<typeof importReply>;
type Sent = { as?: Person | string | null; query?: string; headers?: Record<string, string> };

async function send(csv: BodyInit, { as = world.ada, query = "", headers }: Sent = {}) {
  const key = typeof as === "string" ? as : as?.key;
  return await fetch(`${world.url}/api/v1/links/import${query}`, {
    method: "POST",
    headers: {
      "content-type": "text/csv",
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...headers,
    },
    body: csv,
  });
}

async function imported(csv: BodyInit, sent: Sent = {}): Promise<Imported> {
  const response = await send(csv, sent);
  expect(response.status).toBe(200);
  return (await response.json()) as Imported;
}

const fixture = (name: string) => Bun.file(new URL(`./fixtures/${name}`, import.meta.url)).text();
const follow = async (code: string) => (await world.visit(`/${code}`)).headers.get("location");

async function linkOf(code: string, as: Person = world.ada): Promise<Link> {
  const query = `/api/v1/links?state=all&search=${code}`;
  const { items } = (await world.call("GET", query, { as })).body as { items: Link[] };
  return items.find((item) => item.code === code) as Link;
}

async function exported(as: Person): Promise<string> {
  const reply = await world.call("GET", "/api/v1/links/export", { as });
  expect(reply.status).toBe(200);
  return reply.body;
}

async function stranger(name: string): Promise<Person> {
  const email = `${name}@stoa.test`;
  return await world.db.write(async (tx) => {
    const { operations } = world.running;
    const account = await operations.createAccount(tx, {
      ...{ email, password: "correct horse battery staple", role: "member" },
    });
    const given = { name: "all", scopes: ["*"], expires_at: null };
    return { id: account.id, email, key: (await operations.createKey(tx, account.id, given)).key };
  });
}

describe("importing what others exported", () => {
  test("Bitly: codes go on leading where they led", async () => {
    const owner = await stranger("bitly");
    const reply = await imported(await fixture("bitly.csv"), { as: owner });
    expect(reply).toEqual({ format: "bitly", rows: 3, created: 3, skipped: 0, errors: [] });
    expect(await follow("spring-sale")).toBe("https://shop.example.com/spring?utm_source=bitly");
    expect((await linkOf("4XyZ789", owner)).title).toBe("Annual report");
  });

  test("Kutt: what is protected or banned stays out and is listed", async () => {
    const owner = await stranger("kutt");
    const reply = await imported(await fixture("kutt.csv"), { as: owner });
    expect(reply).toMatchObject({ format: "kutt", rows: 4, created: 2, skipped: 0 });
    expect(reply.errors.map(({ row, field }) => [row, field])).toEqual([
      [4, "password"],
      [5, "banned"],
    ]);
    expect(await linkOf("fQ9xYz", owner)).toMatchObject({ expires_at: "2099-12-31T22:00:00.000Z" });
    expect(await world.visit("/inside").then((r) => r.status)).toBe(404);
  });

  test("YOURLS: a keyword too short gets a new code, and the row says which", async () => {
    const owner = await stranger("yourls");
    const reply = await imported(await fixture("yourls.csv"), { as: owner });
    expect(reply).toMatchObject({ format: "yourls", rows: 3, created: 3 });
    expect(reply.errors).toHaveLength(1);
    const [error] = reply.errors;
    expect(error).toMatchObject({ row: 2, field: "alias" });
    const code = /the code (\w{7})$/.exec(error?.message ?? "")?.[1] as string;
    expect(await follow(code)).toBe("https://www.example.com/first");
    expect(await follow("ozh")).toBe("https://ozh.org/");
    const again = await imported(await fixture("yourls.csv"), { as: owner });
    expect(again).toMatchObject({ created: 0, skipped: 3, errors: [] });
    const plugin = await imported(await fixture("yourls-plugin.csv"), { as: owner });
    expect(plugin).toMatchObject({ format: "yourls", rows: 2, created: 0, skipped: 1 });
    expect(plugin.errors).toMatchObject([{ row: 3, field: "alias" }]);
  });

  test("Shlink: title and tags", async () => {
    const owner = await stranger("shlink");
    const reply = await imported(await fixture("shlink.csv"), { as: owner });
    expect(reply).toMatchObject({ format: "shlink", rows: 2, created: 2, errors: [] });
    const link = await linkOf("launch", owner);
    expect(link).toMatchObject({ title: "Launch day", tags: ["press", "2024"] });
  });

  test("a proved domain takes its links home; ?domain= names one for all", async () => {
    const owner = await stranger("domains");
    await world.db.write(async (tx) => {
      await tx.run`
        INSERT INTO links.domains (id, owner_id, host, token, verified_at)
        VALUES (77, ${owner.id}, 's.test', 't', now())`;
      await tx.all`SELECT pg_notify('links_domains_changed', '')`;
    });
    const asks = () => world.call("GET", "/api/v1/domains/ask?domain=s.test", { as: null });
    while ((await asks()).status !== 200) await Bun.sleep(10);
    const reply = await imported(await fixture("shlink.csv"), { as: owner });
    expect(reply).toMatchObject({ created: 2, errors: [] });
    expect((await linkOf("launch", owner)).short_url).toBe("https://s.test/launch");
    const named = await imported("url\nhttps://example.com/n\n", {
      ...{ as: owner, query: "?domain=s.test" },
    });
    expect(named.created).toBe(1);
    const foreign = await imported("url\nhttps://example.com/f\n", {
      ...{ as: world.bob, query: "?domain=s.test" },
    });
    expect(foreign).toMatchObject({ created: 0, errors: [{ row: 2, field: "domain" }] });
  });
});

describe("rows", () => {
  test("each bad one is listed with its row and field, the others are made", async () => {
    const csv = [
      "url;code;title;expires_at;max_clicks",
      "https://example.com/good;good-row;fine;;",
      "javascript:alert(1);bad-scheme;;;",
      ";no-url;;;",
      "",
      'https://example.com/q;quoted;"broken;;',
      "https://example.com/e;bad-date;;soon;",
      "https://example.com/c;bad-count;;;many",
      "https://example.com/p;past-date;;2001-01-01T00:00:00Z;",
      "https://example.com/n;nul\0;;;",
      "https://example.com/other;good-row;;;",
      "https://example.com/good;good_row;;;",
      "https://example.com/last;admin;;;",
    ].join("\r\n");
    const reply = await imported(csv);
    expect(reply).toMatchObject({ format: "stoa", rows: 11, created: 2, skipped: 1 });
    expect(reply.errors.map(({ row, field }) => [row, field])).toEqual([
      [4, "url"],
      [6, "row"],
      [7, "expires_at"],
      [8, "max_clicks"],
      [10, "row"],
      [11, "alias"],
      [3, "url"],
      [9, "expires_at"],
      [13, "alias"],
    ]);
    expect(await follow("good-row")).toBe("https://example.com/good");
    expect((await linkOf("good-row")).expires_at).toBeNull();
  });

  test("codes that look alike stay apart for one owner, and are taken for another", async () => {
    const owner = await stranger("alike");
    const codes = ["aB0", "ab0", "abO", "4B0", "4bo"];
    const url = (code: string) => `https://example.com/alike/${code}`;
    const csv = `keyword,url\n${codes.map((code) => `${code},${url(code)}`).join("\n")}\n`;
    const dry = await imported(csv, { as: owner, query: "?dry_run=true" });
    const reply = await imported(csv, { as: owner });
    expect(reply).toMatchObject({ created: 5, skipped: 0, errors: [] });
    expect(dry).toEqual(reply);
    for (const code of codes) expect(await follow(code)).toBe(url(code));
    expect(await imported(csv, { as: owner })).toMatchObject({ created: 0, skipped: 5 });
    const late = await imported(`keyword,url\nAB0,${url("AB0")}\n`, { as: owner });
    expect(late.created).toBe(1);
    expect([await follow("AB0"), await follow("aB0")]).toEqual([url("AB0"), url("aB0")]);
    const other = await imported("keyword,url\nAbo,https://example.com/alike/x\n");
    expect(other).toMatchObject({ created: 0, errors: [{ row: 2, field: "alias" }] });
  });

  test("administrators keep the shortest codes on the host that all share", async () => {
    const csv = "keyword,url\n7,https://example.com/seven\nqr,https://example.com/reserved\n";
    const reply = await imported(csv, { as: world.admin });
    expect(reply).toMatchObject({ created: 2, errors: [{ row: 3, field: "alias" }] });
    expect(await follow("7")).toBe("https://example.com/seven");
    expect(await imported(csv, { as: world.admin })).toMatchObject({ created: 0, skipped: 2 });
  });

  test("an alias of somebody else, or deleted, is taken", async () => {
    await imported("url,alias\nhttps://example.com/a,mine-only\n");
    const bobs = await imported("url,alias\nhttps://example.com/a,mine-only\n", { as: world.bob });
    expect(bobs).toMatchObject({ created: 0, skipped: 0, errors: [{ row: 2, field: "alias" }] });
    await world.call("DELETE", `/api/v1/links/${(await linkOf("mine-only")).id}`);
    const again = await imported("url,alias\nhttps://example.com/a,mine-only\n");
    expect(again).toMatchObject({ created: 0, skipped: 0, errors: [{ row: 2, field: "alias" }] });
  });

  test("a dry run says the same and changes nothing", async () => {
    const rows = ["https://example.com/d1,dry-one", "https://example.com/d1,dry-one"];
    rows.push("https://example.com/d2,", "https://example.com/d2,", "x,dry-bad");
    const csv = `url,alias\n${rows.join("\n")}\n`;
    const dry = await imported(csv, { query: "?dry_run=true" });
    expect(dry).toMatchObject({ rows: 5, created: 2, skipped: 2, errors: [{ row: 6 }] });
    expect(await world.visit("/dry-one").then((r) => r.status)).toBe(404);
    expect(await imported(csv)).toEqual(dry);
    const later = await imported(csv, { query: "?dry_run=true" });
    expect(later).toMatchObject({ created: 0, skipped: 4 });
  });

  test("aliases stop at the owner's limit, and importing again makes nothing twice", async () => {
    const owner = await stranger("many");
    const row = (i: number) => `https://example.com/many/${i},bulk-${i}`;
    const csv = `url,alias\n${Array.from({ length: 3_200 }, (_, i) => row(i)).join("\n")}\n`;
    const dry = await imported(csv, { as: owner, query: "?dry_run=1" });
    const reply = await imported(csv, { as: owner });
    expect(reply).toMatchObject({ rows: 3_200, created: 2_500, skipped: 0 });
    expect(reply.errors).toHaveLength(700);
    expect(reply.errors[0]?.message).toBe("an owner may hold 2500 live aliases");
    expect(dry).toEqual(reply);
    const again = await imported(csv, { as: owner });
    expect(again).toMatchObject({ created: 0, skipped: 2_500 });
    const codes = await world.db.one<{ n: string }>`
      SELECT count(*) AS n FROM links.links WHERE owner_id = ${owner.id}`;
    expect(codes?.n).toBe("2500");
  });

  test("20 at once import one file: every link is there once", async () => {
    const owner = await stranger("racers");
    const rows = Array.from({ length: 50 }, (_, i) => `https://example.com/r/${i},race-${i}z`);
    const codeless = Array.from({ length: 50 }, (_, i) => `https://example.com/s/${i},`);
    const csv = `url,alias\n${[...rows, ...codeless].join("\n")}\n`;
    const replies = await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (;;) {
          const response = await send(csv, { as: owner });
          if (response.status === 200) return (await response.json()) as Imported;
          expect(response.status).toBe(503);
          expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
          await Bun.sleep(20);
        }
      }),
    );
    expect(replies.reduce((sum, reply) => sum + reply.created, 0)).toBe(100);
    const [found] = await world.db.all<{ links: string; urls: string }>`
      SELECT count(*) AS links, count(DISTINCT url) AS urls FROM links.links
      WHERE owner_id = ${owner.id}`;
    expect(found).toEqual({ links: "100", urls: "100" });
  });

  test("progress comes as lines, the reply as the last one", async () => {
    const csv = `url\n${Array.from({ length: 2_100 }, (_, i) => `https://example.com/p/${i}`).join("\n")}`;
    const headers = { accept: "application/x-ndjson" };
    const response = await send(csv, { headers });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([
      { rows: 1_000, created: 1_000, skipped: 0 },
      { rows: 2_000, created: 2_000, skipped: 0 },
      { format: "stoa", rows: 2_100, created: 2_100, skipped: 0, errors: [] },
    ]);
    const refused = await send("name\nx\n", { headers });
    expect(refused.status).toBe(422);
  });
});

describe("an import is refused", () => {
  test.each([
    ["name,phone\nA,1\n", "", {}, 422, "links.import_invalid"],
    ["", "", {}, 422, "links.import_invalid"],
    ["url\n", "?format=kutt", {}, 422, "links.import_invalid"],
    ["url\n", "?format=excel", {}, 400, "request.invalid"],
    ["{}", "", { "content-type": "application/json" }, 415, "request.unsupported_media_type"],
  ])("%j %s %j", async (csv, query, headers, status, code) => {
    const response = await send(csv, { query, headers: headers as Record<string, string> });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      status,
      code,
    ]);
  });

  test("when it drips; meanwhile those of others, and of its sender, go through", async () => {
    const owner = await stranger("dripper");
    const rest = Promise.withResolvers<void>();
    const dripping = () =>
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("url\n"));
          await rest.promise;
          controller.close();
        },
      });
    expect(uploadsPerOwnerMax).toBeGreaterThan(importsAtOnceMax);
    const slow = Array.from({ length: uploadsPerOwnerMax }, () => send(dripping(), { as: owner }));
    // Refused for so many only once all of them have begun.
    let reply = await send("url\n", { as: owner });
    while (reply.status === 200) reply = await send("url\n", { as: owner });
    expect(reply.status).toBe(503);
    expect(await reply.text()).toContain(`${uploadsPerOwnerMax} files of yours`);
    expect((await send("url\n")).status).toBe(200);
    const statuses = (await Promise.all(slow)).map((response) => response.status);
    rest.resolve();
    expect(statuses).toEqual(slow.map(() => 408));
    expect((await send("url\n", { as: owner })).status).toBe(200);
  });

  test("when it is too large, and from who may not create", async () => {
    expect((await send("x".repeat(importBytesMax + 1))).status).toBe(413);
    expect((await send("url\n", { as: null })).status).toBe(401);
    expect((await send("url\n", { as: world.readOnlyKey })).status).toBe(403);
    expect((await send("url\n", { as: world.createOnlyKey })).status).toBe(200);
  });
});

describe("exporting", () => {
  test("gives back by import exactly what was there, and harms no spreadsheet", async () => {
    const owner = await stranger("exporter");
    const wishes = [
      { url: "https://example.com/plain" },
      { url: "https://example.com/all", alias: "-all", title: '=HYPERLINK("x")', ttl_days: 0 },
      {
        ...{ url: "https://example.com/more?a=1,2;3", alias: "with-more", title: "'=quoted" },
        ...{ description: 'two\nlines, "quoted"', image: "https://example.com/i.png" },
        ...{ tags: ["a|b", "[c", "+d"], redirect: 308, max_clicks: 5, robots: "noindex" },
        ...{ expired_url: "https://example.com/gone", forward_query: true, forward_path: true },
        ...{ starts_at: "2026-01-02T03:04:05.678Z", expires_at: "2999-01-02T03:04:05.678Z" },
        rules: [{ if: { os: ["ios"] }, url: "https://example.com/ios" }],
        split: [
          { url: "https://example.com/a", weight: 1 },
          { url: "https://example.com/b", weight: 3 },
        ],
      },
      { url: "https://example.com/secret", alias: "secret-one", password: "open sesame" },
      { url: "https://example.com/deleted", alias: "deleted-one" },
    ];
    const made: Link[] = [];
    for (const body of wishes) {
      const reply = await world.call("POST", "/api/v1/links", { as: owner, body });
      expect(reply.status).toBe(201);
      made.push(reply.body);
    }
    await world.call("DELETE", `/api/v1/links/${made[4]?.id}`, { as: owner });
    const csv = await exported(owner);
    expect(csv).not.toContain("deleted-one");
    expect(csv).not.toMatch(/(^|,)"?[=+\-@]/m);
    const same = await imported(csv, { as: owner });
    expect(same).toMatchObject({ format: "stoa", rows: 4, created: 0, skipped: 3 });
    expect(same.errors).toMatchObject([{ row: 5, field: "password" }]);

    const codes = made.map((link) => link.code);
    await world.db.write((tx) => tx.run`DELETE FROM links.links WHERE owner_id = ${owner.id}`);
    const back = await imported(csv, { as: owner });
    expect(back).toMatchObject({ created: 3, skipped: 0 });
    for (const [i, code] of codes.slice(0, 3).entries()) {
      const before = made[i] as Link;
      const kept = { id: expect.any(String), created_at: expect.any(String) };
      const after = await linkOf(code, owner);
      expect(after).toEqual({ ...before, ...kept, updated_at: expect.any(String) });
    }
  });

  test("streams every page once, in a file of the day, and only one's own", async () => {
    const owner = await stranger("pager");
    const url = (i: number) => `https://example.com/page/${i}`;
    const csv = `url\n${Array.from({ length: 2_050 }, (_, i) => url(i)).join("\n")}`;
    await imported(csv, { as: owner });
    const response = await fetch(`${world.url}/api/v1/links/export`, {
      headers: { authorization: `Bearer ${owner.key}` },
    });
    expect(response.headers.get("content-type")).toStartWith("text/csv");
    expect(response.headers.get("content-disposition")).toMatch(
      /^attachment; filename="stoa-links-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const lines = (await response.text()).trimEnd().split("\r\n");
    expect(lines).toHaveLength(2_051);
    expect(new Set(lines.map((line) => line.split(",")[3])).size).toBe(2_051);
    expect((await exported(await stranger("nobody"))).trimEnd().split("\r\n")).toHaveLength(1);
  });

  test("needs credentials that may read", async () => {
    const status = async (as: string | null) =>
      (await world.call("GET", "/api/v1/links/export", { as })).status;
    expect(await status(null)).toBe(401);
    expect(await status(world.createOnlyKey)).toBe(403);
    expect(await status(world.readOnlyKey)).toBe(200);
  });
});
