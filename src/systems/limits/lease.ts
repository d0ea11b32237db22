import type { Answer, Charge, Decision, Limit } from "./limiter.ts";
import type { Grant } from "./redis.ts";

/** The stock of one key in this process; times are of the monotonic clock. */
export class Lease {
  limit: Limit;
  readonly key: string;
  /** Whether it stays for the next question. */
  readonly kept: boolean;
  queued = false;
  /** Units to hand out, until `endsAt`, and those handed out of the same blocks. */
  stock = 0;
  spent = 0;
  endsAt = 0;
  /** When they were taken, by the clock of Redis; of several blocks the first. */
  at = 0;
  /** Units beyond what is asked that the next block is to have. */
  private size = 0;
  private fetchedAt = Number.NEGATIVE_INFINITY;
  /** Of those who wait for the next block: all their costs, and the smallest. */
  asked = 0;
  least = Number.POSITIVE_INFINITY;
  fetching: Promise<void> | null = null;
  /** What the central limiter said last. */
  private free = 0;
  private resetAt = 0;
  private retryAt = 0;
  refusedUntil = 0;

  constructor(limit: Limit, key: string, kept: boolean) {
    this.limit = limit;
    this.key = key;
    this.kept = kept;
  }

  has(cost: number, now: number): boolean {
    return this.stock >= cost && now < this.endsAt;
  }

  /** Follows the key's rate: more when it is back within the hold time, else less. */
  nextSize(now: number, holdMs: number): number {
    const soon = now - this.fetchedAt < holdMs;
    this.size = soon ? Math.min(sizeMax, Math.max(1, this.size * 2)) : this.size >> 1;
    this.fetchedAt = now;
    return this.size;
  }

  receive({ at, units, answer }: Grant, endsAt: number, now: number): void {
    if (this.stock === 0) {
      this.spent = 0;
      this.at = at;
      this.endsAt = endsAt;
    }
    this.stock += units;
    this.endsAt = Math.min(this.endsAt, endsAt);
    this.free = answer.remaining;
    this.resetAt = now + answer.resetMs;
    this.retryAt = now + answer.retryAfterMs;
    // Others may give back before that, so it is asked again sooner, but not each time.
    if (units === 0) this.refusedUntil = now + Math.min(answer.retryAfterMs, refusalMsMax);
  }

  answer(isAllowed: boolean, now: number): Answer {
    return {
      allowed: isAllowed,
      remaining: (now < this.endsAt ? this.stock : 0) + this.free,
      resetMs: Math.max(0, Math.ceil(this.resetAt - now)),
      retryAfterMs: isAllowed ? 0 : Math.max(1, Math.ceil(this.retryAt - now)),
      delayMs: 0,
    };
  }
}

const sizeMax = 10_000;

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
