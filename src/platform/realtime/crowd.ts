/**
 * Gives memory back after a crowd came or went. What it took to let them in is garbage, which the
 * engine collects as more is made: a process that is quiet afterwards makes none and would keep
 * it, half as much again as the connections themselves take.
 */
const crowdMin = 1_000;
/** Fewer a second are no crowd, and a collection, of some ten milliseconds, disturbs nobody. */
const quietMax = 100;

export class Crowd {
  private readonly collect: () => void;
  private moved = 0;
  private movedBefore = 0;
  private collectedAt = 0;

  constructor(collect: () => void = () => void Bun.gc(false)) {
    this.collect = collect;
  }

  /** Somebody came, or went. */
  note(): void {
    this.moved++;
  }

  /** Called about once a second. */
  turn(): void {
    const quiet = this.moved - this.movedBefore <= quietMax;
    this.movedBefore = this.moved;
    if (!quiet || this.moved - this.collectedAt < crowdMin) return;
    this.collectedAt = this.moved;
    this.collect();
  }
}
