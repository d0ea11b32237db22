import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { systemClock } from "../clock/clock.ts";
import { silentLog } from "../log/log.ts";
import { Metrics } from "../metrics/metrics.ts";
import { openState } from "./open.ts";
import { defineScript, StateAwayError, type State } from "./state.ts";

const add = defineScript("return {redis.call('INCRBY', KEYS[1], cjson.decode(ARGV[1])[1])}");

async function open(redisUrl: string, commandTimeoutMs = 5_000): Promise<State> {
  const parts = { clock: systemClock, log: silentLog, metrics: new Metrics() };
  return await openState({ redisUrl, commandTimeoutMs, ...parts });
}

async function until(condition: () => boolean | Promise<boolean>, msMax = 20_000): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so within ${msMax} ms`);
    await Bun.sleep(5);
  }
}

/** A busy machine may be late now and then; one that is late each time is not the machine. */
async function onTime(run: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 30; tries++) {
    if (await run()) return;
    await Bun.sleep(20);
  }
  throw new Error("late each time");
}

async function failure(work: Promise<unknown>): Promise<StateAwayError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StateAwayError);
  return error as StateAwayError;
}

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each([
  ["in process", () => ""],
  ["on Redis", () => redis.url],
])("messages %s", (_, url) => {
  test("reach every listener of their topic, and nobody after the end", async () => {
    const state = await open(url());
    const heard: string[] = [];
    const end = state.subscribe("a", (message) => heard.push(`1 ${message}`));
    state.subscribe("a", (message) => heard.push(`2 ${message}`));
    state.subscribe("b", (message) => heard.push(`b ${message}`));
    // A subscription on Redis takes effect a moment later.
    await until(() => {
      state.publish("b", "ready");
      return heard.includes("b ready");
    });
    heard.length = 0;
    state.publish("a", "x");
    await until(() => heard.includes("2 x"));
    expect(heard.filter((line) => !line.startsWith("b"))).toEqual(["1 x", "2 x"]);
    end();
    state.publish("a", "y");
    await until(() => heard.includes("2 y"));
    expect(heard).not.toContain("1 y");
    await state.close();
  });

  test("are heard after the publisher has gone on", async () => {
    const state = await open(url());
    let heard = 0;
    state.subscribe("c", () => heard++);
    state.publish("c", "");
    expect(heard).toBe(0);
    await state.close();
  });
});

test("without REDIS_URL nothing is shared and scripts are refused", async () => {
  const state = await open("");
  expect(state.shared).toBe(false);
  expect((await failure(state.run(add, ["k"], [1]))).sent).toBe(false);
});

test("messages reach other processes", async () => {
  const [one, other] = [await open(redis.url), await open(redis.url)];
  const heard: string[] = [];
  other.subscribe("t", (message) => heard.push(message));
  await until(() => {
    one.publish("t", "hello");
    return heard.includes("hello");
  });
  await Promise.all([one.close(), other.close()]);
});

test("a script that the server forgot is sent again", async () => {
  const state = await open(redis.url);
  expect(await state.run(add, ["forgotten"], [2])).toEqual([2]);
  await (await redis.client()).send("SCRIPT", ["FLUSH"]);
  const both = [state.run(add, ["forgotten"], [2]), state.run(add, ["forgotten"], [2])];
  expect((await Promise.all(both)).flat().toSorted()).toEqual([4, 6]);
  await state.close();
});

test("an error of the server fails the command and nothing else", async () => {
  const state = await open(redis.url);
  await (await redis.client()).send("SET", ["text", "no number"]);
  const error = await failure(state.run(add, ["text"], [1]));
  expect(error.sent).toBe(true);
  expect(String(error.cause)).toContain("not an integer");
  expect(state.state()).toBe("up");
  expect(await state.run(add, ["number"], [1])).toEqual([1]);
  await state.close();
});

describe("a server that goes away", () => {
  const timeoutMs = 50;

  test("frozen: callers wait once, no longer than the deadline", async () => {
    const own = await startRedis();
    await onTime(async () => {
      const state = await open(own.url, timeoutMs);
      if ((await state.run(add, ["k"], [0]).catch(() => null)) === null) return false;
      own.freeze();
      const begun = performance.now();
      const errors = await Promise.all(
        Array.from({ length: 64 }, () => failure(state.run(add, ["k"], [1]))),
      );
      const waitedMs = performance.now() - begun;
      expect(errors.every((error) => error.sent)).toBe(true);
      expect(state.state()).toBe("down");
      const later = Array.from({ length: 64 }, () => failure(state.run(add, ["k"], [1])));
      expect((await Promise.all(later)).every((error) => !error.sent)).toBe(true);
      own.thaw();
      await state.close();
      return waitedMs < timeoutMs + 10;
    });
    await own.stop();
  });

  test("frozen, then thawed: it is found again, with its subscriptions", async () => {
    const own = await startRedis();
    const state = await open(own.url, timeoutMs);
    const heard: string[] = [];
    state.subscribe("t", (message) => heard.push(message));
    own.freeze();
    await until(() => {
      state.publish("t", "lost");
      return state.state() === "down";
    });
    own.thaw();
    await until(() => {
      state.publish("t", "again");
      return heard.includes("again");
    });
    await state.close();
    await own.stop();
  });

  test("killed and started again: scripts and subscriptions are there", async () => {
    const own = await startRedis({ durable: true });
    const state = await open(own.url);
    const heard: string[] = [];
    state.subscribe("t", (message) => heard.push(message));
    expect(await state.run(add, ["k"], [5])).toEqual([5]);
    await own.kill();
    await until(() => state.state() === "down");
    expect((await failure(state.run(add, ["k"], [1]))).sent).toBe(false);
    await own.start();
    await until(() => state.state() === "up");
    expect(await state.run(add, ["k"], [1])).toEqual([6]);
    await until(() => {
      state.publish("t", "again");
      return heard.includes("again");
    });
    await state.close();
    await own.stop();
  });

  test("not there at the start: it is used once it is", async () => {
    const own = await startRedis();
    await own.kill();
    const state = await open(own.url);
    expect(state.state()).toBe("down");
    await own.start();
    await until(() => state.state() === "up");
    expect(await state.run(add, ["k"], [1])).toEqual([1]);
    await state.close();
    await own.stop();
  });

  test("a connection that only stops delivering messages is given up", async () => {
    const state = await open(redis.url);
    const client = await redis.client();
    await client.send("CLIENT", ["KILL", "TYPE", "pubsub"]);
    await until(() => state.state() === "down");
    await until(() => state.state() === "up");
    await state.close();
  });
});

test("a server that answers and then refuses is tried after growing pauses", async () => {
  const own = await startRedis();
  // A replica without a master: it answers PING, and no script may write.
  await (await own.client()).send("REPLICAOF", ["127.0.0.1", "1"]);
  const metrics = new Metrics();
  const parts = { clock: systemClock, log: silentLog, metrics };
  const state = await openState({ redisUrl: own.url, commandTimeoutMs: 5_000, ...parts });
  const end = performance.now() + 2_000;
  while (performance.now() < end) {
    await state.run(add, ["k"], [1]).catch(() => {});
    await Bun.sleep(1);
  }
  await state.close();
  await own.stop();
  const outages = Number(/^stoa_state_outages_total (\d+)/m.exec(metrics.render())?.[1]);
  // 20, 40, 80 ... 500 ms: some eight tries; without growing pauses about eighty.
  expect(outages).toBeGreaterThan(1);
  expect(outages).toBeLessThan(15);
});

test("a busy process does not take its own pause for the server's", async () => {
  const state = await open(redis.url, 50);
  await onTime(async () => {
    if (state.state() === "down") return false;
    const answer = state.run(add, ["busy"], [1]);
    // The answer arrives while this process computes for longer than the deadline.
    for (const end = performance.now() + 120; performance.now() < end;) Math.sqrt(end);
    return (await answer.catch(() => null)) !== null;
  });
  await state.close();
});
