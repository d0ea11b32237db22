import type { Clock } from "../../platform/clock/clock.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { State } from "../../platform/state/state.ts";
import { Away } from "./away.ts";
import { termsOf } from "./lease-terms.ts";
import { Leases } from "./leases.ts";
import type { Accuracy, Answer, Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { LocalCounts } from "./local.ts";
import type { MemoryLimiter } from "./memory.ts";
import { commonWay, join, partsOf, wayOf, type Part } from "./parts.ts";
import { RedisLimiter } from "./redis.ts";

export type SpreadLimiterOptions = {
  state: State;
  memory: MemoryLimiter;
  clock: Clock;
  metrics: Metrics;
  /** Keys with a stock, and keys of each rule that this process counts by itself. */
  keysMax: number;
};

type Soon<T> = T | Promise<T>;

/**
 * What several processes share: each charge goes where its rule's accuracy says.
 *
 * A question with rules of several accuracies is asked of one after the other, the strict ones
 * last and in one step. What was charged before is undone when a later one refuses; until then
 * another question may be refused because of it.
 */
export class SpreadLimiter implements Limiter {
  private readonly state: State;
  private readonly memory: MemoryLimiter;
  private readonly central: RedisLimiter;
  private readonly leases: Leases;
  private readonly local: LocalCounts;
  private readonly unsubscribe: () => void;
  private readonly away: Away;

  constructor(options: SpreadLimiterOptions) {
    const { state, memory, metrics } = options;
    this.state = state;
    this.memory = memory;
    this.central = new RedisLimiter({ state });
    this.leases = new Leases({ ...options, central: this.central });
    this.local = new LocalCounts(options);
    this.unsubscribe = state.subscribe(topic, (message) => this.forgetHere(parseMark(message)));
    this.away = new Away({ memory, local: this.local, metrics });
  }

  take(charges: readonly Charge[]): Soon<Decision> {
    const way = commonWay(charges);
    if (way === null) return this.takeMixed(charges);
    const decision = this.takeBy(way, charges);
    if (!(decision instanceof Promise)) return decision;
    return decision.catch((error: unknown) => this.away.take(charges, error));
  }

  takeAll(charges: readonly Charge[]): boolean {
    const way = commonWay(charges);
    if (way === "local") return this.local.takeAll(charges);
    return way === "leased" && this.leases.takeAll(charges);
  }

  async peek(charges: readonly Charge[]): Promise<Decision> {
    try {
      return await this.inParts(charges, ({ way, charges: some }) => {
        if (way === "local") return this.memory.peek(some);
        return way === "strict" ? this.central.peek(some) : this.peekLeased(some);
      });
    } catch (error) {
      return this.away.refusal(charges, error) ?? this.memory.peek(charges);
    }
  }

  async report(charges: readonly Charge[]): Promise<Decision> {
    return await this.inParts(charges, async ({ way, charges: some }) => {
      if (way === "local") return this.local.report(some);
      try {
        return await this.central.report(way === "leased" ? some.map(centrally) : some);
      } catch (error) {
        const counted = this.memory.report(some);
        return this.away.refusal(some, error) ?? counted;
      }
    });
  }

  async refund(charges: readonly Charge[]): Promise<void> {
    // What may fail comes first, so that whoever is told and tries again gives nothing back twice.
    for (const { way, charges: some } of partsOf(charges).toReversed()) {
      if (way === "local") this.local.refund(some);
      else if (this.state.state() === "down") this.memory.refund(some);
      else await (way === "leased" ? this.leases : this.central).refund(some);
    }
  }

  /** Here and in all processes that hear of it. */
  async reset(limit: Limit, key: string): Promise<void> {
    this.announce({ limit, key, blockMs: 0 });
    if (wayOf(limit) !== "local") await this.central.reset(limit, key);
  }

  async penalize(limit: Limit, key: string, ms: number): Promise<void> {
    this.announce({ limit, key, blockMs: ms });
    if (wayOf(limit) !== "local") await this.central.penalize(limit, key, ms);
  }

  async close(): Promise<void> {
    this.unsubscribe();
    await this.leases.close();
    await this.local.close();
  }

  private takeBy(way: Accuracy, charges: readonly Charge[]): Soon<Decision> {
    if (way === "local") return this.local.take(charges);
    return way === "leased" ? this.leases.take(charges) : this.central.take(charges);
  }

  private async takeMixed(charges: readonly Charge[]): Promise<Decision> {
    const decided: { part: Part; decision: Decision }[] = [];
    const undo = () => {
      for (const { part, decision } of decided) if (decision.allowed) this.undo(part);
    };
    try {
      for (const part of partsOf(charges)) {
        const decision = await this.takeBy(part.way, part.charges);
        decided.push({ part, decision });
        if (decision.allowed) continue;
        undo();
        break;
      }
      return join(charges, decided);
    } catch (error) {
      undo();
      return this.away.take(charges, error);
    }
  }

  private undo({ way, charges }: Part): void {
    if (way === "local") this.local.refund(charges);
    // Back into the stock they came from, which needs no Redis; what has ended meanwhile is used.
    else this.leases.refund(charges).catch(() => {});
  }

  private async inParts(
    charges: readonly Charge[],
    decide: (part: Part) => Soon<Decision>,
  ): Promise<Decision> {
    const parts = partsOf(charges);
    const decisions = await Promise.all(parts.map(decide));
    const decided = parts.map((part, i) => ({ part, decision: decisions[i] as Decision }));
    return join(charges, decided);
  }

  /** What is free centrally, and what lies here. */
  private async peekLeased(charges: Charge[]): Promise<Decision> {
    const { answers } = await this.central.peek(charges.map(centrally));
    const both = answers.map((answer, i): Answer => {
      const { limit, key, cost } = charges[i] as Charge;
      const remaining = answer.remaining + this.leases.stockOf(limit, key);
      if (answer.allowed || remaining < cost) return { ...answer, remaining };
      return { ...answer, remaining, allowed: true, retryAfterMs: 0 };
    });
    return { allowed: both.every((answer) => answer.allowed), answers: both };
  }

  private announce(mark: Mark): void {
    this.forgetHere(mark);
    this.state.publish(topic, JSON.stringify(mark));
  }

  private forgetHere({ limit, key, blockMs }: Mark): void {
    this.leases.forget(limit, key);
    if (blockMs > 0) this.memory.penalize(limit, key, blockMs);
    else this.memory.reset(limit, key);
  }
}

const topic = "limits.keys";

/** A key that is to start anew, or is refused for so long. */
type Mark = { limit: Limit; key: string; blockMs: number };

function parseMark(message: string): Mark {
  return JSON.parse(message) as Mark;
}

/** As the central limiter is asked for a rule that is leased. */
function centrally(charge: Charge): Charge {
  return { ...charge, limit: termsOf(charge.limit, charge.cost).central };
}
