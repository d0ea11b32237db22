import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Person, World } from "../../../test/world.ts";
import { startWorld } from "../../../test/world.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { createOutbound, type Outbound } from "../../platform/outbound/outbound.ts";
import { startNameServer, type NameServer } from "./name-server.fixture.ts";
import type { Link } from "./wire.ts";

/** A domain's whole life, before a real name server and a real web server of the domain's own. */
let world: World;
let names: NameServer;
let site: ReturnType<typeof Bun.serve>;
/** What the domain's own web server answers under the well-known path. */
let file: Response | null = null;

beforeAll(async () => {
  names = await startNameServer();
  site = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const known = new URL(request.url).pathname === "/.well-known/stoa-domain";
      return (known && file?.clone()) || new Response("not here", { status: 404 });
    },
  });
  world = await startWorld({}, silentLog, outboundTo(site.port as number));
}, 60_000);
afterAll(async () => {
  await world.stop();
  await site.stop(true);
  await names.stop();
});
beforeEach(() => {
  names.records.clear();
  names.asked.length = 0;
  file = null;
});

/** The real client, but every host is this machine, and port 80 of it is the site's. */
function outboundTo(port: number): Outbound {
  const outbound = createOutbound({
    ...{ log: silentLog, clock: systemClock, allowPrivate: true },
    dnsServers: [names.address],
    resolve: async () => ["127.0.0.1"],
  });
  return {
    ...outbound,
    fetch(request) {
      const url = new URL(request.url);
      if (url.protocol === "http:") url.port = String(port);
      return outbound.fetch({ ...request, url: url.href });
    },
  };
}

type Claim = { id: string; verification: { txt_name: string; txt_value: string } };

async function claim(host: string, as: Person = world.ada): Promise<Claim> {
  const reply = await world.call("POST", "/api/v1/domains", { as, body: { host } });
  expect(reply.status).toBe(201);
  return reply.body;
}

async function verify({ id }: Claim, as: Person = world.ada) {
  const reply = await world.call("POST", `/api/v1/domains/${id}/verify`, { as });
  return { status: reply.status, body: reply.body as { code?: string; verified_at?: string } };
}

async function create(domain: string, url: string, as: Person = world.ada): Promise<Link> {
  const reply = await world.call("POST", "/api/v1/links", { as, body: { url, domain } });
  expect(reply.status).toBe(201);
  return reply.body;
}

const remove = ({ id }: Claim) => world.call("DELETE", `/api/v1/domains/${id}`);

const prove = ({ verification }: Claim) =>
  names.records.set(verification.txt_name, ["v=spf1 -all", verification.txt_value]);

test("a TXT record proves a domain, and its links redirect there and nowhere else", async () => {
  const host = "txt.example.org";
  const mine = await claim(host);
  expect(mine.verification.txt_name).toBe(`_stoa.${host}`);
  const early = await verify(mine);
  expect([early.status, early.body.code]).toEqual([422, "links.domain_unverified"]);
  expect(names.asked).toContain(`_stoa.${host}`);
  const wish = { url: "https://example.com/", domain: host };
  expect((await world.call("POST", "/api/v1/links", { body: wish })).status).toBe(422);

  prove(mine);
  expect((await verify(mine)).body.verified_at).toBeString();
  const link = await create(host, "https://example.com/by-txt");
  expect(link.short_url).toBe(`https://${host}/${link.code}`);
  const visit = await world.visit(`/${link.code}`, { host });
  expect([visit.status, visit.headers.get("location")]).toEqual([
    302,
    "https://example.com/by-txt",
  ]);
  expect((await world.visit(`/${link.code}`)).status).toBe(404);
  expect((await world.visit("/api/v1/links", { host })).status).toBe(404);
});

test("another's token, half a token or a record beside the right name proves nothing", async () => {
  const mine = await claim("wrong.example.org");
  const theirs = await claim("wrong.example.org", world.bob);
  prove(theirs);
  expect((await verify(mine)).status).toBe(422);
  const { txt_name, txt_value } = mine.verification;
  names.records.set(txt_name, [txt_value.slice(0, -1), `${txt_value} `]);
  expect((await verify(mine)).status).toBe(422);
  names.records.clear();
  names.records.set("wrong.example.org", [txt_value]);
  expect((await verify(mine)).status).toBe(422);
});

test("a file at the well-known path proves a domain; a page that is none does not", async () => {
  const host = "file.example.org";
  const mine = await claim(host);
  const token = mine.verification.txt_value;
  for (const wrong of [
    new Response(token, { status: 404 }),
    new Response(`<p>${token}</p>`),
    new Response(null, { status: 302, headers: { location: "http://elsewhere.example.org/" } }),
    new Response(`${token}${" ".repeat(5_000)}`),
  ]) {
    file = wrong;
    expect((await verify(mine)).status).toBe(422);
  }
  file = new Response(`${token}\n`);
  expect((await verify(mine)).status).toBe(200);
  const link = await create(host, "https://example.com/by-file");
  const visit = await world.visit(`/${link.code}`, { host });
  expect(visit.headers.get("location")).toBe("https://example.com/by-file");
});

test("a proof that is still there keeps the domain; one that is gone yields it", async () => {
  const host = "sold.example.org";
  const mine = await claim(host);
  const theirs = await claim(host, world.bob);
  const name = mine.verification.txt_name;
  prove(mine);
  expect((await verify(mine)).status).toBe(200);
  const old = await create(host, "https://example.com/old-owner");

  names.records.set(name, [mine.verification.txt_value, theirs.verification.txt_value]);
  const refused = await verify(theirs, world.bob);
  expect([refused.status, refused.body.code]).toEqual([409, "links.domain_taken"]);
  const kept = await remove(mine);
  expect([kept.status, kept.body]).toEqual([
    409,
    expect.objectContaining({ code: "links.domain_in_use" }),
  ]);

  prove(theirs);
  expect((await verify(theirs, world.bob)).status).toBe(200);
  expect((await world.visit(`/${old.code}`, { host })).status).toBe(404);
  const { body } = await world.call("GET", `/api/v1/links/${old.id}`);
  const { state, quarantine } = body as Link;
  expect([state, quarantine?.of]).toEqual(["quarantined", "domain"]);
  const fresh = await create(host, "https://example.com/new-owner", world.bob);
  const visit = await world.visit(`/${fresh.code}`, { host });
  expect(visit.headers.get("location")).toBe("https://example.com/new-owner");
  const log = await world.call("GET", "/api/v1/audit?action=domains.lost");
  expect((log.body as { items: unknown[] }).items).toHaveLength(1);
});

test("a domain without links can be given up, and then serves nobody", async () => {
  const mine = await claim("short.example.org");
  prove(mine);
  await verify(mine);
  const asks = () => world.call("GET", "/api/v1/domains/ask?domain=short.example.org");
  expect((await asks()).status).toBe(200);
  expect((await remove(mine)).status).toBe(204);
  expect((await asks()).status).toBe(404);
});

test("a stopped host stays stopped for whoever proves it next", async () => {
  const host = "stopped.example.org";
  const [mine, theirs] = [await claim(host), await claim(host, world.bob)];
  prove(mine);
  await verify(mine);
  const stop = { as: world.admin, body: { reason: "phishing" } };
  await world.call("POST", `/api/v1/admin/domains/${mine.id}/quarantine`, stop);
  prove(theirs);
  const taken = await verify(theirs, world.bob);
  expect(taken.body).toMatchObject({ quarantine: { of: "domain", reason: "admin: phishing" } });
  const link = await create(host, "https://example.com/again", world.bob);
  expect(link.state).toBe("quarantined");
  expect((await world.visit(`/${link.code}`, { host })).status).toBe(410);
});

test("a name server that fails is no proof, and no error of ours", async () => {
  const mine = await claim("lame.example.org");
  names.records.set(mine.verification.txt_name, "fails");
  const refused = await verify(mine);
  expect([refused.status, refused.body.code]).toEqual([422, "links.domain_unverified"]);
});
