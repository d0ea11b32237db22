import type { Clock } from "../clock/clock.ts";
import { StateAwayError } from "./state.ts";

/**
 * Gives up on commands that are not answered in time. All have the same patience, so they end in
 * the order they began: one timer for the oldest serves them all, and a command costs an entry in
 * a list instead of a timer of its own.
 *
 * A process that was busy itself finds its timers due before it has read the answers that came
 * meanwhile. Therefore the oldest gets one more turn of the event loop before it counts as late.
 */
export class Deadlines {
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly late: () => void;
  private waiting: Waiting[] = [];
  private first = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  /** `late` is called when a command is overdue; it is expected to call `failAll`. */
  constructor(options: { clock: Clock; timeoutMs: number; late: () => void }) {
    this.clock = options.clock;
    this.timeoutMs = options.timeoutMs;
    this.late = options.late;
  }

  size(): number {
    return this.waiting.length - this.first;
  }

  add(reject: (error: StateAwayError) => void): Waiting {
    const entry = { since: this.clock.monotonic(), done: false, reject };
    this.waiting.push(entry);
    this.timer ??= setTimeout(this.look, this.tickMs());
    return entry;
  }

  /** Returns how many had to be given up. */
  failAll(message: string): number {
    const all = this.waiting.slice(this.first).filter((entry) => !entry.done);
    this.waiting = [];
    this.first = 0;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    for (const entry of all) {
      entry.done = true;
      entry.reject(new StateAwayError(message, { sent: true }));
    }
    return all.length;
  }

  private readonly look = (): void => {
    this.timer = null;
    const oldest = this.oldest();
    if (!oldest) return;
    // The next look would be too late for it.
    const overdue = this.clock.monotonic() - oldest.since >= this.timeoutMs - this.tickMs();
    if (!overdue) this.timer = setTimeout(this.look, this.tickMs());
    else this.timer = setTimeout(() => this.lookAgain(oldest), 1);
  };

  private lookAgain(suspect: Waiting): void {
    if (suspect.done) this.look();
    else this.late();
  }

  private oldest(): Waiting | undefined {
    while (this.first < this.waiting.length && this.waiting[this.first]?.done) this.first++;
    if (this.first === this.waiting.length || this.first >= compactAfter) {
      this.waiting = this.waiting.slice(this.first);
      this.first = 0;
    }
    return this.waiting[this.first];
  }

  private tickMs(): number {
    return Math.max(1, Math.floor(this.timeoutMs / 5));
  }
}

export type Waiting = {
  since: number;
  done: boolean;
  reject: (error: StateAwayError) => void;
};

/** Answered entries at the front of the list that are kept before it is copied. */
const compactAfter = 4_096;
