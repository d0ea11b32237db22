import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";

/**
 * Who may open a connection now. Both a number at once and a rate, as ten thousand that come back
 * together cost more than ten thousand that stay; and only so many of one address that have not
 * proved who they are.
 */
export const unprovedPerAddressMax = 500;
const retrySeconds = { full: 5, rate: 2, unproved: 5, draining: 1 };

export type AdmissionOptions = { clock: Clock; connectionsMax: number; acceptsPerSecond: number };

export class Admission {
  draining = false;
  readonly refused = { full: 0, rate: 0, unproved: 0, draining: 0 };
  private readonly options: AdmissionOptions;
  private readonly unproved = new Map<string, number>();
  private room: number;
  private filledAt: number;

  constructor(options: AdmissionOptions) {
    this.options = options;
    this.room = options.acceptsPerSecond;
    this.filledAt = options.clock.monotonic();
  }

  /** Throws what to answer instead. */
  admit(address: string, open: number): void {
    if (this.draining) throw this.refusal("draining", "This process is about to end.");
    if (open >= this.options.connectionsMax) {
      throw this.refusal("full", "This process holds as many connections as it may.");
    }
    if ((this.unproved.get(address) ?? 0) >= unprovedPerAddressMax) {
      throw this.refusal("unproved", "Too many connections from here have yet to say hello.");
    }
    if (!this.takeTurn()) throw this.refusal("rate", "Too many connect at once.");
  }

  entered(address: string): void {
    this.unproved.set(address, (this.unproved.get(address) ?? 0) + 1);
  }

  /** It proved who it is, or went. */
  settled(address: string): void {
    const left = (this.unproved.get(address) ?? 1) - 1;
    if (left > 0) this.unproved.set(address, left);
    else this.unproved.delete(address);
  }

  private takeTurn(): boolean {
    const { clock, acceptsPerSecond } = this.options;
    const now = clock.monotonic();
    const filled = this.room + ((now - this.filledAt) / 1000) * acceptsPerSecond;
    this.room = Math.min(acceptsPerSecond, filled);
    this.filledAt = now;
    if (this.room < 1) return false;
    this.room--;
    return true;
  }

  private refusal(why: keyof typeof retrySeconds, message: string): AppError {
    this.refused[why]++;
    return new AppError("server.busy", message, { retryAfterSeconds: retrySeconds[why] });
  }
}
