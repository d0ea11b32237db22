import { expect, test } from "bun:test";
import { chatRulesOf } from "./chat-checks.ts";
import { allOn, openChat, saidSoFar } from "./chat-scene.ts";
import { startProxy } from "./proxy.ts";
import { answersEarly, counterproof, type Break } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";
import { postmasterOf, signal } from "./stoa.ts";

/**
 * R2, R3 and R7 for chat: kill -9 of the process, and of PostgreSQL alone, while twelve people send
 * into one group; replies that are lost after the commit. What was acknowledged is there with that
 * number, numbers have no hole, everybody sees one order, and a message that is sent again has the
 * acknowledgement it had.
 */
const people = 12;

type Victim = "stoa" | "postgres";

async function killUnderSends(victim: Victim, kills: number, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChat(stage, { people, tree: brokenTree });
  for (let n = 0; n < people; n++) scene.client(n).connect();
  await allOn(scene.clients);
  for (const client of scene.clients) client.startTalking();
  for (let kill = 0; kill < kills; kill++) {
    await lasting(400 + stage.random.below(500));
    if (victim === "stoa") {
      await scene.running.stoa.kill();
      await scene.again();
    } else {
      const before = await postmasterOf(scene.dataDir);
      signal(before, "SIGKILL");
      const changed = async () =>
        (await postmasterOf(scene.dataDir).catch(() => before)) !== before;
      await until("PostgreSQL is started again", changed);
    }
    const acked = () => scene.clients.reduce((n, client) => n + client.acks.size, 0);
    const before = acked();
    await until("messages are acknowledged again", () => acked() > before + people);
  }
  await Promise.all(scene.clients.map((client) => client.stopTalking()));
  const violations = await scene.violations();
  console.log(`${kills} kills of ${victim}: ${saidSoFar(scene.clients)}`);
  return violations;
}

test("kill -9 of Stoa under sends: acknowledged is there, once, in one order", async () => {
  expect(await killUnderSends("stoa", rounds(3))).toEqual([]);
});

test("kill -9 of PostgreSQL under sends: the same", async () => {
  expect(await killUnderSends("postgres", rounds(2))).toEqual([]);
});

/** The server's replies are dropped after it has done what was asked, over and over. */
async function loseReplies(times: number, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChat(stage, { people: 2, tree: brokenTree });
  const proxy = await startProxy(stage, { port: scene.running.stoa.port });
  const sender = scene.client(0, { port: () => proxy.port });
  const other = scene.client(1);
  for (const client of scene.clients) client.connect();
  await allOn(scene.clients);
  for (let n = 0; n < times; n++) {
    await until("it is back", () => sender.ready);
    proxy.set("cut");
    const said = Array.from({ length: 5 }, (_, i) => sender.say(`lost reply ${n}, ${i}`));
    await until("the connection is cut", () => !sender.ready);
    proxy.set("pass");
    await until("all are acknowledged", () => said.every((id) => sender.acks.has(id)));
  }
  const violations = await scene.violations([sender, other]);
  console.log(`${proxy.cuts()} replies lost: ${saidSoFar(scene.clients)}`);
  return { violations, cuts: proxy.cuts() };
}

test("what is sent again after its reply was lost is the same message", async () => {
  const { violations, cuts } = await loseReplies(rounds(8));
  expect(violations).toEqual([]);
  expect(cuts).toBeGreaterThanOrEqual(rounds(8));
});

const manyOfOneName: Break = {
  file: "src/systems/chat/schema.sql",
  from: "CREATE UNIQUE INDEX messages_client_msg_id",
  to: "CREATE INDEX messages_client_msg_id",
};

counterproof("an acknowledgement that does not wait for the commit", answersEarly, async (tree) => {
  expect(chatRulesOf(await killUnderSends("postgres", 3, tree))).toContain("lost");
});

counterproof("messages that need no name of their own", [manyOfOneName], async (tree) => {
  expect(chatRulesOf((await loseReplies(4, tree)).violations)).toContain("made twice");
});
