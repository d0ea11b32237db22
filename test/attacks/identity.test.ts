import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { password, startWorld, type World } from "../world.ts";
import { keyWith, signIn } from "./owned.ts";

/** What src/systems/accounts proves of credentials, where the whole program has to see to it. */
let world: World;

beforeAll(async () => {
  world = await startWorld({
    STOA_TRUSTED_PROXIES: "127.0.0.1",
    STOA_SIGN_INS_PER_ADDRESS_PER_HOUR: "5",
  });
}, 60_000);
afterAll(() => world.stop(), 60_000);

/** What a stream must be asked. */
const queries: Record<string, string> = { "/api/v1/chat/events": "?device_id=device-of-streams" };

describe("a live stream", () => {
  const streams = () => world.running.routes.filter((r) => r.replies[200] === "text/event-stream");
  const ask = (path: string, as: string) =>
    fetch(`${world.url}${path}${queries[path] ?? ""}`, {
      headers: { authorization: `Bearer ${as}` },
    });

  async function open(path: string, as: string) {
    const response = await ask(path, as);
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    let over = false;
    const drain = async () => {
      while (!(await reader.read()).done);
      over = true;
    };
    // The stream that stays is cut off by the end of the world.
    drain().catch(() => {});
    return {
      /** Whether it ends within `ms`. */
      async ended(ms: number): Promise<boolean> {
        const deadline = performance.now() + ms;
        while (!over && performance.now() < deadline) await Bun.sleep(5);
        return over;
      },
    };
  }

  const ends: Record<string, () => Promise<{ as: string; end: () => Promise<unknown> }>> = {
    "its key is revoked": async () => {
      const { id, key } = await keyWith(world, { person: world.ada, scopes: ["*:read"] });
      const as = await signIn(world, world.ada);
      return { as: key, end: () => world.call("DELETE", `/api/v1/keys/${id}`, { as }) };
    },
    "its session signs out": async () => {
      const as = await signIn(world, world.ada);
      return { as, end: () => world.call("DELETE", "/api/v1/sessions/current", { as }) };
    },
    "its owner signs out everywhere": async () => {
      const as = await signIn(world, world.ada);
      const other = await signIn(world, world.ada);
      return { as, end: () => world.call("DELETE", "/api/v1/sessions", { as: other }) };
    },
    "its owner is disabled": async () => {
      const admin = await signIn(world, world.admin);
      const set = (disabled: boolean) =>
        world.call("PATCH", `/api/v1/accounts/${world.bob.id}`, { as: admin, body: { disabled } });
      // An earlier stream may have ended by it.
      await set(false);
      return { as: await signIn(world, world.bob), end: () => set(true) };
    },
  };

  test("is there to be ended", () => expect(streams().length).toBeGreaterThan(0));

  test.each(Object.keys(ends))(
    "ends when %s, and others go on",
    async (name) => {
      for (const route of streams()) {
        const { as, end } = await ends[name]!();
        const stays = await open(route.path, world.admin.key);
        const stream = await open(route.path, as);
        expect(await end()).toMatchObject({ status: expect.any(Number) });
        expect(await stream.ended(3_000), route.path).toBe(true);
        const again = await ask(route.path, as);
        expect(again.status).toBe(401);
        const { status } = await world.call("GET", "/api/v1/account", { as: world.admin });
        expect(status).toBe(200);
        expect(await stays.ended(0), "the stream of another").toBe(false);
      }
    },
    15_000,
  );
});

describe("guessing", () => {
  let wrong = 0;
  async function guess(from: string): Promise<number> {
    const body = { email: `nobody-${++wrong}@stoa.test`, password: "not the password" };
    const headers = { "x-forwarded-for": from };
    return (await world.call("POST", "/api/v1/sessions", { as: null, body, headers })).status;
  }

  async function guesses(addresses: string[]): Promise<number[]> {
    const out: number[] = [];
    for (const address of addresses) out.push(await guess(address));
    return out;
  }

  test("from everywhere in an IPv6 /64 counts as from one place", async () => {
    const inside = Array.from(
      { length: 8 },
      (_, i) => `2001:db8:7:7:${(i * 4_099).toString(16)}::${i}`,
    );
    expect((await guesses(inside)).at(-1)).toBe(429);
    expect(await guess("2001:db8:7:8::1")).toBe(401);
  });

  test("is not excused by what the visitor puts before the proxy's word", async () => {
    const forged = Array.from({ length: 8 }, (_, i) => `198.51.100.${i}, 203.0.113.50`);
    expect((await guesses(forged)).at(-1)).toBe(429);
    expect((await guesses(["203.0.113.50", "::ffff:203.0.113.50"])).at(-1)).toBe(429);
    expect(await guess("203.0.113.51")).toBe(401);
  });

  test("many accounts from one place is guessing too", async () => {
    const statuses = await guesses(Array.from({ length: 8 }, () => "203.0.113.99"));
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(statuses.at(-1)).toBe(429);
  });
});

test("links that get passwords keep nobody from signing in", async () => {
  const link = { url: "https://example.com/", password: "open sesame" };
  const post = (path: string, body: unknown) =>
    world.call("POST", `/api/v1/${path}`, { as: world.admin, body });
  const bulk = post("links/bulk", { links: Array.from({ length: 50 }, () => link) });
  // More than all queues of hashes hold.
  const singles = Array.from({ length: 120 }, () => post("links", link));
  let waiting = singles.length;
  const full = singles.map(async (single) => {
    const { status } = await single;
    waiting--;
    if (status !== 503) throw new Error(`${status}`);
  });
  await Promise.any(full);
  const body = { email: world.admin.email, password };
  const { status } = await world.call("POST", "/api/v1/sessions", { as: null, body });
  expect(status).toBe(200);
  // It did not stand behind them.
  expect(waiting).toBeGreaterThan(0);
  const statuses = (await Promise.all(singles)).map((reply) => reply.status);
  expect(new Set(statuses)).toEqual(new Set([201, 503]));
  expect((await bulk).status).toBe(200);
}, 60_000);
