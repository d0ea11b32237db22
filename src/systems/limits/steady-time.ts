import type { Clock } from "../../platform/clock/clock.ts";

/** Parts of a millisecond: so few that they add up with wall time without an error. */
const parts = 1024;

/**
 * Wall time that never goes back, so that a clock stepped back gives nothing away: no window opens
 * twice and no bucket fills again. Nor does it stand still until the clock has caught up, which
 * would keep callers out for as long as the step. It goes at the pace of the monotonic clock, and
 * forward with the wall when that is ahead, which is looked at once a millisecond.
 */
export class SteadyTime {
  private readonly clock: Clock;
  /** Wall time when the monotonic clock was 0. */
  private base = 0;
  private checkedAt = -Infinity;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whole milliseconds since 1970. */
  now(): number {
    const monotonic = Math.floor(this.clock.monotonic() * parts) / parts;
    const sinceCheck = monotonic - this.checkedAt;
    if (sinceCheck === 0 || sinceCheck >= 1) {
      this.checkedAt = monotonic;
      const wall = this.clock.now();
      if (wall > this.base + monotonic) this.base = wall - monotonic;
    }
    return Math.floor(this.base + monotonic);
  }
}
