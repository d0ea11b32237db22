import type { Clock } from "../../platform/clock/clock.ts";
import { KeyAtHand, type Compiled } from "./key-at-hand.ts";
import type { Answer, Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { SteadyTime } from "./steady-time.ts";
import { checkCost, checkUnits, Together, type Asked } from "./together.ts";

type Said = Pick<Asked, "rule" | "cost" | "admitted">;

export type MemoryLimiterOptions = {
  clock: Clock;
  /** Keys held at most, and as many with a log of their own. What goes first: `KeyTable`. */
  keysMax: number;
  /** Entries of all logs together; when they run out, logs are dropped as keys are. */
  logEntriesMax?: number;
};

/**
 * The limiter of one process. It answers at once and holds what it knows in tables of a bounded
 * size. State is kept under a rule's id and algorithm: its numbers may be edited, which applies at
 * the next question about a key, while another algorithm starts anew. A Limit is not changed once
 * it was used; an edited rule is another object with the same id.
 *
 * `takeOne` is the lean way in: it allocates nothing, and what an Answer says is worked out when
 * it is read, from `remaining`, `resetMs`, `retryAfterMs` and `delayMs`, until the next question.
 */
export class MemoryLimiter implements Limiter {
  delayMs = 0;
  private readonly time: SteadyTime;
  private readonly keys: KeyAtHand;
  /** Of the last question. */
  private rule: Compiled | null = null;
  private cost = 0;
  private now = 0;
  private allowed = true;
  private readonly together: Together;

  constructor({ clock, keysMax, logEntriesMax = 2 * keysMax }: MemoryLimiterOptions) {
    this.time = new SteadyTime(clock);
    this.keys = new KeyAtHand({ keysMax, logEntriesMax });
    this.together = new Together(this.keys);
  }

  /** Keys and penalties held, those that ran out and were not swept yet among them. */
  get size(): number {
    return this.keys.cells.size + this.keys.logs.size;
  }

  get bytes(): number {
    const { cells, logs, entries } = this.keys;
    return cells.bytes + logs.bytes + entries.bytes;
  }

  /** Forgets what ran out, one 64th of the tables at each call: ten times a second is plenty. */
  sweep(): void {
    const now = this.time.now();
    this.keys.cells.sweep(now);
    this.keys.logs.sweep(now);
  }

  takeOne(limit: Limit, key: string, cost: number): boolean {
    checkCost(limit, cost);
    const { keys } = this;
    const rule = keys.turnTo(limit, key);
    const now = this.time.now();
    const allowed = keys.look(rule, cost, now);
    this.delayMs = allowed ? rule.counting.delayMs(keys.cell, limit, now) : 0;
    if (allowed) keys.charge(rule, cost, now);
    else this.punish(limit, now);
    this.rule = rule;
    this.cost = cost;
    this.now = now;
    this.allowed = allowed;
    return allowed;
  }

  get remaining(): number {
    const { rule, keys, now } = this;
    if (rule === null || keys.blockedUntil > 0) return 0;
    return rule.counting.remaining(keys.cell, rule.limit, now);
  }

  get resetMs(): number {
    const { rule, keys, now } = this;
    if (rule === null) return 0;
    const blockedMs = Math.max(0, keys.blockedUntil - now);
    return Math.max(blockedMs, rule.counting.resetMs(keys.cell, rule.limit, now));
  }

  get retryAfterMs(): number {
    const { rule, keys, cost, now } = this;
    if (rule === null || this.allowed) return 0;
    const blockedMs = Math.max(0, keys.blockedUntil - now);
    return Math.max(blockedMs, rule.counting.retryAfterMs(keys.cell, rule.limit, cost, now));
  }

  takeAll(charges: readonly Charge[]): boolean {
    if (charges.length === 1) {
      const { limit, key, cost } = charges[0] as Charge;
      return this.takeOne(limit, key, cost);
    }
    const now = this.time.now();
    const { together } = this;
    if (!together.ask(charges, now)) return false;
    // The last one is at hand.
    for (let i = charges.length - 1; i >= 0; i--) {
      const one = i === charges.length - 1 ? together.at(i) : together.turnTo(i, now);
      this.keys.charge(one.rule, one.cost, now);
    }
    return true;
  }

  take(charges: readonly Charge[]): Decision {
    return this.decide(charges, true);
  }

  peek(charges: readonly Charge[]): Decision {
    return this.decide(charges, false);
  }

  report(charges: readonly Charge[]): Decision {
    const now = this.time.now();
    const { keys } = this;
    const answers = charges.map(({ limit, key, cost: reported }) => {
      checkUnits(reported);
      const rule = keys.turnTo(limit, key);
      const admitted = keys.look(rule, reported, now);
      this.delayMs = admitted ? rule.counting.delayMs(keys.cell, limit, now) : 0;
      keys.charge(rule, reported, now);
      // It may be more than the rule ever allows at once.
      const cost = Math.min(reported, limit.burst);
      return this.answer({ rule, cost, admitted }, now);
    });
    return { allowed: answers.every((one) => one.allowed), answers };
  }

  refund(charges: readonly Charge[]): void {
    const now = this.time.now();
    for (const { limit, key, cost } of charges) {
      checkUnits(cost);
      const rule = this.keys.turnTo(limit, key);
      this.keys.look(rule, cost, now);
      this.keys.refund(rule, cost, now);
    }
  }

  reset(limit: Limit, key: string): void {
    this.keys.forget(this.keys.turnTo(limit, key));
  }

  penalize(limit: Limit, key: string, ms: number): void {
    const now = this.time.now();
    this.keys.turnTo(limit, key);
    this.keys.block(now + Math.ceil(ms), now);
  }

  private decide(charges: readonly Charge[], forReal: boolean): Decision {
    const now = this.time.now();
    const allowed = this.together.ask(charges, now);
    const answers: Answer[] = [];
    for (let i = 0; i < charges.length; i++) {
      const one = this.together.turnTo(i, now);
      const { rule, cost, admitted } = one;
      this.delayMs = admitted ? rule.counting.delayMs(this.keys.cell, rule.limit, now) : 0;
      if (forReal && allowed) this.keys.charge(rule, cost, now);
      else if (forReal && !admitted) this.punish(rule.limit, now);
      answers.push(this.answer(one, now));
    }
    return { allowed, answers };
  }

  /** A key that is blocked stays so no longer for asking again. */
  private punish({ penaltyMs }: Limit, now: number): void {
    if (penaltyMs > 0 && this.keys.blockedUntil === 0) this.keys.block(now + penaltyMs, now);
  }

  private answer({ rule, cost, admitted }: Said, now: number): Answer {
    this.rule = rule;
    this.cost = cost;
    this.now = now;
    this.allowed = admitted;
    const { remaining, resetMs, retryAfterMs, delayMs } = this;
    return { allowed: admitted, remaining, resetMs, retryAfterMs, delayMs };
  }
}
