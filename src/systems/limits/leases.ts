import type { Clock } from "../../platform/clock/clock.ts";
import { allowed, refused, spend, type Home, type Lease } from "./lease.ts";
import { giveBackAll, giveBackStocks, giveBackStray, LeaseTable, leasesOf } from "./lease-table.ts";
import { termsOf, windowLeftMs } from "./lease-terms.ts";
import type { Charge, Decision, Limit } from "./limiter.ts";
import { tickMs, Wheel } from "./lease-wheel.ts";
import type { Units } from "./redis.ts";
import { sharesOf } from "./shares.ts";
import type { SubKeys } from "./sub-keys.ts";

/**
 * Units taken from the central limiter in blocks and handed out here, so that most questions need
 * no round trip. A block is what is asked now and a stock: none at first, then what the key uses
 * by its rate while the stock may be held, but never more than 1/32 of what is free centrally. What
 * is not used by then is given back.
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
 * stocks of others, each for `holdMs` at most: a tenth of the window, ten seconds at most, and one
 * where that makes a bucket's burst up to a tenth smaller or a log's window up to a tenth longer,
 * as said above. A process that is killed takes its stock, 1/32 of what was free, with it until the
 * window ends.
 *
 * Rejected: stocks that double and halve (a key asked for now and then needs a round trip each
 * time, a busy one twice as many); blocks of a fixed size (100 of them strand a limit of 400 on
 * four processes, 2 of them ask Redis every other time); a local bucket at a share of the rate (a
 * process that alone is busy would be refused at that share).
 */
export class Leases {
  private readonly clock: Clock;
  private readonly table: LeaseTable;
  private readonly wheel: Wheel;
  private readonly sweeping: ReturnType<typeof setInterval>;

  constructor(options: { central: Home; subKeys: SubKeys; clock: Clock; keysMax: number }) {
    this.clock = options.clock;
    this.table = new LeaseTable(options);
    this.wheel = new Wheel(this.clock.monotonic());
    this.sweeping = setInterval(() => void this.sweep(), tickMs);
    this.sweeping.unref();
  }

  /** At once where the stocks suffice. Rejects with StateAwayError. */
  take(charges: readonly Charge[]): Decision | Promise<Decision> {
    const now = this.clock.monotonic();
    const leases = this.leasesFor(charges, now);
    if (spend(leases, charges, now)) return allowed(leases, now);
    return this.takeAfterFetch(leases, charges);
  }

  /** Out of the stocks alone. */
  takeAll(charges: readonly Charge[]): boolean {
    const now = this.clock.monotonic();
    return spend(this.leasesFor(charges, now), charges, now);
  }

  /** Of what was taken here; the rest is the central limiter's to give back. */
  async refund(charges: readonly Charge[]): Promise<void> {
    const now = this.clock.monotonic();
    const rest: [Home, Units][] = [];
    for (const charge of charges) {
      const held = this.table.of(charge.limit, charge.key);
      const lease = "leases" in held ? held.receiver(now) : held;
      const here = now < lease.endsAt ? Math.min(charge.cost, lease.spent) : 0;
      lease.stock += here;
      lease.spent -= here;
      const { key, limit, home } = lease;
      const cost = charge.cost - here;
      if (cost > 0) rest.push([home, { limit, key, cost, at: 0, alone: lease.alone }]);
    }
    await giveBackAll(rest);
  }

  /** Units that lie here for the key. */
  stockOf(limit: Limit, key: string): number {
    const now = this.clock.monotonic();
    const held = this.table.find(limit, key);
    const here = (held ? leasesOf(held) : []).filter(({ endsAt }) => now < endsAt);
    return here.reduce((sum, { stock }) => sum + stock, 0);
  }

  /** Nothing of a key that was reset or refused for a while is handed out any more. */
  forget(limit: Limit, key: string): void {
    this.table.find(limit, key)?.forget();
  }

  async close(): Promise<void> {
    clearInterval(this.sweeping);
    await giveBackStocks(this.table.all());
  }

  private async takeAfterFetch(leases: Lease[], charges: readonly Charge[]): Promise<Decision> {
    try {
      return await this.fetchAndTake(leases, charges);
    } finally {
      if (leases.some(({ kept }) => !kept)) giveBackStray(leases);
    }
  }

  private async fetchAndTake(leases: Lease[], charges: readonly Charge[]): Promise<Decision> {
    let fetchesLeft = fetchesMax;
    // Of each part the last units, and that it has none.
    for (const { limit } of charges) fetchesLeft += 2 * (limit.subKeys - 1);
    for (let waited = false; ; fetchesLeft--) {
      const now = this.clock.monotonic();
      if (spend(leases, charges, now)) return allowed(leases, now);
      const costOf = (i: number) => (charges[i] as Charge).cost;
      const short = leases.filter((lease, i) => !lease.has(costOf(i), now));
      const refusing = leases.some(
        (lease, i) => short.includes(lease) && lease.refuses(costOf(i), now),
      );
      if (refusing || waited || fetchesLeft === 0) return refused(leases, short, now);
      const fetching: Promise<void>[] = [];
      for (const [i, lease] of leases.entries()) {
        if (short.includes(lease)) fetching.push(this.fetch(lease, charges[i] as Charge));
      }
      await (fetching.length === 1 ? fetching[0] : Promise.all(fetching));
      // Nobody waits for a second server that is away; those that come after go on without it.
      waited = short.some((lease) => lease.late);
      this.turnToOthers(leases, charges);
    }
  }

  /** Of a divided rule another part, where the one at hand has not enough. */
  private turnToOthers(leases: Lease[], charges: readonly Charge[]): void {
    const now = this.clock.monotonic();
    for (const [i, { place }] of leases.entries()) {
      if (place) leases[i] = place.holder.pick((charges[i] as Charge).cost, now);
    }
  }

  /** All who lack units of a key in one turn are served by one block. */
  private fetch(lease: Lease, { limit, cost }: Charge): Promise<void> {
    lease.asked += cost;
    lease.least = Math.min(lease.least, cost);
    lease.limit = lease.place ? (sharesOf(limit)[lease.place.part] as Limit) : limit;
    lease.fetching ??= this.fetchNextTurn(lease);
    return lease.fetching;
  }

  private async fetchNextTurn(lease: Lease): Promise<void> {
    await Promise.resolve();
    try {
      await this.fetchNow(lease);
    } finally {
      lease.fetching = null;
      if (lease.kept) this.wheel.add(lease, lease.endsAt);
    }
  }

  private async fetchNow(lease: Lease): Promise<void> {
    const { asked, least, limit, key, home } = lease;
    lease.asked = 0;
    lease.least = Number.POSITIVE_INFINITY;
    const { holdMs, central } = termsOf(limit, least);
    const since = this.clock.monotonic();
    // With no room to keep a stock, units are taken as they are asked for.
    const want = asked + (lease.kept ? lease.nextSize(since, holdMs) : 0);
    const grant = await home.lease({ limit: central, key, cost: least, asked, want });
    if (this.clock.monotonic() >= lease.endsAt) void giveBackStocks([lease]);
    // The window ends at the earliest so long after the question was sent.
    const heldMs = grant.alone ? holdMs : Math.min(holdMs, windowLeftMs(limit, grant.at));
    lease.receive(grant, least, since + heldMs, since);
    lease.place?.holder.recount(since);
  }

  private leasesFor(charges: readonly Charge[], now: number): Lease[] {
    return charges.map(({ limit, key, cost }) => this.table.of(limit, key).pick(cost, now));
  }

  /** Gives back what has ended, and forgets the keys that nobody asked for since. */
  private async sweep(): Promise<void> {
    const ended: Lease[] = [];
    const now = this.clock.monotonic();
    for (const lease of this.wheel.turn(now)) {
      if (lease.fetching) continue;
      // One that was used stays as long again, so that a key that comes back keeps its size.
      if (lease.spent > 0) this.wheel.add(lease, now + termsOf(lease.limit, 1).holdMs);
      else this.table.drop(lease);
      ended.push(lease);
    }
    await giveBackStocks(ended);
  }
}

/** Rounds of fetching before a question is refused: others took what was fetched each time. */
const fetchesMax = 8;
