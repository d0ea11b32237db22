import type { Clock } from "../../platform/clock/clock.ts";

/** Parts of a millisecond: so few that they add up with wall time without an error. */
const parts = 1024;

/**
 * Wall time that never goes back, so that a clock stepped back gives nothing away: no window opens
 * twice and no bucket fills again. Nor does it stand still until the clock has caught up, which
 * would keep callers out for as long as the step. It goes at the pace of the monotonic clock, and
 * forward with the wall when that is ahead. Both clocks are read when the wall has moved, and
 * between only the wall, since a question takes little longer than reading a clock.
 */
export class SteadyTime {
  private readonly clock: Clock;
  private wall = -1;
  private steady = 0;
  /** Wall time when the monotonic clock was 0. */
  private base = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whole milliseconds since 1970. */
  now(): number {
    const wall = this.clock.now();
    return wall === this.wall ? this.steady : this.move(wall);
  }

  private move(wall: number): number {
    const monotonic = Math.floor(this.clock.monotonic() * parts) / parts;
    if (wall > this.base + monotonic) this.base = wall - monotonic;
    this.wall = wall;
    this.steady = Math.floor(this.base + monotonic);
    return this.steady;
  }
}
