import { callerOf, type Caller } from "../api.ts";
import { baseOf } from "../transport.ts";
import type { ChatOptions } from "./client.ts";
import { indexedDbStorage } from "./indexed-db.ts";
import { openSocket, type Carrier, type Heard } from "./socket.ts";
import { memoryStorage, type ChatStorage } from "./storage.ts";
import { openStream } from "./stream.ts";
import type { Effect, Input } from "./inputs.ts";
import { createMachine, nextDue, step } from "./machine.ts";
import { answerTo, refusalOf } from "./questions.ts";
import type { Machine } from "./state.ts";
import { Views } from "./views.ts";

/** Timers of more than 2^31 ms end at once. */
const timerMsMax = 60_000;

/** The machine in the world: its effects carried out, and what comes of them told to it. */
export class Runtime {
  readonly api: Caller;
  readonly views: Views;
  private readonly options: ChatOptions;
  private readonly machine: Machine;
  private storage: ChatStorage;
  private stored: Promise<void> = Promise.resolve();
  private carrier: { link: number; carrier: Carrier } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loading = false;
  private readonly listListeners = new Set<() => void>();
  private readonly roomListeners = new Map<string, Set<() => void>>();
  private readonly stopWatching: () => void;

  constructor(options: ChatOptions) {
    this.options = options;
    this.api = callerOf(options);
    this.storage = options.storage ?? defaultStorage(options);
    this.machine = createMachine({
      random: Math.random,
      deviceId: crypto.randomUUID(),
      hasSockets: (options.WebSocket ?? globalThis.WebSocket) !== undefined,
      ...(options.deviceName === undefined ? {} : { deviceName: options.deviceName }),
    });
    this.views = new Views(this.machine);
    this.stopWatching = watchSurroundings((type) => this.tell({ type }));
  }

  connect(): void {
    this.tell({ type: "connect" });
    if (this.loading) return;
    this.loading = true;
    this.storage.load().then(
      (records) => this.tell({ type: "loaded", records }),
      () => {
        // A browser that keeps nothing, in a private window for one.
        this.storage = memoryStorage();
        this.tell({ type: "loaded", records: new Map() });
      },
    );
  }

  async close({ forget = false } = {}): Promise<void> {
    this.tell({ type: "close" });
    this.stopWatching();
    clearTimeout(this.timer);
    await this.stored;
    if (forget) {
      const records = await this.storage.load();
      await this.storage.store(new Map([...records.keys()].map((key) => [key, undefined])));
    }
    await this.storage.close();
  }

  tell(input: Input): void {
    for (const effect of step(this.machine, input, Date.now())) this.carryOut(effect);
    this.setTimer();
  }

  /** Null where there is no such conversation among one's own. */
  isKnown(id: string): boolean {
    return this.machine.rooms.has(id);
  }

  listen(id: string | null, listener: () => void): () => void {
    const listeners = id === null ? this.listListeners : this.listenersOf(id);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  private listenersOf(id: string): Set<() => void> {
    const known = this.roomListeners.get(id) ?? new Set();
    this.roomListeners.set(id, known);
    return known;
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    const due = nextDue(this.machine);
    if (due === null || this.machine.link.phase === "stopped") return;
    const wait = Math.min(timerMsMax, Math.max(0, due - Date.now()));
    this.timer = setTimeout(() => this.tell({ type: "tick" }), wait);
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case "open":
        return this.open(effect);
      case "close":
        return this.closeLink(effect.link);
      case "transmit":
        if (this.carrier?.link === effect.link) this.carrier.carrier.send(effect.frame);
        return;
      case "ask":
        answerTo(this.api, effect.question).then(
          (answer) => this.tell({ type: "answered", call: effect.call, answer }),
          (error: unknown) => {
            this.tell({ type: "refused", call: effect.call, refusal: refusalOf(error) });
          },
        );
        return;
      case "store":
        // What cannot be stored is still here; a full disk does not stop a conversation.
        this.stored = this.stored.then(() => this.storage.store(effect.records)).catch(() => {});
        return;
      case "changed":
        return this.show(effect);
    }
  }

  private show({ ids }: Effect & { type: "changed" }): void {
    this.views.forget(ids);
    for (const id of ids) for (const listener of this.roomListeners.get(id) ?? []) listener();
    for (const listener of this.listListeners) listener();
  }

  private open({ link, via, refresh }: Effect & { type: "open" }): void {
    const heard: Heard = {
      opened: () => this.tell({ type: "opened", link }),
      received: (frame) => this.tell({ type: "received", link, frame }),
      closed: (code, reason, retry_after_ms) => {
        this.tell({
          ...{ type: "closed", link, code, reason },
          ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
        });
      },
    };
    const { apiKey, getToken, WebSocket: Socket = globalThis.WebSocket } = this.options;
    const url = socketUrl(this.options);
    const carrier =
      via === "stream"
        ? openStream(this.api, heard)
        : openSocket(url, { apiKey, getToken, refresh }, heard, (at) => new Socket(at));
    this.carrier = { link, carrier };
  }

  private closeLink(link: number): void {
    if (this.carrier?.link !== link) return;
    this.carrier.carrier.close();
    this.carrier = null;
  }
}

function socketUrl(options: ChatOptions): string {
  return `${baseOf(options).replace(/^http/, "ws")}/api/v1/chat/socket`;
}

function defaultStorage({ baseUrl = "" }: ChatOptions): ChatStorage {
  const isBrowser = typeof indexedDB !== "undefined";
  return isBrowser ? indexedDbStorage(`stoa-chat ${baseUrl}`) : memoryStorage();
}

/** In a browser: the network comes and goes, and somebody looks at the page again. */
function watchSurroundings(tell: (type: "wake" | "doubt") => void): () => void {
  const page = globalThis.document as Document | undefined;
  if (page === undefined) return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  globalThis.addEventListener("online", () => tell("wake"), { signal });
  globalThis.addEventListener("offline", () => tell("doubt"), { signal });
  // A page that the browser had set aside comes back with sockets that nobody keeps any more.
  globalThis.addEventListener("pageshow", () => tell("wake"), { signal });
  const seen = () => page.visibilityState === "visible" && tell("wake");
  page.addEventListener("visibilitychange", seen, { signal });
  return () => stop.abort();
}
