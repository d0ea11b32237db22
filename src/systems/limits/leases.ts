import type { Clock } from "../../platform/clock/clock.ts";
import { allowed, Lease, refused, spend } from "./lease.ts";
import { termsOf, windowLeftMs } from "./lease-terms.ts";
import type { Charge, Decision, Limit } from "./limiter.ts";
import { tickMs, Wheel } from "./lease-wheel.ts";
import type { RedisLimiter } from "./redis.ts";

/**
 * Units taken from the central limiter in blocks and handed out here, so that most questions need
 * no round trip. A block is what is asked now and a stock. The stock doubles while a key comes back
 * within the time it may be held, halves otherwise, none at first, and is never more than 1/32 of
 * what is free centrally. What is not used by then is given back.
 *
 * Never above the limit, whatever the number of processes and kills: a unit is charged centrally
 * before it is handed out, and one that is handed out later than it was charged does no harm:
 * - fixed_window, quota, sliding_window: a stock ends with the window it was charged to;
 * - token_bucket: the central bucket is smaller by what flows in during the hold time, since so
 *   much may have flowed in again behind the back of a stock;
 * - sliding_log: central entries stay a hold time longer than the window.
 * A cost above that smaller bucket is asked centrally with the whole burst; where such costs and
 * small ones meet on one key, and only there, the difference may pass in addition.
 *
 * May refuse early: while P processes use one key, up to (P - 1) * limit / 32 units may lie in the
 * stocks of others, each for `holdMs` at most (a tenth of the window, one second at most). Also a
 * bucket's burst is up to a tenth smaller and a log's window up to a tenth longer, as said above. A
 * process that is killed takes its stock, 1/32 of what was free, with it until the window ends.
 *
 * Rejected: blocks of a fixed size (100 of them strand a limit of 400 on four processes, 2 of them
 * ask Redis every other time); a local bucket at a share of the rate (a process that alone is busy
 * would be refused at that share).
 */
export class Leases {
  private readonly central: Central;
  private readonly clock: Clock;
  private readonly keysMax: number;
  private readonly tables = new Map<string, Map<string, Lease>>();
  private size = 0;
  private readonly wheel: Wheel;
  private readonly sweeping: ReturnType<typeof setInterval>;

  constructor(options: { central: Central; clock: Clock; keysMax: number }) {
    this.central = options.central;
    this.clock = options.clock;
    this.keysMax = options.keysMax;
    this.wheel = new Wheel(this.clock.monotonic());
    this.sweeping = setInterval(() => void this.sweep(), tickMs);
    this.sweeping.unref();
  }

  /** At once where the stocks suffice. Rejects with StateAwayError. */
  take(charges: readonly Charge[]): Decision | Promise<Decision> {
    const now = this.clock.monotonic();
    const leases = charges.map(({ limit, key }) => this.leaseOf(limit, key));
    if (spend(leases, charges, now)) return allowed(leases, now);
    return this.takeAfterFetch(leases, charges).finally(() => {
      // What was fetched for this question alone, and not spent as another rule refused.
      const stray = leases.filter(({ kept, stock }) => !kept && stock > 0);
      if (stray.length > 0) void this.giveBack(stray);
    });
  }

  /** Out of the stocks alone. */
  takeAll(charges: readonly Charge[]): boolean {
    const leases = charges.map(({ limit, key }) => this.leaseOf(limit, key));
    return spend(leases, charges, this.clock.monotonic());
  }

  /** Of what was taken here; the rest is the central limiter's to give back. */
  async refund(charges: readonly Charge[]): Promise<void> {
    const now = this.clock.monotonic();
    const rest: (Charge & { at: number })[] = [];
    for (const charge of charges) {
      const lease = this.leaseOf(charge.limit, charge.key);
      const here = now < lease.endsAt ? Math.min(charge.cost, lease.spent) : 0;
      lease.stock += here;
      lease.spent -= here;
      if (here < charge.cost) rest.push({ ...charge, cost: charge.cost - here, at: 0 });
    }
    if (rest.length > 0) await this.central.giveBack(rest);
  }

  /** Units that lie here for the key. */
  stockOf(limit: Limit, key: string): number {
    const lease = this.tables.get(limit.id)?.get(key);
    return lease && this.clock.monotonic() < lease.endsAt ? lease.stock : 0;
  }

  /** Nothing of a key that was reset or refused for a while is handed out any more. */
  forget(limit: Limit, key: string): void {
    const lease = this.tables.get(limit.id)?.get(key);
    if (lease) lease.stock = lease.spent = lease.refusedUntil = 0;
  }

  async close(): Promise<void> {
    clearInterval(this.sweeping);
    const all = [...this.tables.values()].flatMap((table) => [...table.values()]);
    await this.giveBack(all);
  }

  private async takeAfterFetch(leases: Lease[], charges: readonly Charge[]): Promise<Decision> {
    for (let fetches = 0; ; fetches++) {
      const now = this.clock.monotonic();
      if (spend(leases, charges, now)) return allowed(leases, now);
      const short = leases.filter((lease, i) => !lease.has((charges[i] as Charge).cost, now));
      const refusing = short.some((lease) => now < lease.refusedUntil);
      if (refusing || fetches === fetchesMax) return refused(leases, short, now);
      const fetching: Promise<void>[] = [];
      for (const [i, lease] of leases.entries()) {
        if (short.includes(lease)) fetching.push(this.fetch(lease, charges[i] as Charge));
      }
      await (fetching.length === 1 ? fetching[0] : Promise.all(fetching));
    }
  }

  /** All who lack units of a key in one turn are served by one block. */
  private fetch(lease: Lease, { limit, cost }: Charge): Promise<void> {
    lease.asked += cost;
    lease.least = Math.min(lease.least, cost);
    lease.limit = limit;
    lease.fetching ??= this.fetchNextTurn(lease);
    return lease.fetching;
  }

  private async fetchNextTurn(lease: Lease): Promise<void> {
    await Promise.resolve();
    try {
      await this.fetchNow(lease);
    } finally {
      lease.fetching = null;
      if (lease.kept) this.wheel.add(lease);
    }
  }

  private async fetchNow(lease: Lease): Promise<void> {
    const { asked, least, limit, key } = lease;
    lease.asked = 0;
    lease.least = Number.POSITIVE_INFINITY;
    const { holdMs, central } = termsOf(limit, least);
    const since = this.clock.monotonic();
    // With no room to keep a stock, units are taken as they are asked for.
    const want = asked + (lease.kept ? lease.nextSize(since, holdMs) : 0);
    const grant = await this.central.lease({ limit: central, key, cost: least, asked, want });
    if (this.clock.monotonic() >= lease.endsAt) void this.giveBack([lease]);
    // The window ends at the earliest so long after the question was sent.
    lease.receive(grant, since + Math.min(holdMs, windowLeftMs(limit, grant.at)), since);
  }

  private leaseOf(limit: Limit, key: string): Lease {
    let table = this.tables.get(limit.id);
    if (!table) {
      table = new Map();
      this.tables.set(limit.id, table);
    }
    let lease = table.get(key);
    if (!lease) {
      lease = new Lease(limit, key, this.size < this.keysMax);
      if (lease.kept) {
        table.set(key, lease);
        this.size++;
      }
    }
    return lease;
  }

  /** Gives back what has ended, and forgets the keys that nobody asked for since. */
  private async sweep(): Promise<void> {
    const ended: Lease[] = [];
    for (const lease of this.wheel.turn(this.clock.monotonic())) {
      if (lease.fetching) continue;
      // One that was used is looked at once more, so that a busy key keeps its size.
      if (lease.spent > 0) this.wheel.add(lease);
      else this.drop(lease);
      ended.push(lease);
    }
    await this.giveBack(ended);
  }

  private drop(lease: Lease): void {
    const { id } = lease.limit;
    const table = this.tables.get(id);
    if (table?.delete(lease.key)) this.size--;
    if (table?.size === 0) this.tables.delete(id);
  }

  private async giveBack(leases: Lease[]): Promise<void> {
    const units = leases
      .filter((lease) => lease.stock > 0)
      .map(({ limit, key, stock, at }) => ({ limit, key, cost: stock, at }));
    for (const lease of leases) lease.stock = lease.spent = 0;
    // What cannot be given back counts as used.
    if (units.length > 0) await this.central.giveBack(units).catch(() => {});
  }
}

type Central = Pick<RedisLimiter, "lease" | "giveBack">;

/** Rounds of fetching before a question is refused: others took what was fetched each time. */
const fetchesMax = 8;
