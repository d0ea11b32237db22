export type PulseOptions = {
  silenceMsMax: number;
  ask(): void;
  /** Called once. */
  silent(): void;
};

/** So often it is looked whether there was an answer, until there was none for too long. */
const looksMax = 10;

/** Reading the program takes a new process its time, on a busy machine most. */
const firstAnswerMsMax = 60_000;

/**
 * Whether a process still turns its event loop. It is asked, one question at a time so that none
 * pile up, and given up when no answer comes: it is stopped, or in a loop without end, while the
 * kernel goes on handing it its share of the connections.
 *
 * What is counted is looks and not time. Who wakes from a pause of its own, or of the whole
 * machine, has looked once and does not take everybody for silent.
 */
export class Pulse {
  private readonly options: PulseOptions;
  private readonly timer: ReturnType<typeof setInterval>;
  private asking = false;
  private looksLeft: number;

  constructor(options: PulseOptions) {
    this.options = options;
    const lookEveryMs = options.silenceMsMax / looksMax;
    this.looksLeft = Math.max(looksMax, Math.ceil(firstAnswerMsMax / lookEveryMs));
    this.timer = setInterval(() => this.look(), lookEveryMs);
  }

  heard(): void {
    this.asking = false;
    this.looksLeft = looksMax;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    if (!this.asking) {
      this.asking = true;
      this.options.ask();
    } else if (this.looksLeft-- === 0) {
      this.stop();
      this.options.silent();
    }
  }
}
