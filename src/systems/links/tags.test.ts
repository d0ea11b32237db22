import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Person, startWorld, type World } from "../../../test/world.ts";
import { foldTags, listTags, type TagPage } from "./tags.ts";
import type { Link } from "./wire.ts";

/** Which tags an owner has, and on how many links, through every way in which that changes. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

async function create(tags: string[], as: Person = world.ada): Promise<Link> {
  const body = { url: "https://example.com/tagged", tags };
  const reply = await world.call("POST", "/api/v1/links", { as, body });
  expect(reply.status).toBe(201);
  return reply.body;
}

async function page(query = "", as: Person = world.ada): Promise<TagPage> {
  const reply = await world.call("GET", `/api/v1/links/tags${query}`, { as });
  expect(reply.status).toBe(200);
  return reply.body;
}

async function countsOf(prefix: string, as?: Person): Promise<Record<string, number>> {
  const { items } = await page(`?prefix=${encodeURIComponent(prefix)}`, as);
  return Object.fromEntries(items.map(({ tag, links }) => [tag, links]));
}

const fold = () => foldTags(world.db, AbortSignal.timeout(10_000));

const change = (link: Link, body: unknown) =>
  world.call("PATCH", `/api/v1/links/${link.id}`, { body });

test("counts follow every change, before and after they are folded", async () => {
  const first = await create(["a-one", "a-two", "a-two"]);
  const second = await create(["a-one"]);
  expect(await countsOf("a-")).toEqual({ "a-one": 2, "a-two": 1 });
  await fold();
  expect(await countsOf("a-")).toEqual({ "a-one": 2, "a-two": 1 });
  await change(first, { tags: ["a-two", "a-three"] });
  await change(second, { title: "tags as they were" });
  expect(await countsOf("a-")).toEqual({ "a-one": 1, "a-two": 1, "a-three": 1 });
  await world.call("DELETE", `/api/v1/links/${second.id}`);
  expect(await countsOf("a-")).toEqual({ "a-two": 1, "a-three": 1 });
  await fold();
  expect(await countsOf("a-")).toEqual({ "a-two": 1, "a-three": 1 });
  const left = await world.db.all`SELECT 1 FROM links.tag_counts WHERE tag = 'a-one'`;
  expect(left).toEqual([]);
});

test("bulk and import count as single creates do; a refused link counts for nothing", async () => {
  const url = "https://example.com/b";
  const links = [
    { url, tags: ["b-all"], alias: "b-alias" },
    { url, tags: ["b-all"], alias: "b-alias" },
    { url: "javascript:alert(1)", tags: ["b-all"] },
  ];
  await world.call("POST", "/api/v1/links/bulk", { body: { links } });
  expect(await countsOf("b-")).toEqual({ "b-all": 1 });
  const csv = `url,tags\n${url}/2,b-all\n`;
  const reply = await fetch(`${world.url}/api/v1/links/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${world.ada.key}`, "content-type": "text/csv" },
    body: csv,
  });
  expect(reply.status).toBe(200);
  await reply.text();
  expect(await countsOf("b-")).toEqual({ "b-all": 2 });
});

test("pages go on where the last one ended, over what is folded and what is not", async () => {
  const tags = Array.from({ length: 15 }, (_, i) => `c-${String(i).padStart(2, "0")}`);
  await create(tags.filter((_, i) => i % 2 === 0));
  await fold();
  await create(tags.filter((_, i) => i % 3 === 0));
  await create(tags.filter((_, i) => i % 2 === 1));
  const seen: string[] = [];
  let cursor: string | null = "";
  for (let pages = 0; cursor !== null; pages++) {
    const next: TagPage = await page(`?prefix=c-&limit=4&cursor=${cursor}`);
    expect(next.items.length).toBeLessThanOrEqual(4);
    seen.push(...next.items.map(({ tag }) => tag));
    cursor = next.next_cursor;
    expect(pages).toBeLessThan(5);
  }
  expect(seen).toEqual(tags);
});

test("a tag is text: wildcards, quotes and emoji are what they are", async () => {
  const odd = ["d%_'\"", "d\u{1f600}", "dé"];
  await create(odd);
  expect(Object.keys(await countsOf("d")).sort()).toEqual([...odd].sort());
  expect(await countsOf("d%")).toEqual({ "d%_'\"": 1 });
  expect(await countsOf("d\u{1f600}")).toEqual({ "d\u{1f600}": 1 });
});

test("everybody has their own", async () => {
  await create(["e-mine"]);
  await create(["e-theirs"], world.bob);
  expect(await countsOf("e-")).toEqual({ "e-mine": 1 });
  expect(await countsOf("e-", world.bob)).toEqual({ "e-theirs": 1 });
});

test("a tag is renamed, joined with another, taken off, on all links of its owner", async () => {
  const [first, second, theirs] = [
    await create(["f-old", "f-else"]),
    await create(["f-old", "f-new"]),
    await create(["f-old"], world.bob),
  ];
  const retag = async (tag: string, to: string | null) => {
    const reply = await world.call("PATCH", "/api/v1/links/tags", { body: { tag, to } });
    expect(reply.status).toBe(202);
    await world.settle();
  };
  const tagsOf = async (link: Link, as: Person = world.ada) => {
    const reply = await world.call("GET", `/api/v1/links/${link.id}`, { as });
    return (reply.body as Link).tags;
  };
  await retag("f-old", "f-new");
  expect(await tagsOf(first)).toEqual(["f-new", "f-else"]);
  expect(await tagsOf(second)).toEqual(["f-new"]);
  expect(await tagsOf(theirs, world.bob)).toEqual(["f-old"]);
  expect(await countsOf("f-")).toEqual({ "f-new": 2, "f-else": 1 });
  await retag("f-new", "f-new");
  expect(await countsOf("f-")).toEqual({ "f-new": 2, "f-else": 1 });
  await retag("f-new", null);
  expect(await tagsOf(first)).toEqual(["f-else"]);
  expect(await tagsOf(second)).toEqual([]);
  expect(await countsOf("f-")).toEqual({ "f-else": 1 });
  const log = await world.call("GET", "/api/v1/audit?action=links.tag_renamed");
  expect((log.body as { items: unknown[] }).items).toMatchObject([{ target: "f-old" }]);
});

test("renaming goes on over more links than one step takes", async () => {
  const links = Array.from({ length: 1_000 }, () => ({
    ...{ url: "https://example.com/g", tags: ["g-old"] },
  }));
  await world.call("POST", "/api/v1/links/bulk", { body: { links } });
  await create(["g-old"]);
  const body = { tag: "g-old", to: "g-new" };
  await world.call("PATCH", "/api/v1/links/tags", { body });
  await world.settle();
  expect(await countsOf("g-")).toEqual({ "g-new": 1_001 });
});

test("bad requests and keys that may not are refused", async () => {
  const patch = (body: unknown, as: string | null = world.ada.key) =>
    world.call("PATCH", "/api/v1/links/tags", { as, body });
  const wish = { tag: "a", to: "b" };
  for (const body of [{}, { tag: "a" }, { tag: "", to: "b" }, { tag: "a", to: "x".repeat(41) }]) {
    expect((await patch(body)).status).toBe(400);
  }
  expect((await patch(wish, world.readOnlyKey)).status).toBe(403);
  expect((await patch(wish, null)).status).toBe(401);
  const list = (as: string | null, query = "") =>
    world.call("GET", `/api/v1/links/tags${query}`, { as });
  expect((await list(world.createOnlyKey)).status).toBe(403);
  expect((await list(null)).status).toBe(401);
  expect((await list(world.ada.key, "?limit=0")).status).toBe(400);
});

test("creates of one tag at once do not wait for each other, and every one counts", async () => {
  const before = await world.db.write(async (holding) => {
    // Somebody's long transaction over the same tag.
    await holding.run`
      INSERT INTO links.tag_changes (owner_id, tag, links) VALUES (${world.ada.id}, 'h', 1)`;
    await Promise.all(Array.from({ length: 20 }, () => create(["h"])));
    return await countsOf("h");
  });
  expect(before).toEqual({ h: 20 });
  await Promise.all([fold(), create(["h"]), fold()]);
  const options = { ownerId: world.ada.id, prefix: "h", cursor: null, limit: 5 };
  expect((await listTags(world.db, options)).items).toEqual([{ tag: "h", links: 22 }]);
});
