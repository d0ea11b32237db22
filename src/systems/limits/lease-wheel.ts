import type { Lease } from "./lease.ts";

export const tickMs = 100;

/** A stock is held for less than a round of ticks. */
const ticks = 128;

/** Leases by the tick after their stock ends, so that looking for ended ones passes no others. */
export class Wheel {
  private readonly due: Lease[][] = Array.from({ length: ticks }, () => []);
  private tick: number;

  constructor(now: number) {
    this.tick = tickOf(now);
  }

  /** Once at a time. */
  add(lease: Lease, dueAt: number): void {
    if (lease.queued) return;
    lease.queued = true;
    const tick = Math.max(tickOf(dueAt), this.tick) + 1;
    (this.due[tick % ticks] as Lease[]).push(lease);
  }

  /** Takes out the leases whose stock has ended. */
  turn(now: number): Lease[] {
    const ended: Lease[] = [];
    // After a pause longer than a round each tick has to be looked at once.
    this.tick = Math.max(this.tick, tickOf(now) - ticks);
    while (this.tick < tickOf(now)) {
      this.tick++;
      const slot = this.tick % ticks;
      const due = this.due[slot] as Lease[];
      this.due[slot] = [];
      for (const lease of due) {
        lease.queued = false;
        if (lease.endsAt > now) this.add(lease, lease.endsAt);
        else ended.push(lease);
      }
    }
    return ended;
  }
}

function tickOf(ms: number): number {
  return Math.floor(ms / tickMs);
}
