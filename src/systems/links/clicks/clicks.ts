import { join } from "node:path";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Config } from "../../../platform/config/config.ts";
import type { Connection, Db } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Counter, Metrics } from "../../../platform/metrics/metrics.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Geo } from "../geo.ts";
import type { VisitKind } from "../visits.ts";
import { TermNames } from "./dictionary.ts";
import { DrainThread } from "./drain-thread.ts";
import type { Progress } from "./drainer.ts";
import { Live } from "./live.ts";
import { Recorder, type Hit } from "./recorder.ts";
import { Spool, type Position } from "./spool.ts";
import { Stats } from "./stats.ts";
import { kinds } from "./traits.ts";
import { VisitorKeys } from "./visitors.ts";

/**
 * Clicks: recorded in memory, spooled to disk within milliseconds, drained into PostgreSQL by a
 * thread, rolled up there. This is the part that the redirect calls; nothing in it waits.
 */
export type { Hit } from "./recorder.ts";

export type Clicks = {
  start(): Promise<void>;
  record(hit: Hit): void;
  /** Asked before a click on an unknown code is described, because most of a flood is not. */
  takesOrphan(at: number): boolean;
  recordOrphan(code: string, hit: Hit): void;
  /** What a request would count as; as cheap as a look-up. */
  kindOf(userAgent: string, purpose: string, method?: string): VisitKind;
  /** Hands everything recorded to the operating system. */
  flush(): void;
  /** Resolves once everything recorded so far, by dead processes too, is in the numbers. */
  settle(): Promise<void>;
  /** Drains until the deadline; what is left waits on disk for the next start. */
  stop(deadline: AbortSignal): Promise<void>;
  /** Age of the oldest click that is not stored in the database. */
  lagSeconds(): number;
  readonly stats: Stats;
  readonly live: Live;
  readonly names: TermNames;
  now(): number;
};

export type ClicksOptions = {
  db: Db;
  connection: Connection;
  dataDir: string;
  config: Pick<
    Config,
    | "clickVisitorsEnabled"
    | "clickHonourDoNotTrack"
    | "clickRetentionDays"
    | "clickFlushIntervalMs"
    | "clickSpoolBytesMax"
  >;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  limits: Limits;
  /** Null when clicks are not to be located. */
  geo: Geo | null;
  /** Instead of a random one for each day, in tests that count visitors to the last one. */
  visitorKey?: () => Uint8Array;
};

const readyTimeoutMs = 5_000;

export function createClicks(options: ClicksOptions): Clicks {
  return new Pipeline(options);
}

class Pipeline implements Clicks {
  readonly stats: Stats;
  readonly live: Live;
  readonly names = new TermNames();
  private readonly options: ClicksOptions;
  private readonly root: string;
  private readonly spool: Spool;
  private readonly recorder: Recorder;
  private readonly keys: VisitorKeys;
  private readonly counters: ReturnType<typeof countersOf>;
  private thread: DrainThread | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private stopping = false;
  /** Whether the drainer has been told that there is something. */
  private awake = true;
  /** When the oldest click in memory, and the oldest not in the database, happened. */
  private bufferedSince = Number.NaN;
  private waitingSince = Number.NaN;
  private adoptedBytes = 0;
  private tornBytes = 0;

  constructor(options: ClicksOptions) {
    const { config, clock, metrics, geo } = options;
    this.options = options;
    this.root = join(options.dataDir, "spool", "clicks");
    this.spool = new Spool(this.root, config.clickSpoolBytesMax);
    this.counters = countersOf(metrics);
    this.live = new Live(options);
    this.stats = new Stats(clock, this.names);
    this.keys = new VisitorKeys(options.visitorKey);
    this.recorder = new Recorder({
      spool: this.spool,
      keys: this.keys,
      geo,
      visitors: config.clickVisitorsEnabled,
      honourDoNotTrack: config.clickHonourDoNotTrack,
      ...this.counters,
      waiting: (at) => this.collect(at),
    });
    this.addGauges(metrics);
  }

  async start(): Promise<void> {
    const { config, connection, clock, log } = this.options;
    this.spool.open();
    this.thread = new DrainThread({
      start: {
        connection,
        root: this.root,
        own: this.spool.id,
        retentionDays: config.clickRetentionDays,
        visitors: config.clickVisitorsEnabled,
      },
      log,
      progress: (progress) => this.drained(progress),
      key: (day, key) => this.keys.share(day, key),
    });
    const ready = new AbortController();
    void this.thread.ready().then(() => ready.abort());
    // Ended early, because a timer left behind would keep the process from ending.
    await clock.sleep(readyTimeoutMs, ready.signal);
  }

  record(hit: Hit): void {
    this.recorder.record(hit);
    // The timer may be late on a busy event loop; the bound on what kill -9 loses must not be.
    if (hit.at - this.bufferedSince >= this.options.config.clickFlushIntervalMs) this.flush();
  }

  takesOrphan(at: number): boolean {
    return this.recorder.takesOrphan(at);
  }

  recordOrphan(code: string, hit: Hit): void {
    this.recorder.recordOrphan(code, hit);
  }

  kindOf(userAgent: string, purpose: string, method?: string): VisitKind {
    return this.recorder.kindOf(userAgent, purpose, method);
  }

  now(): number {
    return this.options.clock.now();
  }

  flush(): void {
    if (!this.spool.flush()) {
      this.counters.refusedWrites.value++;
      return;
    }
    this.bufferedSince = Number.NaN;
    if (this.awake) return;
    this.awake = true;
    this.thread?.wake();
  }

  async settle(): Promise<void> {
    this.flush();
    await this.thread?.settle();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    if (this.timer) clearTimeout(this.timer);
    this.flush();
    this.spool.end();
    await this.live.stop();
    const drained = await this.thread?.stop(deadline);
    this.spool.release();
    if (drained === false) {
      const spool = this.spool.id;
      this.options.log.warn("clicks are left on disk for the next start", { spool });
    }
  }

  lagSeconds(): number {
    if (Number.isNaN(this.waitingSince)) return 0;
    return Math.max(0, (this.now() - this.waitingSince) / 1000);
  }

  /** The first record since the last flush. */
  private collect(at: number): void {
    this.bufferedSince = at;
    if (Number.isNaN(this.waitingSince)) this.waitingSince = at;
    this.arm();
  }

  private arm(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (this.stopping) return;
      this.flush();
      // The disk refused: the clicks are still in memory.
      if (!Number.isNaN(this.bufferedSince)) this.arm();
    }, this.options.config.clickFlushIntervalMs);
  }

  private drained(progress: Progress): void {
    this.counters.drained.add(progress.clicks);
    this.spool.removed(progress.removedBytes);
    this.adoptedBytes = progress.adoptedBytes;
    this.tornBytes = progress.tornBytes;
    if (progress.lastAt > 0) this.waitingSince = progress.lastAt;
    if (progress.idle) this.rest(progress.position);
  }

  /** The drainer has come to the end of what it saw; there may be more by now. */
  private rest(position: Position | null): void {
    const written = this.spool.written();
    const stands = position ?? { segment: 0, position: 0 };
    this.awake = stands.segment !== written.segment || stands.position !== written.position;
    if (this.awake) this.thread?.wake();
    else this.waitingSince = this.bufferedSince;
  }

  private addGauges(metrics: Metrics): void {
    const gauge = (name: string, help: string, read: () => number) =>
      metrics.gauge(`stoa_links_click_${name}`, help, read);
    gauge("lag_seconds", "Age of the oldest click not stored yet.", () => this.lagSeconds());
    gauge("spool_bytes", "Disk taken by spooled clicks.", () => {
      return this.spool.size() + this.adoptedBytes;
    });
    gauge("spool_torn_bytes", "Spooled bytes that a crash left unreadable.", () => this.tornBytes);
  }
}

function countersOf(metrics: Metrics) {
  const counter = (name: string, help: string) => metrics.counter(`stoa_links_${name}`, help);
  const recorded = kinds.map((kind): [VisitKind, Counter] => [
    kind,
    metrics.counter("stoa_links_clicks_recorded_total", "Clicks recorded.", { kind }),
  ]);
  return {
    recorded: Object.fromEntries(recorded) as Record<VisitKind, Counter>,
    drained: counter("clicks_drained_total", "Clicks stored in the database."),
    dropped: counter("clicks_dropped_total", "Clicks lost because the spool was full."),
    orphansDropped: counter("orphans_dropped_total", "Clicks on unknown codes only counted."),
    refusedWrites: counter("click_spool_errors_total", "Writes of clicks that the disk refused."),
  };
}
