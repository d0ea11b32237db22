import { expect, test } from "bun:test";
import type { ChatClient } from "./chat-client.ts";
import { chatRulesOf } from "./chat-checks.ts";
import {
  allOn,
  openChatTogether,
  saidSoFar,
  slowestShownMs,
  type ChatScene,
} from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { signal } from "./stoa.ts";
import { allReady, type Together } from "./together.ts";

/**
 * Chat over four processes and a Redis. A process that is killed: its clients come back elsewhere
 * and miss nothing. Redis killed or frozen: nothing is lost, sending goes on, and what Redis did
 * not carry is told all the same within seconds, on sockets that ask for nothing themselves.
 */
const people = 16;
const talkers = 2;
/** Between two looks at where conversations stand, and what a busy machine adds. */
const toldWithinMs = 5_000;
const awayMs = 3_000;

async function killProcesses(kills: number, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChatTogether(stage, { people, tree: brokenTree });
  const { clients, together } = scene;
  for (let n = 0; n < people * 2; n++) scene.client(n, { inFlightMax: 1, pauseMs: 15 }).connect();
  await allOn(clients);
  for (const client of clients) client.startTalking();
  for (let kill = 0; kill < kills; kill++) {
    await lasting(300 + stage.random.below(300));
    const victims = together.pids();
    signal(victims[kill % victims.length]!, "SIGKILL");
    await allOn(clients);
    if (kill % 2 === 1) await allReady(together);
  }
  await lasting(300);
  await Promise.all(clients.map((client) => client.stopTalking()));
  const violations = await scene.violations();
  console.log(`${kills} processes killed: ${saidSoFar(clients)}`);
  return violations;
}

test("clients of a killed process come back elsewhere and miss nothing", async () => {
  expect(await killProcesses(rounds(4))).toEqual([]);
});

type Outage = {
  name: string;
  begin(together: Together): unknown;
  end(together: Together): unknown;
};

const outages: Outage[] = [
  {
    name: "killed",
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.start(),
  },
  {
    name: "frozen",
    begin: ({ redis }) => redis.freeze(),
    end: ({ redis }) => redis.thaw(),
  },
];

async function goWithoutRedis(outage: Outage, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChatTogether(stage, { people, tree: brokenTree });
  const { clients, together } = scene;
  for (let n = 0; n < people; n++) {
    scene.client(n, { asks: false, inFlightMax: 1, pauseMs: 40 }).connect();
  }
  await allOn(clients);
  // Some processes have nobody who talks, and so hear of nothing that would make them ask.
  for (const client of clients.slice(0, talkers)) client.startTalking();
  await lasting(500);
  await outage.begin(together);
  await lasting(awayMs);
  await outage.end(together);
  await lasting(1_000);
  await Promise.all(clients.map((client) => client.stopTalking()));
  await toldEverywhere(scene);
  const slowestMs = slowestShownMs(clients);
  const violations = await scene.violations();
  const closes = clients.flatMap((client: ChatClient) => client.closes);
  console.log(
    `Redis ${outage.name}: told within ${Math.round(slowestMs)} ms, ${saidSoFar(clients)}`,
  );
  return { violations, slowestMs, closes, repairs: await together.stoa.metric(repairs) };
}

const repairs = "stoa_chat_repairs_total";

async function toldEverywhere({ clients }: ChatScene): Promise<void> {
  const top = () => Math.max(...clients.flatMap((client) => [...client.ackedAt.keys()]));
  const told = () => clients.every((client) => client.shown.length >= top());
  await until("all is told", told, { withinMs: toldWithinMs * 2 }).catch(() => {});
}

test.each(outages)("Redis $name: nothing lost, and told within seconds", async (outage) => {
  const { violations, slowestMs, closes, repairs: count } = await goWithoutRedis(outage);
  expect(violations).toEqual([]);
  expect(closes).toEqual([]);
  expect(count).toBeGreaterThan(0);
  expect(slowestMs).toBeLessThan(toldWithinMs);
});

counterproof(
  "processes that believe that they are told everything",
  [
    {
      file: "src/systems/chat/live/polls.ts",
      from: "const everyMs = 2_000;",
      to: "const everyMs = 2_000_000;",
    },
    {
      file: "src/systems/chat/live/rooms.ts",
      from: "if (room.waiting.size > 0 && !room.asking) void this.repair(room);",
      to: "if (room.waiting.size < 0) void this.repair(room);",
    },
  ],
  async (broken) => {
    const { violations } = await goWithoutRedis(outages[0]!, broken);
    expect(chatRulesOf(violations)).toContain("missed");
  },
);

counterproof(
  "a catch-up that leaves out the first change",
  [
    {
      file: "src/systems/chat/messages/changes.ts",
      from: "AND rev > ${since} AND rev <= ${conversation.rev}",
      to: "AND rev > ${since + 1} AND rev <= ${conversation.rev}",
    },
  ],
  async (broken) => {
    expect(chatRulesOf(await killProcesses(3, broken))).toContain("missed");
  },
);
