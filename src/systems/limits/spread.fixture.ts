import { systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { openState } from "../../platform/state/open.ts";
import type { State } from "../../platform/state/state.ts";
import { limiterOf } from "./limiter-of.ts";
import type { Charge, Decision, Limiter } from "./limiter.ts";
import { MemoryLimiter } from "./memory.ts";

/** One process as far as limits go: a state and tables of its own. */
export type Member = {
  state: State;
  leaseServers: State[];
  limiter: Limiter;
  close(): Promise<void>;
};

/** A machine that runs tests may be busy for longer than the deadline that people get. */
const patientMs = 5_000;

export async function openMember(
  redisUrl: string,
  commandTimeoutMs = patientMs,
  leaseUrls: readonly string[] = [],
): Promise<Member> {
  const parts = { clock: systemClock, log: silentLog, metrics: new Metrics() };
  const state = await openState({ redisUrl, commandTimeoutMs, ...parts });
  const leaseServers = await Promise.all(
    leaseUrls.map((url) => openState({ redisUrl: url, commandTimeoutMs, ...parts })),
  );
  const keysMax = 10_000;
  const memory = new MemoryLimiter({ clock: systemClock, keysMax });
  const { limiter, close } = limiterOf({ ...parts, state, leaseServers, memory, keysMax });
  return {
    ...{ state, leaseServers, limiter },
    async close() {
      await close();
      for (const one of [...leaseServers, state]) await one.close();
    },
  };
}

export async function openMembers(
  count: number,
  redisUrl: string,
  leaseUrls: readonly string[] = [],
): Promise<Member[]> {
  const open = () => openMember(redisUrl, patientMs, leaseUrls);
  return await Promise.all(Array.from({ length: count }, open));
}

/** A refusal that is not the end may be given at once, as while Redis is away, and for long. */
const refusedPauseMs = 5;

/**
 * Callers that ask until `enough` says so, each as soon as it was let through, or a moment after
 * it was refused; returns how many passed.
 */
export async function ask(
  members: Member[],
  options: { callers: number; charges: () => Charge[]; enough: (decision: Decision) => boolean },
): Promise<number> {
  const { callers, charges, enough } = options;
  let passed = 0;
  const caller = async (member: Member) => {
    for (;;) {
      const decision = await member.limiter.take(charges());
      if (decision.allowed) passed++;
      if (enough(decision)) return;
      if (!decision.allowed) await Bun.sleep(refusedPauseMs);
      // What is answered here comes without a pause; the event loop must have its turns.
      else if (passed % 16 === 0) await Bun.sleep(0);
    }
  };
  const all = Array.from({ length: callers }, (_, i) => members[i % members.length] as Member);
  await Promise.all(all.map(caller));
  return passed;
}

export async function until(what: () => boolean | Promise<boolean>, msMax = 20_000): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`not so within ${msMax} ms: ${String(what)}`);
    await Bun.sleep(5);
  }
}
