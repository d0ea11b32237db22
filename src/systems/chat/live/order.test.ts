import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../../test/redis.ts";
import { fakeClock, type FakeClock } from "../../../platform/clock/clock.ts";
import type { ServerFrame } from "../protocol.ts";
import { until, type ChatClient } from "./client.fixture.ts";
import { startLiveWorld, type LiveProcess, type LiveWorld } from "./live.fixture.ts";

/** In what order changes are told, to whom, and what becomes of those that were not heard of. */
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

/** Time stands still, so that no process looks for itself what it was not told yet; until this. */
function timePasses(): Disposable {
  const timer = setInterval(() => clock.advance(50), 50);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

let lastAccount = 100;
const someone = () => String(++lastAccount);

/** Of one conversation, what a client would hold: each text by seq, and how far it got. */
function held(client: ChatClient, id: string): { texts: (string | undefined)[]; rev: number } {
  const texts: (string | undefined)[] = [];
  let rev = 0;
  const apply = (frame: ServerFrame) => {
    if (frame.type === "message" && frame.message.conversation_id === id) {
      texts[frame.message.seq - 1] = frame.message.body?.text;
      rev = Math.max(rev, frame.rev);
    }
    const isOf = frame.type === "conversation" && frame.conversation.id === id;
    if (isOf) rev = Math.max(rev, frame.rev);
    if (frame.type === "changes" && frame.conversation_id === id) {
      for (const inner of frame.frames) apply(inner as ServerFrame);
      rev = Math.max(rev, frame.rev);
    }
  };
  client.frames.forEach(apply);
  return { texts, rev };
}

const revsOf = (client: ChatClient) => client.all("message").map(({ rev }) => rev);

test("changes that come in another order are told in theirs", async () => {
  const ada = someone();
  const id = await world.conversation([ada]);
  const client = await here.signIn(ada);
  const changes = [];
  for (let n = 0; n < 5; n++) changes.push(await world.send(id, ada, `${n}`));
  for (const n of [1, 4, 0, 3, 2, 2, 0]) here.live.message(changes[n] as (typeof changes)[0]);
  await until(() => revsOf(client).length === 5, "all five");
  expect(revsOf(client)).toEqual([1, 2, 3, 4, 5]);
});

test("a hole is filled from the database, and what waited is not told twice", async () => {
  const ada = someone();
  const id = await world.conversation([ada]);
  const client = await here.signIn(ada);
  await world.send(id, ada, "nobody was told");
  here.live.message(await world.send(id, ada, "behind it"));
  const changes = await client.next("changes");
  expect(changes).toMatchObject({ conversation_id: id, since: 0, rev: 2 });
  here.live.message(await world.send(id, ada, "third"));
  await until(() => held(client, id).rev === 3, "the third");
  expect(held(client, id).texts).toEqual(["nobody was told", "behind it", "third"]);
  expect(revsOf(client)).toEqual([3]);
});

test("what nobody told of is found by looking, within seconds", async () => {
  using _ = timePasses();
  const ada = someone();
  const id = await world.conversation([ada]);
  const client = await here.signIn(ada);
  await world.send(id, ada, "lost");
  await until(() => held(client, id).rev === 1, "the repair");
  expect(held(client, id).texts).toEqual(["lost"]);
});

test("a change reaches the sockets of another process", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const [a, b] = [await here.signIn(ada), await there.signIn(bob)];
  here.live.message(await world.send(id, ada, "from here"));
  await b.next("message", ({ message }) => message.body?.text === "from here");
  there.live.message(await world.send(id, bob, "from there"));
  await a.next("message", ({ message }) => message.body?.text === "from there");
  expect(revsOf(a)).toEqual([1, 2]);
});

test("one who is removed hears nothing from the change on that removed them", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const [a, b] = [await here.signIn(ada), await there.signIn(bob)];
  here.live.message(await world.send(id, ada, "for both"));
  await b.next("message");
  const { own } = await world.remove(id, bob);
  // Nobody is told of the removal itself; the next message knows of it.
  here.live.message(await world.send(id, ada, "for one"));
  await until(() => held(a, id).rev === 3, "the one who stays");
  here.live.own(own);
  const told = await b.next("self");
  expect(told).toMatchObject({ gone: [id], items: [], self_rev: 1, since: 0 });
  expect(JSON.stringify(b.frames)).not.toContain("for one");
});

test("the change that removes somebody is the last that anybody has to tell of it", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const [a, b] = [await here.signIn(ada), await here.signIn(bob)];
  const { conversation } = await world.remove(id, bob);
  here.live.conversation({ conversation });
  here.live.message(await world.send(id, ada, "for one"));
  await a.next("message");
  b.send({ type: "ping" });
  await b.next("beat");
  expect(b.all("message")).toEqual([]);
});

test("what is told while a list is on its way is not missed by whom the list is for", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const a = await here.signIn(ada);
  here.atNextPage(async () => {
    here.live.message(await world.send(id, ada, "just now"));
    await a.next("message");
  });
  const b = await here.signIn(bob);
  expect(await b.next("changes")).toMatchObject({ conversation_id: id, since: 0, rev: 1 });
  expect(held(b, id).texts).toEqual(["just now"]);
});

test("one who is removed while the list is on its way hears nothing of it after", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const a = await here.signIn(ada);
  here.atNextPage(async () => {
    const { conversation } = await world.remove(id, bob);
    here.live.conversation({ conversation });
    await a.next("conversation");
  });
  const b = await here.signIn(bob);
  here.live.message(await world.send(id, ada, "for one"));
  await a.next("message");
  b.send({ type: "ping" });
  await b.next("beat");
  expect(b.all("message")).toEqual([]);
  expect(b.all("changes")).toEqual([]);
});

test("one who joins hears at once, and nothing from before, edits included", async () => {
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada]);
  const [a, b] = [await here.signIn(ada), await here.signIn(bob)];
  here.live.message(await world.send(id, ada, "secret"));
  const { conversation, own } = await world.join(id, bob);
  here.live.conversation({ conversation });
  here.live.own(own);
  await b.next("self", ({ items }) => items[0]?.conversation.id === id);
  here.live.message(await world.edit(id, 1, "secret still"));
  here.live.message(await world.send(id, ada, "for both"));
  await until(() => held(a, id).rev === 4 && held(b, id).rev === 4, "both");
  expect(held(a, id).texts).toEqual(["secret still", "for both"]);
  expect(JSON.stringify(b.frames)).not.toContain("secret");
  expect(b.all("changes")).toMatchObject([{ since: 2, rev: 3, frames: [] }]);
});

test("an own change that was lost is made up for: the list is told again", async () => {
  using _ = timePasses();
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada]);
  const b = await there.signIn(bob);
  await world.join(id, bob);
  const other = await world.conversation([ada]);
  const { own } = await world.join(other, bob);
  there.live.own(own);
  await until(() => b.all("self").at(-1)?.self_rev === 2, "both");
  const ids = b
    .all("self")
    .flatMap(({ items }) => items.map(({ conversation }) => conversation.id));
  expect(new Set(ids)).toEqual(new Set([id, other]));
  there.live.message(await world.send(id, ada, "to the one it was not told of"));
  await b.next("message");
});

test("whatever is committed while a client connects, it ends with all of it", async () => {
  using _ = timePasses();
  const [ada, bob] = [someone(), someone()];
  const ids: string[] = [];
  for (let n = 0; n < 8; n++) ids.push(await world.conversation([ada, bob]));
  let stop = false;
  const talk = async () => {
    for (let n = 0; !stop; n++) {
      const id = ids[n % ids.length] as string;
      here.live.message(await world.send(id, ada, `${n}`));
    }
  };
  const talking = talk();
  const clients = [];
  for (let n = 0; n < 5; n++) clients.push(await there.signIn(bob, `device-number-${n}`));
  stop = true;
  await talking;
  for (const client of clients) {
    for (const { conversation } of client.all("listed").flatMap(({ items }) => items)) {
      const [top] = await there.listing.tops([conversation.id]);
      const rev = () => Math.max(conversation.rev, held(client, conversation.id).rev);
      await until(() => rev() === top?.[2], "the end");
      const heard = revsIn(client, conversation.id).filter((one) => one > conversation.rev);
      expect(heard).toEqual([...heard.keys()].map((n) => conversation.rev + 1 + n));
    }
  }
}, 30_000);

test("with Redis gone or frozen nothing is lost, and it is in order", async () => {
  using _ = timePasses();
  const [ada, bob] = [someone(), someone()];
  const id = await world.conversation([ada, bob]);
  const client = await there.signIn(bob);
  const texts: string[] = [];
  const say = async (text: string) => {
    texts.push(text);
    here.live.message(await world.send(id, ada, text));
  };
  await say("before");
  await redis.kill();
  for (let n = 0; n < 10; n++) await say(`away ${n}`);
  await until(() => held(client, id).rev === 11, "what was sent while it was away");
  await redis.start();
  for (let n = 0; n < 10; n++) await say(`back ${n}`);
  await until(() => held(client, id).rev === 21, "what was sent after");
  redis.freeze();
  for (let n = 0; n < 5; n++) await say(`frozen ${n}`);
  await until(() => held(client, id).rev === 26, "what was sent while it was frozen");
  redis.thaw();
  expect(held(client, id).texts).toEqual(texts);
  const revs = revsOf(client);
  expect(revs).toEqual(revs.toSorted((x, y) => x - y));
}, 30_000);

/** Each rev that was told of one conversation, once, in the order of the revs. */
function revsIn(client: ChatClient, id: string): number[] {
  const revs = new Set<number>();
  const add = (frame: ServerFrame) => {
    if (frame.type === "message" && frame.message.conversation_id === id) revs.add(frame.rev);
    if (frame.type === "changes" && frame.conversation_id === id) {
      for (const inner of frame.frames) add(inner as ServerFrame);
    }
  };
  client.frames.forEach(add);
  return [...revs].toSorted((a, b) => a - b);
}
