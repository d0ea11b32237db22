import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../../../test/free-port.ts";
import { publicUrl, startWorld, type World } from "../../../test/world.ts";
import type { Link } from "./wire.ts";

let world: World;
/** Each socket answers everything alike. */
let door: string;
async function visit(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(door + path, { headers, redirect: "manual" });
}

const target = "https://example.com/target?x=1";
const browser = { accept: "text/html", "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130" };

async function made(fields: Record<string, unknown> = {}): Promise<Link> {
  const reply = await world.call("POST", "/api/v1/links", { body: { url: target, ...fields } });
  expect(reply.status).toBe(201);
  return reply.body;
}

async function follow(path: string, headers: Record<string, string> = {}) {
  const response = await visit(path, headers);
  return [response.status, response.headers.get("location")] as const;
}

describe.each(["PORT", "STOA_REDIRECT_PORT"])("%s", (socket) => {
  beforeAll(async () => {
    const redirectPort = freePort();
    world = await startWorld({ STOA_REDIRECT_PORT: String(redirectPort) });
    door = socket === "PORT" ? world.url : `http://127.0.0.1:${redirectPort}`;
  });
  afterAll(async () => {
    await world.stop();
  });

  describe("a plain link", () => {
    test("redirects with the status asked for, and says how it may be cached", async () => {
      for (const redirect of [301, 302, 307, 308]) {
        const link = await made({ redirect });
        expect(await follow(`/${link.code}`)).toEqual([redirect, target]);
        expect(await follow(`/${link.code}`)).toEqual([redirect, target]);
      }
      const { headers } = await visit(`/${(await made()).code}`);
      expect(headers.get("cache-control")).toContain("no-cache");
    });

    test("HEAD answers alike without a body", async () => {
      const link = await made();
      const response = await fetch(`${door}/${link.code}`, {
        method: "HEAD",
        redirect: "manual",
      });
      expect([response.status, response.headers.get("location")]).toEqual([302, target]);
    });

    test("an alias answers in any spelling that cannot be another one", async () => {
      await made({ alias: "Summer-Sale" });
      for (const typed of ["Summer-Sale", "summer-sale", "SUMMER-SALE"]) {
        expect(await follow(`/${typed}`)).toEqual([302, target]);
      }
    });

    test("unknown codes are 404: a page for people, JSON for programs", async () => {
      const program = await visit("/nowhere");
      expect(program.status).toBe(404);
      expect(await program.json()).toMatchObject({ code: "links.not_found" });
      const person = await visit("/nowhere", browser);
      expect(person.headers.get("content-type")).toContain("text/html");
      expect(person.headers.get("content-security-policy")).toContain("default-src 'none'");
    });

    test("an alias made after somebody asked for it is found at once", async () => {
      expect((await follow("/early-bird"))[0]).toBe(404);
      await made({ alias: "early-bird" });
      expect((await follow("/early-bird"))[0]).toBe(302);
      expect((await follow("/EARLY-bird"))[0]).toBe(302);
    });
  });

  test("what a visitor says of itself is in the click, from memory too", async () => {
    const link = await made();
    const said = {
      referer: "https://www.news.example/item?id=1",
      "user-agent":
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/605",
    };
    const path = `/${link.code}?utm_source=mail`;
    for (let i = 0; i < 3; i++) await visit(path, said);
    await visit(path, { ...said, "sec-purpose": "prefetch" });
    await visit(path, { ...said, dnt: "1" });
    await world.settle();
    const by = async (group: string) => {
      const stats = `/api/v1/links/${link.id}/stats?traffic=all&group_by=${group}`;
      const { rows } = (await world.call("GET", stats)).body as {
        rows: { key: string; clicks: number }[];
      };
      return Object.fromEntries(rows.map(({ key, clicks }) => [key, clicks]));
    };
    expect(await by("referrer")).toEqual({ "news.example": 4, "": 1 });
    expect(await by("utm_source")).toEqual({ mail: 4, "": 1 });
    expect(await by("os")).toEqual({ ios: 4, "": 1 });
    expect(await by("kind")).toMatchObject({ human: 4, prefetch: 1, bot: 0 });
  });

  test("visits are limited by rules as everything is: 429, and when to come back", async () => {
    const link = await made();
    const rule = { name: "visits-here", routes: ["/{code}"], key: ["ip"] };
    const numbers = { algorithm: "fixed_window", limit: 3, window_ms: 3_600_000 };
    const admin = { as: world.admin };
    const added = await world.call("POST", "/api/v1/limits/rules", {
      ...admin,
      body: { ...rule, ...numbers },
    });
    expect(added.status, JSON.stringify(added.body)).toBe(201);
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await visit(`/${link.code}`)).status);
    expect(statuses).toEqual([302, 302, 302, 429, 429]);
    const program = await visit(`/${link.code}`);
    expect(Number(program.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await program.json()).toMatchObject({ status: 429, rule: rule.name });
    const person = await visit(`/${link.code}`, browser);
    expect([person.status, person.headers.get("content-type")]).toEqual([
      429,
      "text/html; charset=utf-8",
    ]);
    const { id } = added.body as { id: string };
    expect((await world.call("DELETE", `/api/v1/limits/rules/${id}`, admin)).status).toBe(204);
    expect((await visit(`/${link.code}`)).status).toBe(302);
  });

  describe("changes", () => {
    test("the very next redirect sees an edit, and a delete", async () => {
      const link = await made();
      await follow(`/${link.code}`);
      const path = `/api/v1/links/${link.id}`;
      for (let i = 0; i < 20; i++) {
        const url = `https://example.com/v${i}`;
        expect((await world.call("PATCH", path, { body: { url } })).status).toBe(200);
        expect(await follow(`/${link.code}`)).toEqual([302, url]);
      }
      expect((await world.call("DELETE", path)).status).toBe(204);
      expect((await follow(`/${link.code}`))[0]).toBe(410);
      expect((await world.call("DELETE", path)).status).toBe(404);
    });

    test("a deleted alias is never given again", async () => {
      const link = await made({ alias: "used-once" });
      await world.call("DELETE", `/api/v1/links/${link.id}`);
      const again = await world.call("POST", "/api/v1/links", {
        as: world.bob,
        body: { url: target, alias: "used-once" },
      });
      expect(again.status).toBe(409);
    });
  });

  describe("time and use", () => {
    test("not yet is 404, expired is 410, both exact to the instant", async () => {
      const later = await made({ starts_at: new Date(Date.now() + 3_600_000).toISOString() });
      expect((await follow(`/${later.code}`))[0]).toBe(404);
      const at = Date.now() + 1_000;
      const brief = await made({ expires_at: new Date(at).toISOString() });
      for (let before = 0; before < at;) {
        before = Date.now();
        const [status] = await follow(`/${brief.code}`);
        if (Date.now() < at) expect(status).toBe(302);
        if (before >= at) expect(status).toBe(410);
      }
    });

    test("expired_url is where visitors of an ended link go", async () => {
      const expired_url = "https://example.com/over";
      const link = await made({ max_clicks: 1, expired_url });
      expect(await follow(`/${link.code}`)).toEqual([302, target]);
      expect(await follow(`/${link.code}`)).toEqual([302, expired_url]);
    });

    test("100 visitors race for 10 clicks: 10 pass", async () => {
      const link = await made({ max_clicks: 10 });
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async () => (await follow(`/${link.code}`))[0]),
      );
      expect(statuses.filter((s) => s === 302)).toHaveLength(10);
      expect(statuses.filter((s) => s === 410)).toHaveLength(90);
    });

    test("neither HEAD nor an unfurler uses up a click", async () => {
      const link = await made({ max_clicks: 1, title: "A card" });
      await fetch(`${door}/${link.code}`, { method: "HEAD", redirect: "manual" });
      await follow(`/${link.code}`, { "user-agent": "Slackbot-LinkExpanding 1.0" });
      expect((await follow(`/${link.code}`))[0]).toBe(302);
    });
  });

  describe("where to", () => {
    test("the first rule that matches wins", async () => {
      const link = await made({
        rules: [
          { if: { query: [{ name: "src", value: "mail" }] }, url: "https://example.com/mail" },
          { if: { language: ["de"] }, url: "https://example.com/de" },
          { if: { os: ["ios"] }, url: "https://example.com/ios" },
        ],
      });
      const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15";
      const path = `/${link.code}`;
      expect((await follow(`${path}?src=mail`, { "accept-language": "de" }))[1]).toEndWith("/mail");
      expect((await follow(path, { "accept-language": "de-CH,en;q=0.5" }))[1]).toEndWith("/de");
      expect((await follow(path, { "user-agent": iphone }))[1]).toEndWith("/ios");
      expect((await follow(path))[1]).toBe(target);
    });

    test("a split sticks to the visitor and follows the weights", async () => {
      const a = "https://example.com/a";
      const b = "https://example.com/b";
      const link = await made({
        split: [
          { url: a, weight: 3 },
          { url: b, weight: 1 },
        ],
      });
      let toA = 0;
      for (let i = 0; i < 200; i++) {
        const agent = { "user-agent": `visitor ${i}` };
        const first = (await follow(`/${link.code}`, agent))[1];
        expect((await follow(`/${link.code}`, agent))[1]).toBe(first);
        if (first === a) toA++;
      }
      expect(toA).toBeGreaterThan(115);
      expect(toA).toBeLessThan(185);
    });

    test("query and path go on only where the owner said so, and never off the host", async () => {
      const plain = await made();
      expect(await follow(`/${plain.code}?a=b`)).toEqual([302, target]);
      expect((await follow(`/${plain.code}/deeper`))[0]).toBe(404);
      const open = await made({
        url: "https://example.com/base",
        forward_query: true,
        forward_path: true,
      });
      expect((await follow(`/${open.code}/deeper?a=b`))[1]).toBe(
        "https://example.com/base/deeper?a=b",
      );
      for (const path of ["//evil.test", "/..%2f..", "/%5c%5cevil.test", "/@evil.test"]) {
        const [, location] = await follow(`/${open.code}${path}`);
        expect(new URL(location ?? "").host).toBe("example.com");
      }
    });

    test("unfurlers get the owner's card, people the target", async () => {
      const link = await made({
        title: "Big <news>",
        description: "Soon",
        image: "https://example.com/i.png",
      });
      const card = await visit(`/${link.code}`, { "user-agent": "Twitterbot/1.0" });
      const html = await card.text();
      expect(card.status).toBe(200);
      expect(html).toContain('<meta property="og:title" content="Big &lt;news&gt;">');
      expect((await follow(`/${link.code}`, browser))[0]).toBe(302);
    });

    test("noindex is said where it is wanted", async () => {
      const link = await made({ robots: "noindex" });
      expect((await visit(`/${link.code}`)).headers.get("x-robots-tag")).toBe("noindex");
    });
  });

  describe("pages", () => {
    test("a preview shows the target and counts nothing", async () => {
      const link = await made({ title: "T" });
      const html = await (await visit(`/${link.code}+`, browser)).text();
      expect(html).toContain("https://example.com/target?x=1");
      const json = await (await visit(`/${link.code}+`)).json();
      expect(json).toMatchObject({ url: target, short_url: `${publicUrl}/${link.code}` });
    });

    test("a password is asked for, checked, and limited", async () => {
      const link = await made({ password: "sesame" });
      const form = (password: string) =>
        fetch(`${door}/${link.code}`, {
          method: "POST",
          redirect: "manual",
          headers: { "content-type": "application/x-www-form-urlencoded", accept: "text/html" },
          body: new URLSearchParams({ password }),
        });
      const asked = await visit(`/${link.code}`, browser);
      expect(await asked.text()).toContain('type="password"');
      expect((await form("wrong")).status).toBe(401);
      const right = await form("sesame");
      expect([right.status, right.headers.get("location")]).toEqual([303, target]);
      expect((await follow(`/${link.code}`, { "x-link-password": "sesame" }))[0]).toBe(302);
      const tries = await Promise.all(Array.from({ length: 12 }, () => form("guess")));
      expect(tries.map((r) => r.status)).toContain(429);
    });

    test("a domain's people-friendly codes forgive case and tell a typo", async () => {
      await world.db.write(async (tx) => {
        await tx.run`INSERT INTO links.domains (id, owner_id, host, alphabet, token, verified_at)
        VALUES (77, ${world.ada.id}, 'go.example.org', 'people', 't', now())`;
        await tx.all`SELECT pg_notify('links_domains_changed', '')`;
      });
      let reply = await world.call("POST", "/api/v1/links", {
        body: { url: target, domain: "go.example.org" },
      });
      for (let i = 0; reply.status !== 201 && i < 50; i++) {
        await Bun.sleep(20);
        reply = await world.call("POST", "/api/v1/links", {
          body: { url: target, domain: "go.example.org" },
        });
      }
      const { code } = reply.body as Link;
      const host = { host: "go.example.org" };
      expect((await follow(`/${code.toLowerCase()}`, host))[0]).toBe(302);
      expect((await follow(`/${code}`))[0]).toBe(404);
      const typo = code.slice(0, 4) + (code[4] === "2" ? "3" : "2") + code.slice(5);
      const html = await (await visit(`/${typo}`, { ...host, ...browser })).text();
      expect(html).toContain("Did you mean");
      expect(html).toContain(code);
      const api = await visit("/api/v1/links", host);
      expect(api.status).toBe(404);
    });
  });
});
