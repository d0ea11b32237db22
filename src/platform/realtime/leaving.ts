import type { Clock } from "../clock/clock.ts";
import type { Connection } from "./connection.ts";

/** Clients that are told to go come back elsewhere at no more than this rate. */
const leavesPerSecond = 1_000;
/** Part of the grace that their leaving is spread over; the rest is for what is slow. */
const spreadShare = 0.6;
/** How long after its time a client is waited for. */
const leaveMs = 250;
const drainingCode = 1012;

/**
 * Tells everybody when to go, spread over the grace. Whoever stays beyond its time is closed, but
 * not before what it asked for is answered. Resolves when all have gone, or at the deadline.
 */
export async function sendAway(
  everybody: Connection[],
  options: { clock: Clock; drainGraceMs: number; deadline: AbortSignal },
): Promise<void> {
  const { clock, drainGraceMs, deadline } = options;
  const needMs = (everybody.length / leavesPerSecond) * 1000;
  const spreadMs = Math.min(needMs, drainGraceMs * spreadShare);
  const delayOf = (n: number) => Math.round(((n + 1) / everybody.length) * spreadMs);
  const started = clock.monotonic();
  for (const [n, connection] of everybody.entries()) connection.drain(delayOf(n));
  const isHere = ({ transport }: Connection) => transport !== null;
  while (everybody.some(isHere) && !deadline.aborted) {
    const passed = clock.monotonic() - started;
    for (const [n, connection] of everybody.entries()) {
      if (passed < delayOf(n) + leaveMs) break;
      if (isHere(connection) && !connection.isBusy()) {
        connection.close(drainingCode, "this process ends");
      }
    }
    await clock.sleep(10, deadline);
  }
}
