import type { Divided } from "./divided.ts";
import type { Answer, Charge, Decision, Limit } from "./limiter.ts";
import type { Grant, RedisLimiter } from "./redis.ts";

/** Where its units are from. */
export type Home = Pick<RedisLimiter, "lease" | "giveBack">;

/** Of a divided rule: which part of which rule's allowance, beside which others. */
export type Place = { part: number; rule: string; holder: Divided };

/** The stock of one key, or of one sub-key, in this process; times are of the monotonic clock. */
export class Lease {
  limit: Limit;
  readonly key: string;
  readonly home: Home;
  readonly place: Place | null;
  /** Whether it stays for the next question. */
  readonly kept: boolean;
  queued = false;
  /** Units to hand out, until `endsAt`, and those handed out of the same blocks. */
  stock = 0;
  spent = 0;
  endsAt = 0;
  /** When they were taken, by the clock of Redis; of several blocks the first. */
  at = 0;
  /** Whether they were counted by this process alone, and to be given back here. */
  alone = false;
  /** Whether somebody waited in vain for the block that was asked for last. */
  late = false;
  /** Units beyond what is asked that the last block had, when, and what was used of it since. */
  private size = 0;
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private usedBefore = 0;
  private counted = 0;
  /** Of those who wait for the next block: all their costs, and the smallest. */
  asked = 0;
  least = Number.POSITIVE_INFINITY;
  fetching: Promise<void> | null = null;
  /** What the central limiter said last. */
  free = 0;
  resetAt = 0;
  retryAt = 0;
  /** From which cost on, and until when, the central limiter's refusal is repeated. */
  private refusedCost = 0;
  private refusedUntil = 0;

  constructor(options: {
    limit: Limit;
    key: string;
    kept: boolean;
    home: Home;
    place?: Place | null;
  }) {
    this.limit = options.limit;
    this.key = options.key;
    this.kept = options.kept;
    this.home = options.home;
    this.place = options.place ?? null;
  }

  /** The one to ask for so much: itself. */
  pick(): Lease {
    return this;
  }

  refuses(cost: number, now: number): boolean {
    return now < this.refusedUntil && cost >= this.refusedCost;
  }

  askAgain(): void {
    this.refusedUntil = 0;
  }

  forget(): void {
    this.end();
    this.refusedUntil = 0;
  }

  has(cost: number, now: number): boolean {
    return this.stock >= cost && now < this.endsAt;
  }

  /** What the key uses in a hold time, by its rate since the last block; but no leap from there. */
  nextSize(now: number, holdMs: number): number {
    const used = this.usedBefore + this.spent - this.counted;
    this.usedBefore = 0;
    this.counted = this.spent;
    const expected = (used * holdMs) / Math.max(1, now - this.fetchedAt);
    // As likely as not that would be too little.
    const enough = Math.ceil(expected + 2 * Math.sqrt(expected));
    this.size = Math.min(sizeMax, enough, 4 * this.size + 4);
    this.fetchedAt = now;
    return this.size;
  }

  /** No unit is handed out of it any more. */
  end(): void {
    this.usedBefore += this.spent - this.counted;
    this.stock = this.spent = this.counted = 0;
  }

  /** `least` is the smallest cost that it was asked for. */
  receive(grant: Grant, least: number, endsAt: number, now: number): void {
    const { at, units, answer, alone, late } = grant;
    // What is left of the others goes back elsewhere: it counts as used.
    if (units > 0 && alone !== this.alone) this.stock = 0;
    if (this.stock === 0) {
      this.end();
      this.at = at;
      this.alone = alone;
      this.endsAt = endsAt;
    }
    this.stock += units;
    this.late = late;
    this.endsAt = Math.min(this.endsAt, endsAt);
    this.free = answer.remaining;
    this.resetAt = now + answer.resetMs;
    this.retryAt = now + answer.retryAfterMs;
    if (units > 0) return;
    this.refusedCost = least;
    // Others may give back before that, so it is asked again sooner, but not each time; and the
    // more parts there are, the more rarely each.
    const parts = this.place?.holder.count ?? 1;
    this.refusedUntil = now + Math.min(answer.retryAfterMs, refusalMsMax * parts);
  }

  answer(isAllowed: boolean, now: number): Answer {
    const { place } = this;
    const resetAt = place === null ? this.resetAt : Math.max(this.resetAt, place.holder.resetAt);
    return {
      allowed: isAllowed,
      remaining: this.left(now) + (place === null ? 0 : place.holder.elsewhere),
      resetMs: Math.max(0, Math.ceil(resetAt - now)),
      retryAfterMs: isAllowed ? 0 : Math.max(1, Math.ceil(this.retryAt - now)),
      delayMs: 0,
    };
  }

  /** Here, and by what was said last where it is from. */
  left(now: number): number {
    return (now < this.endsAt ? this.stock : 0) + this.free;
  }
}

const sizeMax = 1_000_000;

/** How long a central refusal is repeated here without asking. */
const refusalMsMax = 20;

/** All or nothing: one lease may serve several charges. */
export function spend(leases: Lease[], charges: readonly Charge[], now: number): boolean {
  for (let i = 0; i < leases.length; i++) {
    const lease = leases[i] as Lease;
    const { cost } = charges[i] as Charge;
    if (!lease.has(cost, now)) {
      unspend(leases, charges, i);
      return false;
    }
    lease.stock -= cost;
    lease.spent += cost;
  }
  return true;
}

function unspend(leases: Lease[], charges: readonly Charge[], count: number): void {
  for (let i = 0; i < count; i++) {
    const lease = leases[i] as Lease;
    const { cost } = charges[i] as Charge;
    lease.stock += cost;
    lease.spent -= cost;
  }
}

export function allowed(leases: Lease[], now: number): Decision {
  return { allowed: true, answers: leases.map((lease) => lease.answer(true, now)) };
}

/** `short` are those without enough units; the others would have allowed. */
export function refused(leases: Lease[], short: Lease[], now: number): Decision {
  const answers = leases.map((lease) => lease.answer(!short.includes(lease), now));
  return { allowed: false, answers };
}
