import { expect, test } from "bun:test";
import { checkUnique } from "./checks.ts";
import { History } from "./history.ts";
import { install } from "./install.ts";
import { startLoad } from "./load.ts";
import { freePort } from "../free-port.ts";
import { startReceiver, subscribe, type Receiver } from "./receiver.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { startStoa } from "./stoa.ts";

/**
 * R9: Stoa is killed between commits and what they cause. Every link that was acknowledged is
 * told of to a webhook; what is told twice carries the same id and body.
 * R24: a receiver that resets connections and one that never answers are tried a bounded number
 * of times, and a third one gets everything meanwhile.
 */
const deliveredWithinMs = 30_000;

async function killWhileTelling(kills: number, brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage, brokenTree);
  const port = freePort();
  const receiver = startReceiver(stage, "answer");
  const start = () => startStoa(stage, { dataDir, port, tree: brokenTree });
  let stoa = await start();
  await subscribe(port, key, receiver);
  const history = new History();
  const { random } = stage;
  const load = startLoad({
    ...{ ports: () => [port], key, history, random, writers: 4, visitors: 0 },
  });
  for (let kill = 0; kill < kills; kill++) {
    await lasting(200 + random.below(400));
    await stoa.kill();
    stoa = await start();
  }
  await lasting(300);
  await load.stop();
  const made = history.operations.filter((o) => o.kind === "create" && o.outcome === "ok");
  const told = () => new Set(receiver.got.map((event) => event.data.link_id));
  const missing = () => made.filter((o) => !told().has(o.link!)).length;
  await until("every link was told of", () => missing() === 0, {
    withinMs: deliveredWithinMs,
  }).catch(() => {});
  console.log(`${made.length} made, ${receiver.got.length} deliveries, ${missing()} missing`);
  return { missing: missing(), got: receiver.got };
}

test("every acknowledged link is told of, however often Stoa dies", async () => {
  const { missing, got } = await killWhileTelling(rounds(4));
  expect(missing).toBe(0);
  // One event a link: a repeat is the same event, to the byte.
  const byId = new Map(got.map((event) => [event.id, event.text]));
  expect(got.every((event) => byId.get(event.id) === event.text)).toBe(true);
  const events = new Map(got.map((event) => [event.id, event.data.link_id]));
  expect(checkUnique("link of an event", events.values())).toEqual([]);
});

async function tellTheIll(brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const [good, resetting, hanging] = (["answer", "reset", "hang"] as const).map((way) =>
    startReceiver(stage, way),
  ) as [Receiver, Receiver, Receiver];
  for (const receiver of [good, resetting, hanging]) await subscribe(stoa.port, key, receiver);
  const history = new History();
  const { random } = stage;
  const began = performance.now();
  const load = startLoad({
    ...{ ports: () => [stoa.port], key, history, random, writers: 3, visitors: 1 },
  });
  await lasting(4_000);
  await load.stop();
  const made = history.operations.filter((o) => o.kind === "create" && o.outcome === "ok");
  await until("the good one has everything", () => good.got.length >= made.length);
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${made.length} made in ${Math.round(seconds)} s; tries: ${good.tries()} answered, ` +
      `${resetting.tries()} reset, ${hanging.tries()} hung`,
  );
  const unanswered = history.operations.filter((o) => o.outcome === "unknown");
  return { resets: resetting.tries(), hangs: hanging.tries(), unanswered };
}

/** Five failures, then a pause of half a minute; two at once, so that one more is under way. */
const triesMax = 6;

test("receivers that reset or hang are tried within bounds and hold up nobody else", async () => {
  const { resets, hangs, unanswered } = await tellTheIll();
  expect(resets).toBeGreaterThan(0);
  expect(resets).toBeLessThanOrEqual(triesMax);
  expect(hangs).toBeGreaterThan(0);
  expect(hangs).toBeLessThanOrEqual(triesMax);
  expect(unanswered).toEqual([]);
});

counterproof(
  "events that are handed out from memory after the commit",
  [
    {
      file: "src/platform/events/outbox.ts",
      from: "store.insertEvents(tx, rows);",
      to: `const late = () => this.options.db.write((later) => store.insertEvents(later, rows));
    tx.afterCommit(() => setTimeout(() => void late().catch(() => {}), 100));`,
    },
  ],
  async (broken) => {
    expect((await killWhileTelling(3, broken)).missing).toBeGreaterThan(0);
  },
);

counterproof(
  "receivers that are never given a pause",
  [
    {
      file: "src/systems/webhooks/health.ts",
      from: "pausedUntil: pauseMs > 0 ? now + pauseMs : null",
      to: "pausedUntil: null",
    },
  ],
  async (broken) => {
    expect((await tellTheIll(broken)).resets).toBeGreaterThan(triesMax);
  },
);
