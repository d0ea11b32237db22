import type { Clock } from "../../platform/clock/clock.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { State } from "../../platform/state/state.ts";
import { Away } from "./away.ts";
import { Leases } from "./leases.ts";
import type { Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { LocalCounts } from "./local.ts";
import { LonePlaces } from "./lone-places.ts";
import type { MemoryLimiter } from "./memory.ts";
import { askEach, commonWay, decisionOf, partsOf, takeInTurn, wayOf } from "./parts.ts";
import type { Decided, Part, Way } from "./parts.ts";
import { centrally, peekLeased } from "./peek-leased.ts";
import { RedisLimiter } from "./redis.ts";
import { isDivided, sharesOf } from "./shares.ts";
import { SubKeys } from "./sub-keys.ts";

export type SpreadLimiterOptions = {
  state: State;
  /** Where sub-keys lie; none: beside all else. */
  leaseServers: readonly State[];
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
 * last and in one step, without a promise as far as they are answered here. What was charged
 * before is undone when a later one refuses; until then another question may be refused because
 * of it.
 */
export class SpreadLimiter implements Limiter {
  private readonly state: State;
  private readonly memory: MemoryLimiter;
  readonly central: RedisLimiter;
  readonly subKeys: SubKeys;
  readonly leases: Leases;
  private readonly local: LocalCounts;
  private readonly places: LonePlaces;
  private readonly unsubscribe: () => void;
  private readonly away: Away;

  constructor(options: SpreadLimiterOptions) {
    const { state, memory, metrics, leaseServers } = options;
    this.state = state;
    this.memory = memory;
    const central = new RedisLimiter({ state });
    this.central = central;
    const servers = leaseServers.length > 0 ? leaseServers : [state];
    this.subKeys = new SubKeys({ servers, memory });
    this.leases = new Leases({ ...options, central, subKeys: this.subKeys });
    this.local = new LocalCounts(options);
    this.places = new LonePlaces({ ...options, central });
    this.unsubscribe = state.subscribe(topic, (message) => this.forgetHere(parseMark(message)));
    this.away = new Away({ memory, places: this.places, metrics });
  }

  take(charges: readonly Charge[]): Soon<Decision> {
    const way = commonWay(charges);
    if (way === null) {
      return takeInTurn(charges, {
        take: (part) => this.takePart(part),
        undo: (one) => this.undo(one),
      });
    }
    const decision = this.takeBy(way, charges);
    if (!(decision instanceof Promise)) return decision;
    return decision.catch((error: unknown) => this.away.take(charges, error));
  }

  takeAll(charges: readonly Charge[]): boolean {
    const way = commonWay(charges);
    if (way !== null) return this.takeAllBy(way, charges);
    const parts = partsOf(charges);
    if (parts.some((part) => part.way === "strict")) return false;
    const failed = parts.findIndex((part) => !this.takeAllBy(part.way, part.charges));
    if (failed >= 0) for (const part of parts.slice(0, failed)) this.undo({ part, alone: false });
    return failed < 0;
  }

  async peek(charges: readonly Charge[]): Promise<Decision> {
    return await askEach(charges, async ({ way, charges: some }) => {
      if (way === "local") return this.memory.peek(some);
      try {
        return await (way === "strict" ? this.central.peek(some) : peekLeased(this, way, some));
      } catch (error) {
        return this.away.refusal(some, error) ?? this.memory.peek(some);
      }
    });
  }

  async report(charges: readonly Charge[]): Promise<Decision> {
    return await askEach(charges, async ({ way, charges: some }) => {
      if (way === "local") return this.local.report(some);
      if (way === "divided") {
        return decisionOf(await Promise.all(some.map((charge) => this.subKeys.report(charge))));
      }
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
      else if (way === "divided") await this.leases.refund(some);
      else {
        const rest = await this.places.release(some);
        if (this.state.state() === "down") this.memory.refund(rest);
        else if (rest.length > 0) {
          await (way === "leased" ? this.leases : this.central).refund(rest);
        }
      }
    }
  }

  /** Here and in all processes that hear of it. */
  async reset(limit: Limit, key: string): Promise<void> {
    this.announce({ limit, key, blockMs: 0 });
    const way = wayOf(limit);
    if (way !== "local") await (way === "divided" ? this.subKeys : this.central).reset(limit, key);
  }

  async penalize(limit: Limit, key: string, ms: number): Promise<void> {
    this.announce({ limit, key, blockMs: ms });
    const way = wayOf(limit);
    if (way === "local") return;
    await (way === "divided" ? this.subKeys : this.central).penalize(limit, key, ms);
  }

  async close(): Promise<void> {
    this.unsubscribe();
    await this.leases.close();
    await this.places.close();
    await this.local.close();
  }

  private takeBy(way: Way, charges: readonly Charge[]): Soon<Decision> {
    if (way === "local") return this.local.take(charges);
    return way === "strict" ? this.central.take(charges) : this.leases.take(charges);
  }

  private takeAllBy(way: Way, charges: readonly Charge[]): boolean {
    if (way === "local") return this.local.takeAll(charges);
    return way !== "strict" && this.leases.takeAll(charges);
  }

  private takePart(part: Part): Soon<Decided> {
    const decision = this.takeBy(part.way, part.charges);
    if (!(decision instanceof Promise)) return { part, decision, alone: false };
    return decision.then(
      (late) => ({ part, decision: late, alone: false }),
      (error: unknown) => {
        return { part, decision: this.away.take(part.charges, error), alone: true };
      },
    );
  }

  private undo({ part: { way, charges }, alone }: Pick<Decided, "part" | "alone">): void {
    if (way === "local") this.local.refund(charges);
    else if (alone) this.memory.refund(charges);
    // Back into the stock they came from, which needs no Redis; what has ended meanwhile is used.
    else this.leases.refund(charges).catch(() => {});
  }

  private announce(mark: Mark): void {
    this.forgetHere(mark);
    this.state.publish(topic, JSON.stringify(mark));
  }

  private forgetHere({ limit, key, blockMs }: Mark): void {
    this.leases.forget(limit, key);
    for (const one of isDivided(limit) ? sharesOf(limit) : [limit]) {
      if (blockMs > 0) this.memory.penalize(one, key, blockMs);
      else this.memory.reset(one, key);
    }
  }
}

const topic = "limits.keys";

/** A key that is to start anew, or is refused for so long. */
type Mark = { limit: Limit; key: string; blockMs: number };

function parseMark(message: string): Mark {
  return JSON.parse(message) as Mark;
}
