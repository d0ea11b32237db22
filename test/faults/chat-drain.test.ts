import { expect, test } from "bun:test";
import { allOn, openChat, saidSoFar } from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage, until } from "./stage.ts";

/**
 * R23 for chat: SIGTERM while sixty people send. Each is told to go and when, what was sent is
 * answered before the connection ends, and nothing acknowledged is lost.
 */
const people = 60;
const graceMs = 4_000;
/** PostgreSQL stops after the drain. */
const shutdownMs = 2_500;

async function drainUnderSends(brokenTree?: string) {
  await using stage = new Stage();
  const env = { STOA_DRAIN_GRACE_MS: String(graceMs) };
  const scene = await openChat(stage, { people, env, tree: brokenTree });
  const { clients } = scene;
  for (let n = 0; n < people; n++) scene.client(n, { inFlightMax: 3 }).connect();
  await allOn(clients);
  for (const client of clients) client.startTalking();
  await lasting(800 + stage.random.below(400));
  const began = performance.now();
  const code = await scene.running.stoa.stop();
  const tookMs = performance.now() - began;
  await until("all connections have ended", () => clients.every((client) => !client.ready));
  const untold = clients.filter((client) => client.drains === 0).length;
  const cutOff = clients.reduce((sum, client) => sum + client.cutOff, 0);
  await scene.again();
  await allOn(clients);
  await Promise.all(clients.map((client) => client.stopTalking()));
  const violations = await scene.violations();
  console.log(`stopped in ${Math.round(tookMs)} ms: ${saidSoFar(clients)}`);
  return { code, tookMs, untold, cutOff, violations };
}

test("SIGTERM under sends: everybody is told, all is answered, nothing is lost", async () => {
  for (let round = 0; round < rounds(1); round++) {
    const { tookMs, ...rest } = await drainUnderSends();
    expect(rest).toEqual({ code: 0, untold: 0, cutOff: 0, violations: [] });
    expect(tookMs).toBeLessThan(graceMs + shutdownMs);
  }
});

counterproof(
  "a process that goes without a word",
  [
    {
      file: "src/platform/realtime/realtime.ts",
      from: "await sendAway([...this.ladder.connections], { ...this.options, deadline });",
      to: "void sendAway;",
    },
  ],
  async (broken) => {
    expect((await drainUnderSends(broken)).untold).toBeGreaterThan(0);
  },
);
