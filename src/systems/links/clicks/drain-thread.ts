import type { Log } from "../../../platform/log/log.ts";
import type { Progress } from "./drainer.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker.ts";

/** The main thread's end of the drainer: starts it, starts it again should it fail, asks it. */
const restartDelayMs = 1_000;

export type DrainThreadOptions = {
  start: Omit<WorkerStart, "type">;
  log: Log;
  progress(progress: Progress): void;
  key(day: number, key: Uint8Array): void;
};

export class DrainThread {
  private readonly options: DrainThreadOptions;
  private readonly firstReady = Promise.withResolvers<void>();
  private readonly stopped = Promise.withResolvers<boolean>();
  private readonly settling = new Map<number, PromiseWithResolvers<void>>();
  private worker: Worker | null = null;
  private stopping = false;
  private calls = 0;

  constructor(options: DrainThreadOptions) {
    this.options = options;
    this.spawn();
  }

  /** Resolves once it has looked for the database, whether that was there or not. */
  ready(): Promise<void> {
    return this.firstReady.promise;
  }

  wake(): void {
    this.post({ type: "wake" });
  }

  async settle(): Promise<void> {
    const call = Promise.withResolvers<void>();
    this.settling.set(++this.calls, call);
    this.post({ type: "settle", call: this.calls });
    await call.promise;
  }

  /** True when the whole spool was drained and removed before the deadline. */
  async stop(deadline: AbortSignal): Promise<boolean> {
    this.stopping = true;
    if (!this.worker) return false;
    const late = Promise.withResolvers<boolean>();
    const giveUp = () => late.resolve(false);
    deadline.addEventListener("abort", giveUp);
    if (deadline.aborted) giveUp();
    this.post({ type: "stop" });
    const drained = await Promise.race([this.stopped.promise, late.promise]);
    deadline.removeEventListener("abort", giveUp);
    this.worker.terminate();
    return drained;
  }

  private post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  private spawn(): void {
    const { log } = this.options;
    const worker = new Worker(new URL("./worker.ts", import.meta.url).href);
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.hear(data));
    worker.addEventListener("error", (event) => {
      log.error("the click drainer failed", { error: event.message });
    });
    worker.addEventListener("close", () => this.ended());
    this.worker = worker;
    this.post({ type: "start", ...this.options.start });
  }

  private ended(): void {
    this.stopped.resolve(false);
    if (this.stopping) return;
    this.worker = null;
    for (const call of this.settling.values()) call.reject(new Error("the click drainer ended"));
    this.settling.clear();
    setTimeout(() => {
      if (!this.stopping) this.spawn();
    }, restartDelayMs);
  }

  private hear(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        return this.firstReady.resolve();
      case "key":
        return this.options.key(message.day, message.key);
      case "log":
        return this.options.log[message.level](message.message, message.fields);
      case "progress":
        return this.options.progress(message.progress);
      case "stopped":
        return this.stopped.resolve(true);
      case "settled": {
        const call = this.settling.get(message.call);
        this.settling.delete(message.call);
        if (message.error === null) call?.resolve();
        else call?.reject(new Error(message.error));
      }
    }
  }
}
