import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import type { Counter, Metrics } from "../metrics/metrics.ts";
import { Deadlines } from "./deadlines.ts";
import { isLostServer, Link, messageOf } from "./link.ts";
import { StateAwayError, type Listener, type Script, type State } from "./state.ts";
import { Topics } from "./topics.ts";

export type RedisStateOptions = {
  redisUrl: string;
  /** Of a server beside the main one: what metrics and lines call it. */
  server?: string;
  /** Longest a caller waits for a command. */
  commandTimeoutMs: number;
  clock: Clock;
  log: Log;
  metrics: Metrics;
};

/** Commands without an answer yet; more are refused at once. */
const commandsInFlightMax = 10_000;

/** How soon after it was lost the server is tried again, and the longest pause between tries. */
const probePauseMsMin = 20;
const probePauseMsMax = 500;
/**
 * A link that lived shorter was no recovery, and the pauses go on growing: a replica answers PING
 * and refuses the first script, time and again.
 */
const steadyAfterMs = 1_000;

/** A message to ourselves proves that messages arrive; so many may be missing. */
const beatEveryMs = 1_000;
const beatsMissedMax = 3;

const channelPrefix = "stoa:";

/**
 * State on Redis or Valkey.
 *
 * The breaker: the first command that is late, or a connection that ends, ends the whole link. All
 * that wait fail then, what comes after fails at once, and nobody but a probe waits for the server.
 * A probe is a new link that answers PING and has subscribed again, so a server that froze, moved,
 * or was replaced is found again in one way. A command that was late may still have run, or run
 * once the server thaws.
 */
export class RedisState implements State {
  readonly shared = true;
  private readonly url: string;
  private readonly about: Record<string, string>;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly topics = new Topics();
  private readonly deadlines: Deadlines;
  private readonly failures: Counter;
  private readonly outages: Counter;
  private readonly closing = new AbortController();
  private link: Link | null = null;
  private recovering: Promise<void> = Promise.resolve();
  private readonly beating: ReturnType<typeof setInterval>;
  private beatHeard = 0;
  private linkedAt = 0;
  private probePauseMs = probePauseMsMin;

  constructor(options: RedisStateOptions) {
    const { redisUrl, server, clock, log, metrics, commandTimeoutMs } = options;
    this.url = redisUrl;
    this.about = server === undefined ? {} : { server };
    this.clock = clock;
    this.log = log;
    const late = () => this.lose(`no answer within ${commandTimeoutMs} ms`);
    this.deadlines = new Deadlines({ clock, timeoutMs: commandTimeoutMs, late });
    const isUp = () => (this.link ? 1 : 0);
    metrics.gauge("stoa_state_up", "Whether shared state answers.", isUp, this.about);
    this.failures = metrics.counter(
      "stoa_state_failures_total",
      "Commands to shared state that were refused, late or lost.",
      this.about,
    );
    const lost = "Times shared state was lost.";
    this.outages = metrics.counter("stoa_state_outages_total", lost, this.about);
    const beatTopic = `beat:${crypto.randomUUID()}`;
    this.topics.add(beatTopic, () => {
      this.beatHeard = clock.monotonic();
    });
    this.beating = setInterval(() => this.beat(beatTopic), beatEveryMs);
  }

  async open(): Promise<void> {
    try {
      this.adopt(await this.connect());
    } catch (error) {
      this.log.error("shared state does not answer; trying on", { ...this.about, error });
      this.recovering = this.recover();
    }
  }

  run(script: Script, keys: string[], numbers: number[]): Promise<number[]> {
    return this.command((link) => link.evaluate(script, keys, numbers));
  }

  publish(topic: string, message: string): void {
    // A failure is counted; there is nobody to tell.
    this.command((link) => link.publish(channelPrefix + topic, message)).catch(() => {});
  }

  subscribe(topic: string, listener: Listener): () => void {
    const end = this.topics.add(topic, listener);
    const link = this.link;
    if (link) this.hear(link, topic).catch((error: unknown) => this.loseLink(link, error));
    return end;
  }

  state(): "up" | "down" {
    return this.link ? "up" : "down";
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.beating);
    this.link?.close();
    this.link = null;
    this.deadlines.failAll("Shared state is closed.");
    this.topics.clear();
    await this.recovering;
  }

  private command<T>(send: (link: Link) => Promise<T>): Promise<T> {
    const link = this.link;
    if (!link) return this.refuse("Shared state is away.");
    if (this.deadlines.size() >= commandsInFlightMax) {
      return this.refuse(`Shared state has ${commandsInFlightMax} commands to answer.`);
    }
    return new Promise((resolve, reject) => {
      const waiting = this.deadlines.add(reject);
      const answered = (reply: T) => {
        if (waiting.done) return;
        waiting.done = true;
        resolve(reply);
      };
      const failed = (cause: unknown) => {
        if (waiting.done) return;
        waiting.done = true;
        this.failures.add();
        if (isLostServer(cause)) this.loseLink(link, cause);
        reject(new StateAwayError("Shared state refused a command.", { sent: true, cause }));
      };
      send(link).then(answered, failed);
    });
  }

  private refuse(message: string): Promise<never> {
    this.failures.add();
    return Promise.reject(new StateAwayError(message, { sent: false }));
  }

  private loseLink(link: Link, error: unknown): void {
    if (this.link === link) this.lose(messageOf(error));
  }

  private lose(reason: string): void {
    const link = this.link;
    if (!link) return;
    this.link = null;
    const livedMs = this.clock.monotonic() - this.linkedAt;
    if (livedMs >= steadyAfterMs) this.probePauseMs = probePauseMsMin;
    this.outages.add();
    this.log.warn("shared state is away", { ...this.about, reason });
    this.failures.add(this.deadlines.failAll(`Shared state is away: ${reason}.`));
    link.close();
    this.recovering = this.recover();
  }

  private async recover(): Promise<void> {
    const since = this.clock.monotonic();
    while (!this.closing.signal.aborted && !this.link) {
      await this.clock.sleep(this.probePauseMs, this.closing.signal);
      this.probePauseMs = Math.min(this.probePauseMs * 2, probePauseMsMax);
      const link = await this.connect().catch(() => null);
      if (link) this.adopt(link);
    }
    const awayMs = Math.round(this.clock.monotonic() - since);
    if (this.link) this.log.info("shared state answers again", { ...this.about, away_ms: awayMs });
  }

  private async connect(): Promise<Link> {
    const link = new Link(this.url);
    try {
      await link.open();
      for (const topic of this.topics.names()) await this.hear(link, topic);
      return link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  private adopt(link: Link): void {
    if (this.closing.signal.aborted) return link.close();
    this.link = link;
    this.beatHeard = this.linkedAt = this.clock.monotonic();
    link.onLost((error) => this.loseLink(link, error));
    // Whoever began to listen while the link was made.
    for (const topic of this.topics.names()) {
      this.hear(link, topic).catch((error: unknown) => this.loseLink(link, error));
    }
  }

  private hear(link: Link, topic: string): Promise<void> {
    return link.subscribe(channelPrefix + topic, (message) => this.topics.deliver(topic, message));
  }

  /** Notices also the connection that is gone without a word. */
  private beat(topic: string): void {
    if (!this.link) return;
    const silentMs = this.clock.monotonic() - this.beatHeard;
    if (silentMs > beatEveryMs * beatsMissedMax) this.lose("messages do not arrive");
    else this.publish(topic, "");
  }
}
