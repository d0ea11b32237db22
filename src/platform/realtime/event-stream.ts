import { socketBytesMax, type Transport } from "./transport.ts";

/**
 * An event stream in the place of a WebSocket, for networks that block those. The server takes from
 * it as the client reads, so what it has not taken is its backlog.
 */
export class EventStream implements Transport {
  readonly body: ReadableStream<Uint8Array>;
  readonly topics = new Set<string>();
  private readonly board: StreamBoard;
  private readonly events: { drained(): void; closed(code: number): void };
  private readonly encoder = new TextEncoder();
  private queue: Uint8Array[] = [];
  private bytes = 0;
  private wanted: (() => void) | null = null;
  private ended = false;

  constructor(board: StreamBoard, events: { drained(): void; closed(code: number): void }) {
    this.board = board;
    this.events = events;
    this.body = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.pull(controller), cancel: () => this.end(goneCode) },
      { highWaterMark: 0 },
    );
  }

  get subscriptions(): string[] {
    return [...this.topics];
  }

  /** Each line of an event's data is one frame, as in a WebSocket message. */
  send(text: string): void {
    this.write(`data: ${text.replaceAll("\n", "\ndata: ")}\n\n`);
  }

  subscribe(topic: string): void {
    if (this.ended) return;
    this.topics.add(topic);
    this.board.add(topic, this);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
    this.board.remove(topic, this);
  }

  getBufferedAmount(): number {
    return this.bytes;
  }

  /** A stream has no closing code, so the last event says it. */
  close(code = 1000, reason = ""): void {
    if (this.ended) return;
    this.write(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
    this.end(code);
  }

  terminate(): void {
    this.queue = [];
    this.bytes = 0;
    this.end(goneCode);
  }

  private write(event: string): void {
    if (this.ended) return;
    const chunk = this.encoder.encode(event);
    this.queue.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes > socketBytesMax) return this.terminate();
    this.wake();
  }

  private wake(): void {
    this.wanted?.();
    this.wanted = null;
  }

  private end(code: number): void {
    if (this.ended) return;
    this.ended = true;
    for (const topic of this.topics) this.board.remove(topic, this);
    this.topics.clear();
    this.wake();
    this.events.closed(code);
  }

  private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.queue.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => (this.wanted = resolve));
    }
    const chunk = this.queue.length === 1 ? this.queue[0] : Buffer.concat(this.queue);
    if (this.bytes > 0) controller.enqueue(chunk as Uint8Array);
    this.queue = [];
    this.bytes = 0;
    if (this.ended) return controller.close();
    this.events.drained();
  }
}

/** Who hears what among event streams; for sockets Bun keeps that itself. */
export class StreamBoard {
  private readonly streams = new Map<string, Set<EventStream>>();

  add(topic: string, stream: EventStream): void {
    const present = this.streams.get(topic) ?? new Set();
    this.streams.set(topic, present.add(stream));
  }

  remove(topic: string, stream: EventStream): void {
    const present = this.streams.get(topic);
    if (present?.delete(stream) && present.size === 0) this.streams.delete(topic);
  }

  publish(topic: string, text: string): void {
    for (const stream of this.streams.get(topic) ?? []) stream.send(text);
  }
}

/** As of a WebSocket that broke without a word. */
const goneCode = 1006;
