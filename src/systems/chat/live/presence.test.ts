import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../../test/redis.ts";
import { fakeClock, type FakeClock } from "../../../platform/clock/clock.ts";
import { closeCodes } from "../protocol.ts";
import { clientOf, until, type ChatClient } from "./client.fixture.ts";
import { startLiveWorld, type LiveProcess, type LiveWorld } from "./live.fixture.ts";

/** Who is there, on two processes whose time moves when a test says so. */
let world: LiveWorld;
let redis: TestRedis;
let clock: FakeClock;
let here: LiveProcess;
let there: LiveProcess;
beforeAll(async () => {
  [world, redis] = await Promise.all([startLiveWorld(), startRedis()]);
  clock = fakeClock(Date.now());
  here = await world.process({ redisUrl: redis.url, clock });
  there = await world.process({ redisUrl: redis.url, clock });
});
afterAll(async () => {
  await world.stop();
  await redis.stop();
});

let lastAccount = 900;
let ada: string;
let bob: string;
let group: string;
beforeEach(async () => {
  ada = String(++lastAccount);
  bob = String(++lastAccount);
  group = await world.conversation([ada, bob]);
});

const watch = (client: ChatClient, ...accounts: string[]) =>
  client.send({ type: "presence", watch: accounts });

/** What a client was told last of an account. */
function statusOf(client: ChatClient, account: string) {
  const items = client.all("presence").flatMap((frame) => frame.items);
  return items.findLast(({ account_id }) => account_id === account);
}

/** Lets time pass for somebody who goes on saying that they are there. */
async function pass(client: ChatClient, ms: number): Promise<void> {
  clock.advance(ms);
  const beats = client.all("beat").length;
  client.send({ type: "ping" });
  await until(() => client.all("beat").length > beats, "a beat");
}

const becomes = (client: ChatClient, account: string, status: string) =>
  until(() => statusOf(client, account)?.status === status, `${account} ${status}`);

test("who shares a conversation is told how the other is, across processes", async () => {
  const a = await here.signIn(ada);
  watch(a, bob);
  await becomes(a, bob, "offline");
  const b = await there.signIn(bob);
  await becomes(a, bob, "active");
  b.send({ type: "presence", status: "away" });
  await becomes(a, bob, "away");
  const second = await here.signIn(bob, "device-two");
  await becomes(a, bob, "active");
  await Promise.all([a.close(), b.close(), second.close()]);
});

test("strangers, the blocked, and members of one channel are told nothing", async () => {
  const [stranger, blocked] = [String(++lastAccount), String(++lastAccount)];
  await world.conversation([ada, blocked]);
  await world.conversation([ada, stranger], "channel");
  await world.block(ada, blocked);
  await here.signIn(ada);
  for (const other of [stranger, blocked]) {
    const client = await here.signIn(other);
    watch(client, ada);
    client.send({ type: "ping" });
    await client.next("beat");
    expect(client.all("presence")).toEqual([]);
  }
});

test("a short drop is not told; a long one is, with when they were last there", async () => {
  const a = await here.signIn(ada);
  watch(a, bob);
  await becomes(a, bob, "offline");
  const b = await there.signIn(bob);
  await becomes(a, bob, "active");
  await b.close();
  clock.advance(5_000);
  const again = await here.signIn(bob);
  clock.advance(7_000);
  a.send({ type: "ping" });
  await a.next("beat");
  expect(statusOf(a, bob)?.status).toBe("active");
  const open = here.realtime.size;
  await again.close();
  await until(() => here.realtime.size < open, "closed");
  clock.advance(12_000);
  await becomes(a, bob, "offline");
  const seen = Date.parse(statusOf(a, bob)?.last_seen_at ?? "");
  expect(Math.abs(seen - clock.now())).toBeLessThan(60_000);
  const stored = await until(
    () => world.db.one<{ at: Date | null }>`
      SELECT last_seen_at AS at FROM chat.people WHERE account_id = ${bob}`,
    "the moment in the database",
  );
  expect(stored.at).not.toBeNull();
  await a.close();
});

test("who is invisible is offline to all until they say otherwise", async () => {
  const a = await here.signIn(ada);
  const b = await there.signIn(bob);
  watch(a, bob);
  await becomes(a, bob, "active");
  b.send({ type: "presence", status: "invisible" });
  await becomes(a, bob, "offline");
  expect(statusOf(a, bob)?.last_seen_at).toBeNull();
  const second = await here.signIn(bob, "device-two");
  second.send({ type: "presence", status: "away" });
  watch(a, bob);
  a.send({ type: "ping" });
  await a.next("beat");
  expect(a.all("presence").at(-1)?.items[0]?.status).toBe("offline");
  b.send({ type: "presence", status: "active" });
  await becomes(a, bob, "active");
  await Promise.all([a.close(), b.close(), second.close()]);
});

test("one who left the last conversation with somebody is told of them no more", async () => {
  const [a, b] = [await here.signIn(ada), await there.signIn(bob)];
  watch(a, bob);
  await becomes(a, bob, "active");
  const { conversation, own } = await world.remove(group, ada);
  here.live.conversation({ conversation });
  here.live.own(own);
  await a.next("self");
  await until(() => here.subscribers(`p${bob}`) === 0, "the end of the watch");
  a.forget();
  b.send({ type: "presence", status: "away" });
  const c = await here.signIn(bob, "device-two");
  a.send({ type: "ping" });
  await a.next("beat");
  expect(a.all("presence")).toEqual([]);
  await Promise.all([a.close(), b.close(), c.close()]);
});

test("who says nothing for half a minute is gone", async () => {
  const [a, b] = [await here.signIn(ada), await there.signIn(bob)];
  watch(a, bob);
  await becomes(a, bob, "active");
  for (let n = 0; n < 4; n++) await pass(a, 9_000);
  expect(await b.waitClosed()).toBe(closeCodes.silent);
  expect(a.closed()).toBeNull();
  await a.close();
});

test("who connects and says nothing is let go", async () => {
  const mute = await clientOf(here.url);
  clock.advance(9_000);
  const a = await here.signIn(ada);
  expect(mute.closed()).toBeNull();
  clock.advance(2_000);
  expect(await mute.waitClosed()).toBe(closeCodes.hello_late);
  expect(a.closed()).toBeNull();
  await a.close();
});

test("the people of a process that died are gone when its lease is over", async () => {
  const dying = await world.process({ redisUrl: redis.url, clock });
  const a = await here.signIn(ada);
  await dying.signIn(bob);
  watch(a, bob);
  await becomes(a, bob, "active");
  await dying.vanish();
  for (let n = 0; n < 4; n++) await pass(a, 9_000);
  await becomes(a, bob, "offline");
  await a.close();
});
