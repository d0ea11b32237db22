import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Person, type Reply, startWorld, type World } from "../../../test/world.ts";
import { openReportsPerLinkMax } from "./reports.ts";
import type { Link } from "./wire.ts";

/** Of one address, as a fresh install has it. */
const reportsPerHourMax = 10;

let world: World;
const folder = mkdtempSync(join(tmpdir(), "stoa-lists-"));
const list = join(folder, "hosts.txt");
beforeAll(async () => {
  writeFileSync(list, "bad.example\n");
  world = await startWorld({
    STOA_LINK_BLOCKLIST_FILES: list,
    STOA_TRUSTED_PROXIES: "127.0.0.1",
  });
});
afterAll(async () => {
  await world.stop();
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
async function create(body: Record<string, unknown> = {}, as: Person = world.ada): Promise<Link> {
  const url = `https://example.com/safe/${++made}`;
  const reply = await world.call("POST", "/api/v1/links", { as, body: { url, ...body } });
  expect(reply.status).toBe(201);
  return reply.body;
}

const html = { accept: "text/html" };
const admin = (method: string, path: string, body?: unknown): Promise<Reply> =>
  world.call(method, `/api/v1/admin${path}`, { as: world.admin, body });

/** Each from an address of its own, unless one is given. */
let addresses = 0;
const report = (body: unknown, address = `198.51.${++addresses >> 8}.${addresses & 255}`) =>
  world.call("POST", "/api/v1/reports", {
    as: null,
    body,
    headers: { "x-forwarded-for": address },
  });

type ReportItem = { id: string; link_id: string; status: string; reason: string; detail: string };
type ReportPage = { items: ReportItem[]; next_cursor: string | null };

async function reportsOf(link: Link, status = "all"): Promise<ReportItem[]> {
  const page = (await admin("GET", `/reports?limit=100&status=${status}`)).body as ReportPage;
  return page.items.filter((item) => item.link_id === link.id);
}

async function eventsOf(type: string): Promise<Record<string, string>[]> {
  const rows = await world.db.all<{ data: Record<string, string> }>`
    SELECT data FROM (TABLE platform.outbox UNION ALL TABLE platform.events) AS e
    WHERE type = ${type} ORDER BY id`;
  return rows.map((row) => row.data);
}

async function auditOf(target: string): Promise<string[]> {
  const rows = await world.db.all<{ action: string }>`
    SELECT action FROM accounts.audit WHERE target = ${target} ORDER BY id`;
  return rows.map((row) => row.action);
}

/** A domain of Ada's that is proved, known to this process. */
async function proveDomain(id: string, host: string): Promise<void> {
  await world.db.write(async (tx) => {
    await tx.run`
      INSERT INTO links.domains (id, owner_id, host, token, verified_at, root_url, not_found_url)
      VALUES (${id}, ${world.ada.id}, ${host}, 't', now(), 'https://example.com/root',
        'https://example.com/404')`;
    await tx.all`SELECT pg_notify('links_domains_changed', '')`;
  });
  const path = `/api/v1/domains/ask?domain=${host}`;
  while ((await world.call("GET", path, { as: null })).status !== 200) await Bun.sleep(5);
}

const stopped = async (path: string, headers: Record<string, string> = {}) => {
  const response = await world.visit(path, { ...html, ...headers });
  return response.status === 200 && (await response.text()).includes("may be unsafe");
};

describe("the public report", () => {
  test("by short URL or by code reaches the desk", async () => {
    const link = await create();
    const detail = "It asks for my password";
    const first = await report({ short_url: link.short_url, reason: "phishing", detail });
    expect([first.status, first.body as string]).toEqual([202, ""]);
    expect((await report({ code: link.code, reason: "spam", contact: "a@b.c" })).status).toBe(202);
    const open = await reportsOf(link, "open");
    expect(open.map((item) => item.reason)).toEqual(["spam", "phishing"]);
    expect(open[1]).toMatchObject({ detail, short_url: link.short_url, url: link.url });
  });

  test.each([
    [{ reason: "spam" }, 400],
    [{ code: "x", short_url: "y", reason: "spam" }, 400],
    [{ code: "abc", reason: "boring" }, 400],
    [{ code: "abc", reason: "spam", detail: "x".repeat(2_001) }, 400],
    [{ code: "nothere", reason: "spam" }, 404],
    [{ short_url: "https://elsewhere.example/abc", reason: "spam" }, 404],
    [{ short_url: "::", reason: "spam" }, 404],
    [{ code: "abc", domain: "elsewhere.example", reason: "spam" }, 404],
  ])("%j answers %d", async (body, status) => {
    expect((await report(body)).status).toBe(status);
  });

  test("is limited by address, and by what one link can hold", async () => {
    const link = await create();
    const body = { code: link.code, reason: "other" };
    for (let i = 0; i < reportsPerHourMax; i++) {
      expect((await report(body, `2001:db8::${i}`)).status).toBe(202);
    }
    const refused = await report(body, "2001:db8::ffff");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_000);
    for (let i = 0; i < openReportsPerLinkMax; i++) expect((await report(body)).status).toBe(202);
    expect(await reportsOf(link)).toHaveLength(openReportsPerLinkMax);
  });
});

describe("the form at /{code}+report", () => {
  const post = (code: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${world.url}/${code}+report`, {
      method: "POST",
      body: new URLSearchParams(form),
      headers: { ...html, "x-forwarded-for": `203.0.113.${++addresses % 256}`, ...headers },
    });

  test("is shown, taken and thanked for", async () => {
    const link = await create({ title: "card" });
    const form = await world.visit(`/${link.code}+report`, html);
    expect(form.status).toBe(200);
    expect(await form.text()).toContain(`action="/${link.code}+report"`);
    const long = "ß".repeat(2_000);
    const thanks = await post(link.code, { reason: "malware", detail: long, contact: "" });
    expect([thanks.status, await thanks.text()]).toEqual([200, expect.stringContaining("Thank")]);
    expect(await reportsOf(link)).toMatchObject([{ reason: "malware", detail: long }]);
  });

  test("says what is wrong on the page, and as a problem to programs", async () => {
    const link = await create();
    const bad = await post(link.code, { reason: "<script>" });
    expect([bad.status, bad.headers.get("content-type")]).toEqual([400, expect.any(String)]);
    expect(await bad.text()).toContain('role="alert"');
    const asProgram = await post(link.code, { reason: "x" }, { accept: "application/json" });
    expect(asProgram.headers.get("content-type")).toBe("application/problem+json");
    expect((await post("nothere", { reason: "spam" })).status).toBe(404);
    expect((await post(link.code, { detail: "x".repeat(40_000) })).status).toBe(413);
    const same = { "x-forwarded-for": "192.0.2.99" };
    const answers: number[] = [];
    for (let i = 0; i <= reportsPerHourMax; i++) {
      answers.push((await post(link.code, { reason: "spam" }, same)).status);
    }
    expect(answers.at(-1)).toBe(429);
    expect(answers.slice(0, -1).every((status) => status === 200)).toBe(true);
  });
});

describe("deciding", () => {
  test("to uphold stops the link before the next visitor and settles all its reports", async () => {
    const link = await create();
    expect((await world.visit(`/${link.code}`)).status).toBe(302);
    for (const reason of ["phishing", "spam"]) await report({ code: link.code, reason });
    const [second, first] = await reportsOf(link);
    const path = `/reports/${first?.id}/decide`;
    expect((await admin("POST", path, { decision: "uphold" })).status).toBe(204);
    expect(await stopped(`/${link.code}`)).toBe(true);
    expect(await world.visit(`/${link.code}`).then((r) => r.status)).toBe(410);
    expect((await reportsOf(link)).map((item) => item.status)).toEqual(["upheld", "upheld"]);
    const again = await admin("POST", `/reports/${second?.id}/decide`, { decision: "dismiss" });
    expect(again.status).toBe(409);
    expect(await eventsOf("links.quarantined")).toContainEqual(
      expect.objectContaining({ link_id: link.id, reason: "report: phishing" }),
    );
    expect(await auditOf(link.id)).toEqual(["links.quarantined"]);
    expect(await auditOf(first?.id ?? "")).toEqual(["reports.upheld"]);
    const wire: Link = (await world.call("GET", `/api/v1/links/${link.id}`)).body;
    expect(wire.state).toBe("quarantined");
  });

  test("to dismiss leaves the link and the other reports alone", async () => {
    const link = await create();
    for (const reason of ["phishing", "spam"]) await report({ code: link.code, reason });
    const [second, first] = await reportsOf(link);
    await admin("POST", `/reports/${first?.id}/decide`, { decision: "dismiss" });
    expect((await world.visit(`/${link.code}`)).status).toBe(302);
    expect((await reportsOf(link, "open")).map((item) => item.id)).toEqual([second?.id as string]);
  });

  test("reports come in pages", async () => {
    const link = await create();
    for (let i = 0; i < 5; i++) await report({ code: link.code, reason: "spam" });
    const seen: string[] = [];
    let cursor = "";
    do {
      const page: ReportPage = (await admin("GET", `/reports?status=open&limit=2${cursor}`)).body;
      seen.push(...page.items.map((item) => item.id));
      cursor = page.next_cursor === null ? "" : `&cursor=${page.next_cursor}`;
    } while (cursor !== "");
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.toSorted((a, b) => Number(BigInt(b) - BigInt(a)))).toEqual(seen);
  });
});

describe("administrators", () => {
  test("stop a link and let it go", async () => {
    const link = await create({ alias: "stop-me" });
    const path = `/links/${link.id}`;
    expect((await world.visit("/Stop_Me")).status).toBe(302);
    expect((await admin("POST", `${path}/quarantine`, { reason: "scam" })).status).toBe(204);
    expect(await stopped("/stop-me")).toBe(true);
    expect(await stopped("/Stop_Me")).toBe(true);
    const page = (await admin("GET", "/quarantine?kind=link")).body as { items: unknown[] };
    expect(page.items).toContainEqual({
      ...{ kind: "link", id: link.id, owner_id: world.ada.id, name: link.short_url },
      ...{ url: link.url, reason: "admin: scam" },
    });
    expect((await admin("POST", `${path}/quarantine`, { reason: "worse" })).status).toBe(204);
    expect((await admin("POST", `${path}/release`)).status).toBe(204);
    expect((await admin("POST", `${path}/release`)).status).toBe(204);
    expect((await world.visit("/stop-me")).headers.get("location")).toBe(link.url);
    expect(await auditOf(link.id)).toEqual(["links.quarantined", "links.released"]);
    const released = (await eventsOf("links.released")).filter((e) => e["link_id"] === link.id);
    expect(released).toHaveLength(1);
  });

  test("stop an owner, whose links and domains send nobody anywhere", async () => {
    const plain = await create({}, world.bob);
    const card = await create({ title: "x", expired_url: "https://example.com/e" }, world.bob);
    for (const link of [plain, card]) {
      expect((await world.visit(`/${link.code}`)).status).toBe(302);
    }
    const path = `/owners/${world.bob.id}`;
    expect((await admin("POST", `${path}/quarantine`, { reason: "spammer" })).status).toBe(204);
    for (const link of [plain, card]) expect(await stopped(`/${link.code}`)).toBe(true);
    const page = (await admin("GET", "/quarantine?kind=owner")).body as { items: unknown[] };
    expect(page.items).toMatchObject([
      { kind: "owner", id: world.bob.id, reason: "admin: spammer" },
    ]);
    expect((await admin("POST", `${path}/quarantine`, { reason: "still" })).status).toBe(204);
    expect((await admin("POST", `${path}/release`)).status).toBe(204);
    expect((await admin("POST", `${path}/release`)).status).toBe(204);
    for (const link of [plain, card]) {
      expect((await world.visit(`/${link.code}`)).status).toBe(302);
    }
    expect(await eventsOf("links.owner_quarantined")).toEqual([{ reason: "admin: spammer" }]);
    expect(await eventsOf("links.owner_released")).toHaveLength(1);
  });

  test("stop a domain: its links, its root and its 404 page", async () => {
    await proveDomain("501", "go.example.net");
    const link = await create({ domain: "go.example.net" });
    const host = { host: "go.example.net" };
    const visit = (path: string) => world.visit(path, { ...html, ...host });
    for (const path of [`/${link.code}`, "/", "/nothere"]) {
      expect((await visit(path)).status).toBe(302);
    }
    const path = "/domains/501";
    expect((await admin("POST", `${path}/quarantine`, { reason: "phish" })).status).toBe(204);
    expect(await stopped(`/${link.code}`, host)).toBe(true);
    expect((await visit("/")).status).toBe(404);
    expect((await visit("/nothere")).status).toBe(404);
    const page = (await admin("GET", "/quarantine?kind=domain")).body as { items: unknown[] };
    expect(page.items).toMatchObject([
      { id: "501", name: "go.example.net", reason: "admin: phish" },
    ]);
    expect((await admin("POST", `${path}/release`)).status).toBe(204);
    for (const each of [`/${link.code}`, "/", "/nothere"]) {
      expect((await visit(each)).status).toBe(302);
    }
    expect(await auditOf("501")).toEqual(["domains.quarantined", "domains.released"]);
    const onDomain = await report({ short_url: link.short_url, reason: "spam" });
    expect(onDomain.status).toBe(202);
  });

  test.each([
    ["GET", "/reports", undefined],
    ["GET", "/quarantine", undefined],
    ["POST", "/reports/1/decide", { decision: "uphold" }],
    ["POST", "/links/1/quarantine", { reason: "x" }],
    ["POST", "/links/1/release", undefined],
    ["POST", "/owners/1/quarantine", { reason: "x" }],
    ["POST", "/owners/1/release", undefined],
    ["POST", "/domains/1/quarantine", { reason: "x" }],
    ["POST", "/domains/1/release", undefined],
  ])("%s %s is theirs alone", async (method, path, body) => {
    const call = (as: Person | string | null, to = path) =>
      world.call(method, `/api/v1/admin${to}`, { as, body }).then((reply) => reply.status);
    expect(await call(null)).toBe(401);
    expect(await call(world.ada)).toBe(403);
    expect(await call(world.readOnlyKey)).toBe(403);
    if (path.includes("/1/")) {
      expect(await call(world.admin)).toBe(404);
      expect(await call(world.admin, path.replace("/1/", "/x/"))).toBe(400);
    } else {
      expect(await call(world.admin, `${path}?cursor=x`)).toBe(400);
    }
    if (body) expect((await admin(method, path, { nonsense: 1 })).status).toBe(400);
  });
});

describe("lists that change", () => {
  const recheck = async () => {
    await world.db.write(
      (tx) => tx.run`
        INSERT INTO platform.jobs (id, kind, payload, run_at)
        VALUES (${String(900_000 + ++made)}, 'links.recheck', 'null', now())`,
    );
    await world.settle();
  };

  test("stop links they name in any part, and let them go when they no longer do", async () => {
    const rules = [{ if: { os: ["ios"] }, url: "https://soon.example/rule" }];
    const hit = [
      await create({ url: "https://soon.example/a" }),
      await create({ url: "https://www.soon.example/b", title: "card" }),
      await create({ rules }),
      await create({ expired_url: "https://soon.example/end" }),
    ];
    const safe = await create();
    const byHand = await create({ url: "https://soon.example/c" });
    await admin("POST", `/links/${byHand.id}/quarantine`, { reason: "by hand" });
    const deleted = await create({ url: "https://soon.example/d" });
    await world.call("DELETE", `/api/v1/links/${deleted.id}`);

    writeFileSync(list, "bad.example\nsoon.example\n");
    await recheck();
    for (const link of hit) expect(await stopped(`/${link.code}`)).toBe(true);
    expect((await world.visit(`/${safe.code}`)).status).toBe(302);
    const events = await eventsOf("links.quarantined");
    const reason = "check: is on a block list (hosts.txt)";
    for (const { id } of hit) {
      expect(events.filter((e) => e["link_id"] === id)).toMatchObject([{ reason }]);
    }
    expect(events.some((event) => event["link_id"] === deleted.id)).toBe(false);
    await recheck();
    expect(await eventsOf("links.quarantined")).toHaveLength(events.length);

    writeFileSync(list, "bad.example\n");
    await recheck();
    for (const link of hit) expect((await world.visit(`/${link.code}`)).status).toBe(302);
    expect(await stopped(`/${byHand.code}`)).toBe(true);
    expect(await auditOf(hit[0]?.id ?? "")).toEqual(["links.quarantined", "links.released"]);
  });
});
