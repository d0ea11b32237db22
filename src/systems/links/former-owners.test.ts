import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person, World } from "../../../test/world.ts";
import { password, startWorld } from "../../../test/world.ts";
import type { Link } from "./wire.ts";

/** What becomes of links and domains when their account is deleted. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

let people = 0;
async function somebody(): Promise<Person> {
  const email = `leaving-${++people}@stoa.test`;
  const { operations } = world.running;
  return await world.db.write(async (tx) => {
    const { id } = await operations.createAccount(tx, { email, password });
    const wish = { name: "all", scopes: ["*"], expires_at: null };
    return { id, email, key: (await operations.createKey(tx, id, wish)).key };
  });
}

async function create(as: Person, body: Record<string, unknown> = {}): Promise<Link> {
  const wish = { url: "https://example.com/kept", ...body };
  const reply = await world.call("POST", "/api/v1/links", { as, body: wish });
  expect(reply.status).toBe(201);
  return reply.body;
}

async function remove(person: Person, heir: Person | null): Promise<void> {
  const body = { transfer_to: heir?.id ?? null };
  const path = `/api/v1/accounts/${person.id}/delete`;
  await removeAs(path, body);
  await world.settle();
}

/** By an administrator who is signed in: no key deletes accounts. */
async function removeAs(path: string, body: unknown): Promise<void> {
  const credentials = { email: world.admin.email, password };
  const signedIn = await world.call("POST", "/api/v1/sessions", { as: null, body: credentials });
  const { access_token: as } = signedIn.body as { access_token: string };
  expect((await world.call("POST", path, { as, body })).status).toBe(204);
}

async function proved(owner: Person, host: string): Promise<string> {
  const reply = await world.call("POST", "/api/v1/domains", { as: owner, body: { host } });
  const { id } = reply.body as { id: string };
  await world.db.write(
    (tx) => tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${id}`,
  );
  // Any change of one's own is followed by what all processes know.
  await world.call("PATCH", `/api/v1/domains/${id}`, { as: owner, body: {} });
  return id;
}

async function read<T>(path: string, as: Person): Promise<T> {
  return (await world.call("GET", path, { as })).body;
}

test("an heir gets links, clicks, tags and domains as they are", async () => {
  const [person, heir] = [await somebody(), await somebody()];
  const host = "heirloom.example.org";
  await proved(person, host);
  // A claim of the heir's own to the same host is worth nothing, and in the way.
  await world.call("POST", "/api/v1/domains", { as: heir, body: { host } });
  await world.call("POST", "/api/v1/domains", { as: person, body: { host: "mere.example.org" } });
  const plain = await create(person, { tags: ["one", "two"], alias: "heirloom" });
  const ended = await create(person, { tags: ["one"] });
  await world.call("DELETE", `/api/v1/links/${ended.id}`, { as: person });
  const found = await create(person, { url: "https://example.com/found", find_or_create: true });
  const there = await create(person, { domain: host });
  await world.visit(`/${plain.code}`, { "user-agent": "Mozilla/5.0 Firefox/140.0" });
  await world.settle();

  await remove(person, heir);
  const page = await read<{ items: Link[] }>("/api/v1/links?sort=-clicks", heir);
  expect(page.items[0]).toMatchObject({ id: plain.id, clicks: 1, state: "active" });
  expect(page.items.map(({ id }) => id).sort()).toEqual([plain.id, found.id, there.id].sort());
  expect(await read("/api/v1/links/tags", heir)).toMatchObject({
    items: [
      { tag: "one", links: 1 },
      { tag: "two", links: 1 },
    ],
  });
  const again = { url: "https://example.com/found", find_or_create: true };
  const same = await world.call("POST", "/api/v1/links", { as: heir, body: again });
  expect([same.status, (same.body as Link).id]).toEqual([200, found.id]);
  const domains = await read<{ items: { host: string }[] }>("/api/v1/domains", heir);
  expect(domains.items).toMatchObject([{ host }]);
  for (const [link, headers] of [[plain, {}] as const, [there, { host }] as const]) {
    expect((await world.visit(`/${link.code}`, headers)).status).toBe(302);
  }
  const edit = { as: heir, body: { url: "https://example.com/mine-now" } };
  expect((await world.call("PATCH", `/api/v1/links/${there.id}`, edit)).status).toBe(200);
});

test("handing over sets nothing free that was stopped", async () => {
  const [person, heir] = [await somebody(), await somebody()];
  const host = "scam.example.org";
  await proved(person, host);
  const links = [await create(person), await create(person, { domain: host })];
  const stop = { as: world.admin, body: { reason: "scam" } };
  await world.call("POST", `/api/v1/admin/owners/${person.id}/quarantine`, stop);
  await remove(person, heir);
  for (const { id } of links) {
    const link = await read<Link>(`/api/v1/links/${id}`, heir);
    expect(link).toMatchObject({ state: "quarantined", quarantine: { reason: "admin: scam" } });
  }
  const fresh = await create(heir, { domain: host });
  expect(fresh).toMatchObject({ state: "quarantined", quarantine: { of: "domain" } });
  const page = await read<{ items: unknown[] }>("/api/v1/admin/quarantine?kind=owner", world.admin);
  expect(page.items).toHaveLength(1);
});

test("without an heir links are gone, what they said is erased, and codes stay taken", async () => {
  const person = await somebody();
  const host = "erased.example.org";
  const domain = await proved(person, host);
  const secret = "very-private-matter";
  const link = await create(person, {
    ...{ url: `https://example.com/${secret}`, alias: "erased-one", title: secret },
    ...{ tags: [secret], description: secret, expired_url: `https://example.com/${secret}` },
    rules: [{ if: { country: ["CH"] }, url: `https://example.com/${secret}` }],
    ...{ password: secret, find_or_create: true },
  });
  await create(person, { domain: host });
  // Known to this process, so that forgetting is seen as well.
  await world.visit(`/${link.code}`);
  await world.call("POST", "/api/v1/webhooks", {
    as: person,
    body: { url: "http://127.0.0.1:9/hook", event_types: ["*"] },
  });

  await remove(person, null);
  expect((await world.visit(`/${link.code}`)).status).toBe(410);
  const left = await world.db.all<{ text: string }>`
    SELECT l::text AS text FROM links.links l UNION ALL SELECT d::text FROM links.domains d
    UNION ALL SELECT c::text FROM links.tag_changes c
    UNION ALL SELECT c::text FROM links.tag_counts c
    UNION ALL SELECT w::text FROM webhooks.webhooks w`;
  const about = left.map((row) => row.text).filter((text) => text.includes(secret));
  expect(about).toEqual([]);
  expect(left.some(({ text }) => text.includes(host) || text.includes("127.0.0.1:9"))).toBe(false);
  const found = await world.db.all`SELECT 1 FROM links.found WHERE owner_id = ${person.id}`;
  expect(found).toEqual([]);
  const wish = { url: "https://example.com/", alias: "erased-one" };
  expect((await world.call("POST", "/api/v1/links", { body: wish })).status).toBe(409);
  // The host is free: the next one to prove it may have it.
  expect(await proved(world.bob, host)).not.toBe(domain);
  expect((await world.visit(`/${link.code}`, { host })).status).toBe(404);
});

test("a link made by a request that was already let in is settled later", async () => {
  const person = await somebody();
  await remove(person, null);
  const late = await world.db.one<{ id: string }>`
    SELECT id FROM platform.jobs WHERE kind = 'links.settle_former_owner'
      AND payload->>'id' = ${person.id}`;
  const link = await create(world.ada);
  await world.db.write(async (tx) => {
    await tx.run`UPDATE links.links SET owner_id = ${person.id} WHERE id = ${link.id}`;
    await tx.run`UPDATE platform.jobs SET run_at = now() WHERE id = ${late?.id}`;
  });
  expect((await world.visit(`/${link.code}`)).status).toBe(302);
  await world.settle();
  expect((await world.visit(`/${link.code}`)).status).toBe(410);
});

test("where the heir has gone too, there is nobody to hand over to", async () => {
  const [person, heir] = [await somebody(), await somebody()];
  const link = await create(person);
  const { operations } = world.running;
  await world.db.write(async (tx) => {
    await operations.deleteAccount(tx, { id: person.id, transfer_to: heir.id });
    await operations.deleteAccount(tx, { id: heir.id, transfer_to: null });
  });
  await world.settle();
  expect((await world.visit(`/${link.code}`)).status).toBe(410);
});

test("thousands of links are settled step by step", async () => {
  const [person, heir] = [await somebody(), await somebody()];
  const links = Array.from({ length: 1_000 }, (_, i) => ({
    ...{ url: `https://example.com/many/${i}`, tags: ["many"] },
  }));
  for (let i = 0; i < 2; i++) {
    await world.call("POST", "/api/v1/links/bulk", { as: person, body: { links } });
  }
  await remove(person, heir);
  expect(await read("/api/v1/links/tags?prefix=many", heir)).toMatchObject({
    items: [{ tag: "many", links: 2_000 }],
  });
  await remove(heir, null);
  const left = await world.db.one<{ n: number }>`
    SELECT count(*)::int AS n FROM links.links
    WHERE owner_id IN (${person.id}, ${heir.id}) AND deleted_at IS NULL`;
  expect(left?.n).toBe(0);
});
