import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { publicUrl, startWorld, type Reply, type World } from "../../../test/world.ts";
import { passwordsPerBulkMax } from "./bulk-http.ts";
import type { Link } from "./wire.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ STOA_LINK_ALIASES_PER_OWNER_MAX: "60" });
});
afterAll(async () => {
  await world.stop();
});

const create = (body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  world.call("POST", "/api/v1/links", { body, headers });
const made = async (body: unknown): Promise<Link> => (await create(body)).body;
const target = (name: string) => `https://example.com/${name}`;

describe("making a link", () => {
  test("answers 201 with the link, where it is, and when it ends", async () => {
    const reply = await create({ url: target("a"), title: "A page", tags: ["x", "y", "x"] });
    const link: Link = reply.body;
    expect(reply.status).toBe(201);
    expect(link.code).toMatch(/^[0-9A-Za-z]{7}$/);
    expect(link.short_url).toBe(`${publicUrl}/${link.code}`);
    expect(link).toMatchObject({ url: target("a"), state: "active", tags: ["x", "y"], clicks: 0 });
    expect(reply.headers.get("location")).toBe(`/api/v1/links/${link.id}`);
    const life = Date.parse(link.expires_at ?? "") - Date.parse(link.created_at);
    expect(life / 86_400_000).toBeCloseTo(1826, 5);
    expect(new Date(reply.headers.get("sunset") ?? "").getTime()).toBeCloseTo(
      Date.parse(link.expires_at ?? ""),
      -4,
    );
    expect(JSON.stringify(link)).not.toContain("owner_id");
  });

  test("a life of 0 days is for ever and has no Sunset", async () => {
    const reply = await create({ url: target("ever"), ttl_days: 0 });
    expect((reply.body as Link).expires_at).toBeNull();
    expect(reply.headers.get("sunset")).toBeNull();
  });

  test.each([
    [{}, "url"],
    [{ url: "javascript:alert(1)" }, "url"],
    [{ url: "http://127.0.0.1/" }, "url"],
    [{ url: `${publicUrl}/loop` }, "url"],
    [{ url: target("x"), surprise: 1 }, "surprise"],
    [{ url: target("x"), owner_id: "1" }, "owner_id"],
    [{ url: target("x"), expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    [{ url: target("x"), expires_at: "2099-01-01T00:00:00Z", ttl_days: 3 }, "ttl_days"],
    [{ url: target("x"), max_clicks: 0 }, "max_clicks"],
    [{ url: target("x"), redirect: 303 }, "redirect"],
    [{ url: target("x"), alias: "a!" }, "alias"],
    [{ url: target("x"), alias: "api" }, "alias"],
    [{ url: target("x"), domain: "go.example.org" }, "domain"],
    [{ url: target("x"), image: "myapp://x" }, "image"],
    [
      { url: target("x"), rules: [{ if: { os: ["ios"] }, url: "file:///etc/passwd" }] },
      "rules[0].url",
    ],
    [{ url: target("x"), split: [{ url: target("a"), weight: 1 }] }, "split"],
  ])("%j is refused, naming %s", async (body, field) => {
    const reply = await create(body);
    expect(reply.status).toBeOneOf([400, 422]);
    const problem = reply.body as { detail: string; errors: { field: string }[] };
    expect(problem.errors.map((e) => e.field)).toContain(field);
    expect(problem.detail).toContain(field);
  });

  test("40 at once with one alias: one gets it, 39 get 409", async () => {
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, i) => create({ url: target(`race${i}`), alias: "the-race" })),
    );
    expect(replies.filter((r) => r.status === 201)).toHaveLength(1);
    expect(replies.filter((r) => r.status === 409)).toHaveLength(39);
  });

  test("an alias that looks like a taken one is taken", async () => {
    expect((await create({ url: target("l"), alias: "Hello-World" })).status).toBe(201);
    for (const alias of ["hello-world", "HELL0-W0RLD"]) {
      const reply = await create({ url: target("l"), alias });
      expect([alias, reply.status]).toEqual([alias, 409]);
    }
  });

  test("20 at once with find_or_create make one link", async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => create({ url: target("found"), find_or_create: true })),
    );
    expect(new Set(replies.map((r) => (r.body as Link).id)).size).toBe(1);
    expect(replies.filter((r) => r.status === 201)).toHaveLength(1);
    expect(replies.filter((r) => r.status === 200)).toHaveLength(19);
  });

  test("find_or_create makes a new link once the old one is gone", async () => {
    const body = { url: target("again"), find_or_create: true };
    const first = await made(body);
    await world.call("DELETE", `/api/v1/links/${first.id}`);
    expect((await made(body)).id).not.toBe(first.id);
  });

  test("aliases at once beyond an owner's room are refused one by one", async () => {
    const as = world.admin;
    const wish = (i: number) => ({ url: target("room"), alias: `room-${i}` });
    const body = (i: number) => world.call("POST", "/api/v1/links", { as, body: wish(i) });
    const first = await Promise.all(Array.from({ length: 55 }, (_, i) => body(i)));
    expect(first.filter((r) => r.status !== 201)).toHaveLength(0);
    const plain = world.call("POST", "/api/v1/links", { as, body: { url: target("room") } });
    const more = await Promise.all(Array.from({ length: 15 }, (_, i) => body(55 + i)));
    expect((await plain).status).toBe(201);
    const refused = more.filter((r) => (r.body as { code: string }).code === "links.alias_limit");
    expect(refused.length).toBeGreaterThan(0);
    expect(more.filter((r) => r.status === 201).length).toBe(15 - refused.length);
    expect((await body(76)).status).toBe(422);
  });

  test("an owner holds a limited number of live aliases", async () => {
    const as = world.bob;
    for (let i = 0; i < 60; i++) {
      const body = { url: target("n"), alias: `bobs-${"abcdefghij"[i % 10]}${Math.floor(i / 10)}` };
      expect((await world.call("POST", "/api/v1/links", { as, body })).status).toBeOneOf([
        201, 409,
      ]);
    }
    const held = await world.db.one<{ n: number }>`SELECT count(*)::int AS n FROM links.links
      WHERE owner_id = ${world.bob.id} AND skeleton IS NOT NULL`;
    expect(held?.n).toBeLessThanOrEqual(60);
  });
});

describe("Idempotency-Key", () => {
  const key = () => ({ "idempotency-key": crypto.randomUUID() });

  test("the same key and body replays status and body to the byte", async () => {
    const headers = key();
    const first = await create({ url: target("once") }, headers);
    for (let i = 0; i < 10; i++) {
      const again = await create({ url: target("once") }, headers);
      expect(again.status).toBe(201);
      expect(again.body as Link).toEqual(first.body);
      expect(again.headers.get("idempotency-replayed")).toBe("true");
    }
  });

  test("100 at once with one key make one link", async () => {
    const headers = key();
    const replies = await Promise.all(
      Array.from({ length: 100 }, () => create({ url: target("hundred") }, headers)),
    );
    for (const reply of replies) expect(reply.status).toBeOneOf([201, 409]);
    const ids = replies.filter((r) => r.status === 201).map((r) => (r.body as Link).id);
    expect(new Set(ids).size).toBe(1);
    const rows = await world.db.all`SELECT id FROM links.links WHERE url = ${target("hundred")}`;
    expect(rows).toHaveLength(1);
  });

  test("another body with the key is 422; another caller's key is another key", async () => {
    const headers = key();
    await create({ url: target("one") }, headers);
    expect((await create({ url: target("two") }, headers)).status).toBe(422);
    const body = { url: target("one") };
    const bobs = await world.call("POST", "/api/v1/links", { as: world.bob, body, headers });
    expect(bobs.headers.get("idempotency-replayed")).toBeNull();
  });

  test("two bodies at once with one key make one link; the other is refused", async () => {
    const headers = key();
    const replies = await Promise.all(
      ["two-a", "two-b"].map((name) => create({ url: target(name) }, headers)),
    );
    expect(replies.map((r) => r.status).toSorted()).toEqual([201, 422]);
    const rows = await world.db.all`
      SELECT id FROM links.links WHERE url IN (${target("two-a")}, ${target("two-b")})`;
    expect(rows).toHaveLength(1);
  });

  test("one of many keyed creates at once clashes; the others are made and told", async () => {
    await create({ url: target("held"), alias: "held-alias" });
    const wishes = Array.from({ length: 12 }, (_, i) => ({
      url: target(`beside${i}`),
      ...(i % 3 > 0 && { alias: i === 5 ? "HELD-ALIAS" : `near-${i}` }),
    }));
    const keys = wishes.map(key);
    const replies = await Promise.all(wishes.map((wish, i) => create(wish, keys[i])));
    expect(replies.map((r) => r.status)).toEqual(wishes.map((_, i) => (i === 5 ? 409 : 201)));
    expect((await create({ url: target("freed") }, keys[5])).status).toBe(201);
    await world.settle();
    for (const reply of replies.filter((r) => r.status === 201)) {
      const { id } = reply.body as Link;
      const events = await world.db.all`
        SELECT id FROM platform.events WHERE type = 'links.created' AND data->>'link_id' = ${id}`;
      expect(events).toHaveLength(1);
    }
    const again = await create(wishes[0], keys[0]);
    expect(again.body as Link).toEqual(replies[0]?.body as never);
  });

  test("a refused request leaves the key free", async () => {
    const headers = key();
    expect((await create({ url: target("k"), alias: "the-race" }, headers)).status).toBe(409);
    expect((await create({ url: target("k"), alias: "not-the-race" }, headers)).status).toBe(201);
  });
});

describe("reading and listing", () => {
  test("a foreign id answers exactly as an unknown one, on every route", async () => {
    const link = await made({ url: target("mine") });
    const same = async (method: string, path: string, body?: unknown) => {
      const options = { as: world.bob, body };
      const foreign = await world.call(method, path.replace("ID", link.id), options);
      const unknown = await world.call(method, path.replace("ID", "123456789"), options);
      const shape = (r: Reply, id: string) => {
        const { request_id: _, ...rest } = r.body as Record<string, string>;
        return JSON.stringify([r.status, rest]).replaceAll(id, "ID");
      };
      expect(foreign.status).toBe(404);
      expect(shape(foreign, link.id)).toBe(shape(unknown, "123456789"));
    };
    await same("GET", "/api/v1/links/ID");
    await same("PATCH", "/api/v1/links/ID", { title: "stolen" });
    await same("DELETE", "/api/v1/links/ID");
    expect((await world.call("GET", `/api/v1/links/${link.id}`)).status).toBe(200);
  });

  test("pages show every link once, whatever the sort, while links are being made", async () => {
    for (let i = 0; i < 30; i++) await made({ url: target(`page${i}`), tags: ["paged"] });
    for (const sort of ["-created_at", "created_at", "expires_at", "-clicks"]) {
      const seen: string[] = [];
      let cursor = "";
      do {
        const query = `tag=paged&limit=7&sort=${sort}${cursor && `&cursor=${cursor}`}`;
        const page: { items: Link[]; next_cursor: string | null } = (
          await world.call("GET", `/api/v1/links?${query}`)
        ).body;
        seen.push(...page.items.map((l) => l.id));
        cursor = page.next_cursor ?? "";
        if (sort === "-created_at") await made({ url: target("later"), tags: ["paged"] });
      } while (cursor !== "");
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThanOrEqual(30);
    }
  });

  test("search finds words in code, URL, title and tags, and takes % literally", async () => {
    const link = await made({ url: target("zebra-crossing"), title: "Streets of Basel" });
    const find = async (search: string) => {
      const path = `/api/v1/links?search=${encodeURIComponent(search)}`;
      const page: { items: Link[] } = (await world.call("GET", path)).body;
      return page.items.map((l) => l.id);
    };
    expect(await find("ZEBRA basel")).toEqual([link.id]);
    expect(await find(link.code)).toContain(link.id);
    expect(await find("zeb%sing")).toEqual([]);
  });

  test("a cursor of another sort, or of nobody, is refused by name", async () => {
    const reply = await world.call("GET", "/api/v1/links?cursor=bm90aGluZw");
    expect(reply.status).toBe(400);
    expect((reply.body as { errors: { field: string }[] }).errors[0]?.field).toBe("cursor");
  });
});

describe("keys with less than everything", () => {
  test("read-only reads, create-only creates, and nothing else", async () => {
    const link = await made({ url: target("scoped") });
    const status = async (as: string | null, method: string, path: string, body?: unknown) =>
      (await world.call(method, path, { as, body })).status;
    const { readOnlyKey, createOnlyKey } = world;
    const one = `/api/v1/links/${link.id}`;
    expect(await status(readOnlyKey, "GET", one)).toBe(200);
    expect(await status(readOnlyKey, "POST", "/api/v1/links", { url: target("s") })).toBe(403);
    expect(await status(readOnlyKey, "DELETE", one)).toBe(403);
    expect(await status(createOnlyKey, "POST", "/api/v1/links", { url: target("s") })).toBe(201);
    expect(await status(createOnlyKey, "GET", one)).toBe(403);
    expect(await status(createOnlyKey, "PATCH", one, { title: "t" })).toBe(403);
    expect(await status(null, "GET", one)).toBe(401);
    expect(await status("stoa_key_nonsense", "GET", one)).toBe(401);
  });
});

describe("bulk", () => {
  test("each link has its own result, in the order of the request", async () => {
    const links = [
      { url: target("b1") },
      { url: "nonsense" },
      { url: target("b2"), alias: "bulk-alias" },
      { url: target("b3"), alias: "bulk-alias" },
      { url: target("b4"), what: 1 },
    ];
    const reply = await world.call("POST", "/api/v1/links/bulk", { body: { links } });
    const body = reply.body as { created: number; failed: number; results: { status: number }[] };
    expect(reply.status).toBe(200);
    expect(body).toMatchObject({ created: 2, failed: 3 });
    expect(body.results.map((r) => r.status)).toEqual([201, 422, 201, 409, 400]);
  });

  test("so many get a password, and each beyond is refused by name", async () => {
    // Refused before its password is hashed, as that takes its time.
    const hidden = { url: "javascript:alert(1)", password: "open sesame" };
    const links = [
      ...Array.from({ length: passwordsPerBulkMax }, () => hidden),
      { url: target("plain") },
      { url: target("hidden"), password: "open sesame" },
      { url: target("no-password"), password: null },
    ];
    const { body } = await world.call("POST", "/api/v1/links/bulk", { body: { links } });
    const { results } = body as { results: { status: number; code?: string; errors?: unknown }[] };
    const codes = results.slice(0, passwordsPerBulkMax).map((result) => result.code);
    expect(new Set(codes)).toEqual(new Set(["links.url_refused"]));
    const [plain, beyond, none] = results.slice(passwordsPerBulkMax);
    expect([plain?.status, none?.status]).toEqual([201, 201]);
    const field = `links[${passwordsPerBulkMax + 1}].password`;
    expect(beyond).toMatchObject({ status: 422, code: "links.invalid", errors: [{ field }] });
  });

  test("1,000 links in one call, 1,001 are refused", async () => {
    const links = Array.from({ length: 1_000 }, (_, i) => ({ url: target(`bulk${i}`) }));
    const reply = await world.call("POST", "/api/v1/links/bulk", { body: { links } });
    const body = reply.body as { created: number; results: { link: Link }[] };
    expect(body.created).toBe(1_000);
    expect(new Set(body.results.map((r) => r.link.code)).size).toBe(1_000);
    const more = [...links, { url: target("one-more") }];
    const refused = await world.call("POST", "/api/v1/links/bulk", { body: { links: more } });
    expect(refused.status).toBe(400);
  });
});
