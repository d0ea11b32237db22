import type { Clock } from "../clock/clock.ts";
import type { Counter, Metrics } from "../metrics/metrics.ts";
import type { Connection, Step } from "./connection.ts";

/**
 * What becomes of a client that reads slower than it is written to. Frames of a topic are published
 * natively, one buffer for all who follow it, so nobody is asked one by one; instead a sweep looks
 * at what each has not taken, and takes slow ones off their topics:
 *
 *   0  hears everything
 *   1  above `shedBytes`: no frames that may be dropped; of those with a key the last one is owed
 *   2  above `resyncBytes`: hears nothing but answers of its own; owed one resync
 *   3  above for longer than `slowMsMax`, or the first when all together hold too much: closed
 *
 * Once it has taken all, it hears its topics again, and then gets what it is owed. What Bun keeps
 * for one socket never passes `socketBytesMax`: there it is cut off, as a frame dropped in silence
 * would be a gap that nobody knows of.
 */
export const shedBytes = 64 * 1024;
export const resyncBytes = 512 * 1024;
/** Keys owed to one connection; with more it is owed a resync instead. */
const owedKeysMax = 256;
/** How long a closed one may take to read what is left and the code. */
const farewellMs = 3_000;
const sweepMs = 100;
/** A sweep that comes so much too late says that this process has more to do than it can. */
const lateMs = 150;
/** So much written brings the next sweep forward. */
const sweepBytes = 256 * 1024;

export const tooSlowCode = 4508;

export type LadderOptions = {
  clock: Clock;
  metrics: Metrics;
  /** All that clients have not taken, together. */
  bufferBytesMax: number;
  slowMsMax: number;
  /** Writes what waits for company in a topic. */
  flush(topic: string): void;
};

export class Ladder {
  /** Whether frames that may be dropped are dropped for everybody. */
  overloaded = false;
  readonly connections = new Set<Connection>();
  readonly slow = new Set<Connection>();
  private readonly options: LadderOptions;
  private readonly waiting = new Map<Connection, ((open: boolean) => void)[]>();
  private readonly counts: Record<"shed" | "resync" | "closed", Counter>;
  private timer: ReturnType<typeof setInterval> | null = null;
  private written = 0;
  private buffered = 0;
  private sweptAt = 0;

  constructor(options: LadderOptions) {
    this.options = options;
    const { metrics } = options;
    const count = (step: string) =>
      metrics.counter("stoa_sockets_slow_total", "Steps that slow readers climbed.", { step });
    this.counts = { shed: count("shed"), resync: count("resync"), closed: count("closed") };
    const help = "Bytes that clients have not taken yet.";
    metrics.gauge("stoa_sockets_buffered_bytes", help, () => this.buffered);
  }

  start(): void {
    this.sweptAt = this.options.clock.monotonic();
    this.timer ??= setInterval(() => this.turn(), sweepMs);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  add(connection: Connection): void {
    connection.ladder = this;
    this.connections.add(connection);
  }

  remove(connection: Connection): void {
    this.connections.delete(connection);
    this.slow.delete(connection);
    connection.held = connection.owed = null;
    this.release(connection, false);
  }

  wrote(bytes: number): void {
    this.written += bytes;
    if (this.written >= sweepBytes) this.sweep(this.options.clock.monotonic());
  }

  follow(connection: Connection, topic: string): void {
    if (connection.held !== null) connection.held.add(topic);
    if (connection.step >= 2) return;
    connection.transport?.subscribe(topic);
    if (connection.step === 0) connection.transport?.subscribe(extrasOf(topic));
  }

  leave(connection: Connection, topic: string): void {
    connection.held?.delete(topic);
    connection.transport?.unsubscribe(topic);
    connection.transport?.unsubscribe(extrasOf(topic));
  }

  /** What slow readers of this topic get once they have caught up. */
  owe(topic: string, key: string, frame: string): void {
    for (const connection of this.slow) {
      if (connection.step !== 1 || !connection.held?.has(topic)) continue;
      connection.owed ??= new Map();
      connection.owed.set(key, frame);
      if (connection.owed.size > owedKeysMax) this.climb(connection, 2);
    }
  }

  /** It has taken something. */
  drained(connection: Connection): void {
    const left = connection.transport?.getBufferedAmount() ?? 0;
    if (left < shedBytes) this.release(connection, true);
    if (left === 0 && (connection.step === 1 || connection.step === 2)) this.recover(connection);
  }

  writable(connection: Connection): Promise<boolean> | boolean {
    const left = connection.transport?.getBufferedAmount() ?? 0;
    if (left < shedBytes) return true;
    return new Promise((resolve) => {
      const others = this.waiting.get(connection) ?? [];
      this.waiting.set(connection, [...others, resolve]);
    });
  }

  private release(connection: Connection, open: boolean): void {
    const waiting = this.waiting.get(connection);
    if (waiting === undefined) return;
    this.waiting.delete(connection);
    for (const resolve of waiting) resolve(open);
  }

  private turn(): void {
    const now = this.options.clock.monotonic();
    this.overloaded = now - this.sweptAt > sweepMs + lateMs;
    this.sweptAt = now;
    if (this.written > 0 || this.slow.size > 0) this.sweep(now);
  }

  private sweep(now: number): void {
    this.written = 0;
    let total = 0;
    for (const connection of this.connections) {
      const bytes = connection.transport?.getBufferedAmount() ?? 0;
      if (bytes === 0 && connection.step === 0) continue;
      total += bytes;
      this.judge(connection, bytes, now);
    }
    this.buffered = total;
    if (total > this.options.bufferBytesMax) this.relieve(total);
  }

  private judge(connection: Connection, bytes: number, now: number): void {
    const { step, stepSince } = connection;
    if (step === 3) {
      if (now - stepSince > farewellMs) connection.transport?.terminate();
    } else if (bytes === 0 && step > 0) {
      this.recover(connection);
    } else if (bytes > resyncBytes && step < 2) {
      this.climb(connection, 2);
    } else if (bytes > shedBytes && step === 0) {
      this.climb(connection, 1);
    } else if (step === 2 && now - stepSince > this.options.slowMsMax) {
      this.climb(connection, 3);
    }
  }

  /** All together hold too much: those who hold most go first. */
  private relieve(total: number): void {
    const held = (c: Connection) => c.transport?.getBufferedAmount() ?? 0;
    let left = total;
    for (const connection of [...this.slow].toSorted((a, b) => held(b) - held(a))) {
      if (left <= this.options.bufferBytesMax) return;
      left -= held(connection);
      this.climb(connection, 3);
      connection.transport?.terminate();
    }
  }

  private climb(connection: Connection, step: Step): void {
    const { transport } = connection;
    if (transport === null || connection.step >= step) return;
    connection.held ??= new Set(transport.subscriptions.filter((topic) => !isExtras(topic)));
    for (const topic of transport.subscriptions) {
      if (step >= 2 || isExtras(topic)) transport.unsubscribe(topic);
    }
    if (step >= 2) connection.owed = null;
    connection.step = step;
    connection.stepSince = this.options.clock.monotonic();
    this.slow.add(connection);
    this.counts[step === 1 ? "shed" : step === 2 ? "resync" : "closed"].add();
    if (step === 3) connection.close(tooSlowCode, "reads too slowly");
  }

  /**
   * Topics first, then where they stand: what is published between comes twice, never not. What
   * waits is written before, as it is older than what is owed.
   */
  private recover(connection: Connection): void {
    const { transport, step, owed, held } = connection;
    if (transport === null) return;
    connection.step = 0;
    connection.held = connection.owed = null;
    this.slow.delete(connection);
    for (const topic of held ?? []) {
      this.options.flush(topic);
      this.options.flush(extrasOf(topic));
      this.follow(connection, topic);
    }
    if (step === 2) connection.resync();
    else for (const frame of owed?.values() ?? []) connection.send(frame);
  }
}

/** Beside each topic lies one for what a slow reader does without. */
export function extrasOf(topic: string): string {
  return `${topic}~`;
}

function isExtras(topic: string): boolean {
  return topic.endsWith("~");
}
