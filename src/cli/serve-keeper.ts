import { join } from "node:path";
import { tieToUs } from "../platform/db/embedded-runner.ts";
import type { Log } from "../platform/log/log.ts";
import { CommandError, type Env } from "./call.ts";
import type { Greeting } from "./serve-greeting.ts";
import { overdueMs, type FromProcess, type ToProcess } from "./serve-messages.ts";
import { Pulse } from "./serve-pulse.ts";

export type KeeperOptions = {
  number: number;
  env: Env;
  start: ToProcess & { kind: "start" };
  graceMs: number;
  silenceMsMax: number;
  log: Log;
  /** The metrics of all processes. */
  collect(): Promise<string>;
};

/** So many deaths within the window, and starting it again does not help. */
const deathsMax = 5;
const deathsWindowMs = 60_000;
const restartDelayMs = 50;
const renderMsMax = 1_000;

const program = join(import.meta.dir, "../main.ts");

/**
 * Keeps one of several processes running: a death is answered by a start, after a growing pause,
 * and one that hangs is killed.
 * It cannot outlive us: it is told by a signal where the system has that, and by the end of the
 * channel between us.
 */
export class Keeper {
  restarts = 0;
  private readonly options: KeeperOptions;
  private readonly tie = tieToUs("TERM");
  private readonly firstReady = Promise.withResolvers<Greeting>();
  private readonly givenUp = Promise.withResolvers<Error>();
  private readonly asked = new Map<number, (text: string) => void>();
  private child: Child | null = null;
  private pulse: Pulse | null = null;
  private state: "starting" | "ready" | "gone" = "gone";
  private wasReady = false;
  private stopping = false;
  private asks = 0;
  private deaths: number[] = [];
  private restarting: ReturnType<typeof setTimeout> | null = null;

  constructor(options: KeeperOptions) {
    this.options = options;
  }

  /** Resolves when it keeps dying and is not started any more. */
  get fatal(): Promise<Error> {
    return this.givenUp.promise;
  }

  get isReady(): boolean {
    return this.state === "ready";
  }

  /** A first start that fails is not tried again: whoever waits for it is told. */
  start(): Promise<Greeting> {
    this.launch();
    return this.firstReady.promise;
  }

  /** Its own metrics; null when it does not answer in time. */
  async render(): Promise<string | null> {
    if (!this.isReady) return null;
    const ask = ++this.asks;
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.asked.set(ask, resolve);
    const timer = setTimeout(resolve, renderMsMax, null);
    this.tell({ kind: "render", ask });
    const text = await promise;
    clearTimeout(timer);
    this.asked.delete(ask);
    return text;
  }

  /** Lets it drain; false when it did not end well. */
  async stop(): Promise<boolean> {
    this.stopping = true;
    if (this.restarting) clearTimeout(this.restarting);
    const { child } = this;
    if (!child) return true;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), this.options.graceMs + overdueMs);
    await child.exited;
    clearTimeout(late);
    return child.exitCode === 0;
  }

  kill(): void {
    this.stopping = true;
    this.child?.kill("SIGKILL");
  }

  private launch(): void {
    const { number, env, start } = this.options;
    this.restarting = null;
    const command = [process.execPath, ...process.execArgv, program, "serve-process"];
    const child: Child = Bun.spawn([...this.tie, ...command, String(number)], {
      env,
      // Its own session: Ctrl-C in a terminal must reach us alone, who then stop it in order.
      detached: true,
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      serialization: "json",
      ipc: (message: FromProcess) => this.hear(message),
    });
    this.child = child;
    this.state = "starting";
    this.tell(start);
    this.pulse = this.pulseOf(child);
    void child.exited.then(() => this.ended(child));
  }

  private pulseOf(child: Child): Pulse {
    const { number, log, silenceMsMax } = this.options;
    return new Pulse({
      silenceMsMax,
      ask: () => this.tell({ kind: "beat" }),
      silent() {
        log.error("a process is silent; killing it", { silent: number, silence_ms: silenceMsMax });
        child.kill("SIGKILL");
      },
    });
  }

  private hear(message: FromProcess): void {
    switch (message.kind) {
      case "beat":
        return this.pulse?.heard();
      case "ready":
        this.state = "ready";
        this.wasReady = true;
        return this.firstReady.resolve(message.greeting);
      case "rendered":
        return this.asked.get(message.ask)?.(message.text);
      case "collect":
        void this.options.collect().then((text) => this.tell({ kind: "merged", text }));
    }
  }

  private tell(message: ToProcess): void {
    try {
      this.child?.send(message);
    } catch {
      // It is about to be gone, which its exit tells.
    }
  }

  private ended(child: Child): void {
    const { number, log } = this.options;
    this.child = null;
    this.pulse?.stop();
    this.state = "gone";
    if (this.stopping) return;
    const how = child.signalCode ?? `code ${child.exitCode}`;
    if (!this.wasReady) {
      const message = `process ${number} ended with ${how} before it was ready`;
      return this.firstReady.reject(new CommandError(message));
    }
    const now = performance.now();
    this.deaths = this.deaths.filter((time) => now - time < deathsWindowMs);
    this.deaths.push(now);
    const { length } = this.deaths;
    if (length > deathsMax) {
      const seconds = deathsWindowMs / 1000;
      const message = `process ${number} died ${length} times within ${seconds} s, by ${how}`;
      return this.givenUp.resolve(new CommandError(message));
    }
    const pauseMs = restartDelayMs * 2 ** length;
    log.error("a process died; starting it again", { died: number, how, pause_ms: pauseMs });
    this.restarting = setTimeout(() => {
      this.restarts++;
      this.launch();
    }, pauseMs);
  }
}

type Child = Bun.Subprocess<"ignore", "inherit", "inherit">;
