import type { Principal } from "../../../platform/auth/principal.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Limits } from "../../limits/contract.ts";
import { liveChannel } from "./roll.ts";

/**
 * Clicks as they are rolled up, pushed to whoever watches. A process that holds a stream puts
 * its owner into links.click_watchers; whichever process rolls up then notifies, in the same
 * transaction, of what it counted for watched owners. With nobody watching it costs nothing.
 */
export const streamsMax = 1_000;
const fullRetrySeconds = 5;
const heartbeatMs = 15_000;
const watchSeconds = 40;
const watchMs = 10_000;
const unlistenMs = 1_000;
/** Clients return with fresh credentials, so that a revoked one does not watch for ever. */
const streamLifeMs = 600_000;
/** A client that does not read is cut off after so many unread messages. */
const unreadMax = 100;

/** A page open in so many tabs; more would take the places of other owners. */
const streamsRule = "links.live_streams";

export type LiveDeps = { db: Db; clock: Clock; log: Log; limits: Limits };

type Stream = { send(text: string): void };

export class Live {
  private readonly db: Db;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly limits: Limits;
  private readonly watcher: string = crypto.randomUUID();
  private readonly streams = new Map<string, Set<Stream>>();
  private readonly stopping = new AbortController();
  private readonly encoder = new TextEncoder();
  private open = 0;
  private watching = false;
  private listening: Promise<() => Promise<void>> | null = null;

  constructor({ db, clock, log, limits }: LiveDeps) {
    this.db = db;
    this.clock = clock;
    this.log = log;
    this.limits = limits;
  }

  /** An event stream of the caller's clicks, until the client or this process goes. */
  async stream({ account_id: owner, tier }: Principal, signal: AbortSignal): Promise<Response> {
    this.requirePlace();
    const { refusal, giveBack } = await this.limits.take(streamsRule, { user: owner, tier });
    if (refusal) throw refusal;
    try {
      await this.listen();
      await this.watch([owner]);
      // Others that asked at the same time may have been faster.
      this.requirePlace();
      return this.answer(owner, signal, () => void giveBack().catch(() => {}));
    } catch (error) {
      await giveBack();
      throw error;
    }
  }

  private answer(owner: string, signal: AbortSignal, left: () => void): Response {
    return new Response(this.add(owner, signal, left), {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        // nginx would collect the events otherwise.
        "x-accel-buffering": "no",
      },
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const unlisten = async () => await (await this.listening)?.();
    // A database that is away cannot be told, and need not be.
    await Promise.race([unlisten().catch(() => {}), this.clock.sleep(unlistenMs)]);
  }

  private requirePlace(): void {
    if (this.open < streamsMax && !this.stopping.signal.aborted) return;
    const message = `This process already serves ${streamsMax} live streams.`;
    throw new AppError("server.busy", message, { retryAfterSeconds: fullRetrySeconds });
  }

  private async listen(): Promise<void> {
    this.listening ??= this.db.listen(
      liveChannel,
      (payload) => this.heard(payload),
      () => {},
    );
    try {
      await this.listening;
    } catch (error) {
      this.listening = null;
      throw error;
    }
  }

  private heard(payload: string): void {
    const { owner_id, ...counts } = JSON.parse(payload) as { owner_id: string };
    const at = new Date(this.clock.now()).toISOString();
    const text = `event: clicks\ndata: ${JSON.stringify({ at, ...counts })}\n\n`;
    for (const stream of this.streams.get(owner_id) ?? []) stream.send(text);
  }

  private async watch(owners: string[]): Promise<void> {
    await this.db.write(
      (tx) => tx.run`
      INSERT INTO links.click_watchers (owner_id, watcher, until)
      SELECT owner_id, ${this.watcher}::uuid, now() + make_interval(secs => ${watchSeconds})
      FROM unnest(${tx.array(owners, "int8")}) AS t (owner_id)
      ON CONFLICT (owner_id, watcher) DO UPDATE SET until = excluded.until`,
    );
  }

  private async keepWatching(): Promise<void> {
    if (this.watching) return;
    this.watching = true;
    while (this.open > 0 && !this.stopping.signal.aborted) {
      await this.clock.sleep(watchMs, this.stopping.signal);
      if (this.open === 0) break;
      await this.watch([...this.streams.keys()]).catch((error: unknown) => {
        this.log.warn("live counts are not asked for at the moment", { error });
      });
    }
    this.watching = false;
  }

  private add(owner: string, signal: AbortSignal, left: () => void): ReadableStream<Uint8Array> {
    let end = () => {};
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const send = (text: string) => {
        if ((controller.desiredSize ?? 0) <= 0) return end();
        controller.enqueue(this.encoder.encode(text));
      };
      end = this.enter(owner, { send }, () => {
        try {
          controller.close();
        } catch {
          // The client was faster.
        }
        left();
      });
      for (const gone of [signal, this.stopping.signal]) {
        gone.addEventListener("abort", () => end(), { once: true });
      }
      send("retry: 2000\n\n");
    };
    return new ReadableStream<Uint8Array>(
      { start, cancel: () => end() },
      { highWaterMark: unreadMax },
    );
  }

  /** Adds a stream; returns how to end it, once. */
  private enter(owner: string, stream: Stream, close: () => void): () => void {
    const owned = this.streams.get(owner) ?? new Set<Stream>();
    this.streams.set(owner, owned.add(stream));
    this.open++;
    const heartbeat = setInterval(() => stream.send(": here\n\n"), heartbeatMs);
    const life = setTimeout(() => end(), streamLifeMs);
    const end = () => {
      if (!owned.delete(stream)) return;
      clearInterval(heartbeat);
      clearTimeout(life);
      if (owned.size === 0 && this.streams.get(owner) === owned) this.streams.delete(owner);
      this.open--;
      close();
    };
    void this.keepWatching();
    return end;
  }
}
