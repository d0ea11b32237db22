import { Divided } from "./divided.ts";
import { Lease, type Home } from "./lease.ts";
import type { Limit } from "./limiter.ts";
import type { Units } from "./redis.ts";
import { isDivided, sharesOf } from "./shares.ts";
import type { SubKeys } from "./sub-keys.ts";

/** What lies here of each key, by rule; for those beyond `keysMax` nothing is kept. */
export class LeaseTable {
  private readonly central: Home;
  private readonly subKeys: SubKeys;
  private readonly keysMax: number;
  private readonly tables = new Map<string, Map<string, Lease | Divided>>();
  private size = 0;

  constructor(options: { central: Home; subKeys: SubKeys; keysMax: number }) {
    this.central = options.central;
    this.subKeys = options.subKeys;
    this.keysMax = options.keysMax;
  }

  find(limit: Limit, key: string): Lease | Divided | undefined {
    return this.tables.get(limit.id)?.get(key);
  }

  of(limit: Limit, key: string): Lease | Divided {
    let table = this.tables.get(limit.id);
    if (!table) {
      table = new Map();
      this.tables.set(limit.id, table);
    }
    const before = table.get(key);
    if (before && partsOf(before) === limit.subKeys) {
      if (before instanceof Divided) before.goBy(limit);
      return before;
    }
    // The rule was divided otherwise: what lies here goes back when it ends.
    if (before) this.size -= sizeOf(before);
    const made = this.make(limit, key);
    if (made.kept) {
      table.set(key, made);
      this.size += sizeOf(made);
    } else table.delete(key);
    return made;
  }

  /** Once nobody asks for it any more; the parts of one key go together. */
  drop(lease: Lease): void {
    const { place, key } = lease;
    const id = place?.rule ?? lease.limit.id;
    const held = place?.holder ?? lease;
    if (leasesOf(held).some(({ queued, fetching }) => queued || fetching !== null)) return;
    const table = this.tables.get(id);
    if (table?.get(key) !== held) return;
    this.size -= sizeOf(held);
    table.delete(key);
    if (table.size === 0) this.tables.delete(id);
  }

  all(): Lease[] {
    return [...this.tables.values()].flatMap((table) => [...table.values()].flatMap(leasesOf));
  }

  private make(limit: Limit, key: string): Lease | Divided {
    const kept = this.size < this.keysMax;
    if (!isDivided(limit)) return new Lease({ limit, key, kept, home: this.central });
    const shares = sharesOf(limit);
    const parts = this.subKeys.inOrder(limit);
    const open = (step: number, holder: Divided) => {
      const part = parts[step] as number;
      if (this.find(limit, key) === holder) this.size++;
      const place = { part, holder, rule: limit.id };
      const share = shares[part] as Limit;
      return new Lease({ ...{ limit: share, key, kept, place }, home: this.subKeys.at(part) });
    };
    return new Divided({ limit, kept, make: open });
  }
}

export function leasesOf(held: Lease | Divided): readonly Lease[] {
  return held instanceof Lease ? [held] : held.leases;
}

function partsOf(held: Lease | Divided): number {
  return held instanceof Lease ? 1 : held.count;
}

function sizeOf(held: Lease | Divided): number {
  return leasesOf(held).length;
}

/** What of their stocks is left; none of it is handed out any more. */
export async function giveBackStocks(leases: readonly Lease[]): Promise<void> {
  const all = leases
    .filter((lease) => lease.stock > 0)
    .map(({ limit, key, stock, at, alone, home }): [Home, Units] => {
      return [home, { limit, key, cost: stock, at, alone }];
    });
  for (const lease of leases) lease.end();
  // What cannot be given back counts as used.
  await giveBackAll(all).catch(() => {});
}

/** What was fetched for one question alone, and not spent as another rule refused. */
export function giveBackStray(leases: readonly Lease[]): void {
  const held = leases.flatMap((lease) => leasesOf(lease.place?.holder ?? lease));
  const stray = held.filter(({ kept, stock }) => !kept && stock > 0);
  if (stray.length > 0) void giveBackStocks([...new Set(stray)]);
}

/** To each place what is from there, in one step. */
export async function giveBackAll(all: readonly (readonly [Home, Units])[]): Promise<void> {
  const byHome = Map.groupBy(all, ([home]) => home);
  await Promise.all(
    [...byHome].map(async ([home, some]) => home.giveBack(some.map(([, units]) => units))),
  );
}
