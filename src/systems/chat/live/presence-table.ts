/**
 * Who is there, as all processes together know it. Each process holds the lease of those connected
 * to it and says what changed, numbered; the others ask for the whole of it when a number is
 * missing, and forget a process that was silent for `leaseMs`.
 */
export type Status = "active" | "away" | "invisible" | "offline";

export type Delta = [account: string, status: Status][];

type Lease = { number: number; heardAt: number; people: Map<string, Status> };

export const leaseMs = 30_000;

export class PresenceTable {
  /** Those connected here. */
  readonly own = new Map<string, Status>();
  private readonly others = new Map<string, Lease>();

  statusOf(account: string): Exclude<Status, "invisible"> {
    const found = this.find(account);
    return found === "invisible" ? "offline" : found;
  }

  isInvisible(account: string): boolean {
    return this.find(account) === "invisible";
  }

  /** Invisible anywhere is invisible to all; else the most present of all devices. */
  private find(account: string): Status {
    let found: Status = this.own.get(account) ?? "offline";
    for (const { people } of this.others.values()) {
      const there = people.get(account);
      if (there !== undefined && rank[there] > rank[found]) found = there;
    }
    return found;
  }

  /** Of another process. False: something is missing, ask for the whole. */
  apply(process: string, number: number, delta: Delta, now: number): boolean {
    const lease = this.others.get(process);
    if (lease === undefined || number !== lease.number + 1) return false;
    lease.number = number;
    lease.heardAt = now;
    for (const [account, status] of delta) {
      if (status === "offline") lease.people.delete(account);
      else lease.people.set(account, status);
    }
    return true;
  }

  /** Another process lives, and its last change had this number. */
  renew(process: string, number: number, now: number): boolean {
    const lease = this.others.get(process);
    if (lease === undefined || lease.number !== number) return false;
    lease.heardAt = now;
    return true;
  }

  /** The whole of what another process holds. Returns whom it may concern. */
  replace(process: string, number: number, people: Delta, now: number): string[] {
    const before = this.others.get(process)?.people.keys() ?? [];
    const concerned = new Set([...before, ...people.map(([account]) => account)]);
    this.others.set(process, { number, heardAt: now, people: new Map(people) });
    return [...concerned];
  }

  /** A process ends: its people are there for `holdMs` more, unless they come back elsewhere. */
  endLease(process: string, now: number, holdMs: number): void {
    const lease = this.others.get(process);
    if (lease) lease.heardAt = now - leaseMs + holdMs;
  }

  /** Returns who was there with a process that is gone. */
  forget(process: string): string[] {
    const people = this.others.get(process)?.people.keys() ?? [];
    this.others.delete(process);
    return [...people];
  }

  /** Processes that were silent for longer than their leases. */
  expired(now: number): string[] {
    const late = [...this.others].filter(([, { heardAt }]) => now - heardAt > leaseMs);
    return late.map(([process]) => process);
  }
}

const rank: Record<Status, number> = { offline: 0, away: 1, active: 2, invisible: 3 };
