import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Person, startWorld, type World } from "../../../test/world.ts";
import type { Link } from "./wire.ts";

/** A link tells that it does not redirect, whatever it is that was stopped. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world.stop(), 60_000);

const host = "go.example.org";
const wish = { url: "https://example.com/standing", find_or_create: true };

async function send<T>(method: string, path: string, body?: unknown, as: Person = world.ada) {
  const reply = await world.call(method, `/api/v1${path}`, { as, body });
  expect(reply.status).toBeLessThan(300);
  return reply.body as T;
}

type Standing = Pick<Link, "state" | "quarantine">;
const pick = ({ state, quarantine }: Link): Standing => ({ state, quarantine });

/** What every way of reading or making a link says of it. */
async function everywhere(id: string, domain?: string): Promise<Standing[]> {
  const on = domain ? { domain } : {};
  type Bulk = { results: { link: Link }[] };
  const [lists, bulk, rest] = await Promise.all([
    Promise.all(
      ["-created_at", "created_at", "-clicks", "expires_at"].map((sort) =>
        send<{ items: Link[] }>("GET", `/links?sort=${sort}`),
      ),
    ),
    send<Bulk>("POST", "/links/bulk", { links: [{ url: wish.url, ...on }] }),
    Promise.all([
      send<Link>("GET", `/links/${id}`),
      send<Link>("PATCH", `/links/${id}`, { title: "new" }),
      send<Link>("POST", "/links", { url: wish.url, ...on }),
      send<Link>("POST", "/links", { ...wish, ...on }),
    ]),
  ]);
  const listed = lists.map(({ items }) => items.find((link) => link.id === id) as Link);
  return [...listed, ...bulk.results.map(({ link }) => link), ...rest].map(pick);
}

test("of an owner, of a domain, of the link itself: every answer says so", async () => {
  const { id: domainId } = await send<{ id: string }>("POST", "/domains", { host });
  await world.db.write(
    (tx) => tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${domainId}`,
  );
  await send("PATCH", `/domains/${domainId}`, {});
  const link = await send<Link>("POST", "/links", { ...wish, domain: host });
  const active = { state: "active", quarantine: null };
  const stopped = (of: string) => ({
    state: "quarantined",
    quarantine: { of, reason: "admin: x" },
  });
  const set = (path: string, what: "quarantine" | "release") =>
    send("POST", `/admin/${path}/${what}`, what === "release" ? undefined : { reason: "x" }, {
      ...world.admin,
    });
  const says = async () => new Set((await everywhere(link.id, host)).map((s) => JSON.stringify(s)));
  const only = (standing: unknown) => new Set([JSON.stringify(standing)]);

  expect(await says()).toEqual(only(active));
  await set(`owners/${world.ada.id}`, "quarantine");
  expect(await says()).toEqual(only(stopped("owner")));
  await set(`domains/${domainId}`, "quarantine");
  expect(await says()).toEqual(only(stopped("domain")));
  type Domains = { items: { quarantine: unknown }[] };
  expect((await send<Domains>("GET", "/domains")).items).toMatchObject([
    { quarantine: { of: "domain", reason: "admin: x" } },
  ]);
  await set(`links/${link.id}`, "quarantine");
  expect(pick(await send<Link>("GET", `/links/${link.id}`))).toMatchObject(stopped("link"));
  await set(`links/${link.id}`, "release");
  await set(`domains/${domainId}`, "release");
  expect((await send<Domains>("GET", "/domains")).items).toMatchObject([
    { quarantine: { of: "owner", reason: "admin: x" } },
  ]);
  await set(`owners/${world.ada.id}`, "release");
  expect(await says()).toEqual(only(active));
});

test("on Stoa's own host an owner's stop is told too, and to nobody else's links", async () => {
  const path = `/admin/owners/${world.bob.id}`;
  await send("POST", `${path}/quarantine`, { reason: "x" }, world.admin);
  const theirs = await send<Link>("POST", "/links", { url: wish.url }, world.bob);
  expect(pick(theirs)).toEqual({
    ...{ state: "quarantined", quarantine: { of: "owner", reason: "admin: x" } },
  });
  const mine = await send<Link>("POST", "/links", { url: wish.url });
  expect(mine.state).toBe("active");
  const report = { short_url: theirs.short_url, reason: "spam" };
  await world.call("POST", "/api/v1/reports", { as: null, body: report });
  const reports = await send<{ items: unknown[] }>("GET", "/admin/reports", undefined, world.admin);
  expect(reports.items).toMatchObject([{ quarantine: { of: "owner" } }]);
});

test("what has ended or is deleted says that", async () => {
  const link = await send<Link>("POST", "/links", { url: wish.url }, world.bob);
  await world.call("DELETE", `/api/v1/links/${link.id}`, { as: world.bob });
  const gone = await send<Link>("GET", `/links/${link.id}`, undefined, world.bob);
  expect(gone.state).toBe("deleted");
});
