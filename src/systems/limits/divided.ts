import type { Lease } from "./lease.ts";
import type { Limit } from "./limiter.ts";

/**
 * A key of a divided rule in this process: a stock from each sub-key, asked in an order of its own.
 * Whoever lacks units gets them from the first sub-key that does not refuse, so that the others are
 * asked only once it is empty, and the first again as soon as it may have some.
 */
export class Divided {
  readonly kept: boolean;
  readonly count: number;
  /** Those asked so far, in that order. */
  readonly leases: Lease[] = [];
  /** Of the others than the one at hand: what is left there, and when the last has all again. */
  elsewhere = 0;
  resetAt = 0;
  private readonly make: (step: number, holder: Divided) => Lease;
  private current: Lease;
  private numbers: Pick<Limit, "limit" | "burst" | "windowMs">;

  constructor(options: {
    limit: Limit;
    kept: boolean;
    make: (step: number, holder: Divided) => Lease;
  }) {
    this.count = options.limit.subKeys;
    this.numbers = options.limit;
    this.kept = options.kept;
    this.make = options.make;
    this.current = this.open();
  }

  /**
   * The one to ask for so much: one that has it, else the first that does not refuse it, else the
   * one that will soonest allow it.
   */
  pick(cost: number, now: number): Lease {
    if (this.current.has(cost, now)) return this.current;
    let next: Lease | null = null;
    let soonest = this.current;
    for (const lease of this.leases) {
      if (lease.has(cost, now)) return this.turnTo(lease, now);
      if (next === null && !lease.refuses(cost, now)) next = lease;
      if (lease.retryAt < soonest.retryAt) soonest = lease;
    }
    if (next === null && this.leases.length < this.count) next = this.open();
    return this.turnTo(next ?? soonest, now);
  }

  /** One that units were handed out of, which can therefore take some back; else the first. */
  receiver(now: number): Lease {
    const found = this.leases.find((lease) => lease.spent > 0 && now < lease.endsAt);
    return found ?? (this.leases[0] as Lease);
  }

  /** The rule may have other numbers by now, and what was refused before may pass. */
  goBy({ limit, burst, windowMs }: Limit): void {
    const before = this.numbers;
    if (limit === before.limit && burst === before.burst && windowMs === before.windowMs) return;
    this.numbers = { limit, burst, windowMs };
    for (const lease of this.leases) lease.askAgain();
  }

  forget(): void {
    for (const lease of this.leases) lease.forget();
  }

  /** Works out what is told of the parts that are not at hand; to be called when one has changed. */
  recount(now: number): void {
    let [elsewhere, resetAt] = [0, 0];
    for (const lease of this.leases) {
      if (lease !== this.current) elsewhere += lease.left(now);
      resetAt = Math.max(resetAt, lease.resetAt);
    }
    const unknown = this.count - this.leases.length;
    this.elsewhere = elsewhere + unknown * Math.floor(this.numbers.burst / this.count);
    this.resetAt = resetAt;
  }

  private turnTo(lease: Lease, now: number): Lease {
    if (lease === this.current) return lease;
    this.current = lease;
    this.recount(now);
    return lease;
  }

  private open(): Lease {
    const lease = this.make(this.leases.length, this);
    this.leases.push(lease);
    return lease;
  }
}
