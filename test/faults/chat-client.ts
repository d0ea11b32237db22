import type { ServerFrame } from "../../src/systems/chat/protocol.ts";
import type { Message } from "../../src/systems/chat/shapes.ts";
import type { ChatPerson } from "./chat-people.ts";
import type { Random } from "./seed.ts";

/**
 * One device on one conversation, as the protocol says a client has to be: it holds a rev, applies
 * what follows it, asks for what is missing, and sends a message again until it is acknowledged.
 * It puts down all that it was told. Smaller than the SDK's, and shares nothing with it, so that
 * one does not hide the other's faults.
 */
export type Ack = Extract<ServerFrame, { type: "ack" }>;

export type ChatClientOptions = {
  /** Asked at each connection: a process may have been replaced. */
  port(): number;
  person: ChatPerson;
  conversationId: string;
  random: Random;
  name?: string;
  /** Whether it asks for what it finds missing; else the server has to fill the gap. */
  asks?: boolean;
  /** Messages that wait for their acknowledgement at once. */
  inFlightMax?: number;
  /** Pause after each message. */
  pauseMs?: number;
};

const backoffFirstMs = 50;
const backoffMsMax = 1_500;
const resendShare = 20;
const pageLimit = 200;
const socketPath = "/api/v1/chat/socket";
/** Nothing was wrong with the message. */
const passing = /^server\.|^request\.rate_limited$|^auth\.required$/;

let clients = 0;

/** Bun's own: the types are those of a browser. */
function breakOff(socket: WebSocket | null): void {
  (socket as (WebSocket & { terminate(): void }) | null)?.terminate();
}

export class ChatClient {
  readonly name: string;
  readonly said = new Set<string>();
  readonly acks = new Map<string, Ack[]>();
  readonly ackedAt = new Map<number, number>();
  readonly refused: string[] = [];
  readonly gaps: string[] = [];
  readonly shown: number[] = [];
  readonly shownAt = new Map<number, number>();
  readonly closes: number[] = [];
  readonly errors: string[] = [];
  /** Frames that waited for an answer when a connection ended by the server's will. */
  cutOff = 0;
  drains = 0;
  resyncs = 0;
  pages = 0;
  ready = false;
  private readonly options: ChatClientOptions;
  private readonly unacknowledged = new Map<string, string>();
  private socket: WebSocket | null = null;
  private cursor = 0;
  private wanted = 0;
  private asking = false;
  /** It has heard a change that followed what it had, since it connected. */
  private following = false;
  private failures = 0;
  private stopped = true;
  private leaving = false;
  private talking = false;
  private talk: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private pinging: ReturnType<typeof setInterval> | null = null;
  private number = 0;

  constructor(options: ChatClientOptions) {
    this.options = options;
    this.name = options.name ?? `client-${++clients}`;
  }

  get waiting(): number {
    return this.unacknowledged.size;
  }

  connect(): void {
    this.stopped = false;
    this.open();
  }

  /** Breaks the connection without a word, as a lost network does; it comes back by itself. */
  breakOff(): void {
    breakOff(this.socket);
  }

  close(): void {
    this.stopped = true;
    this.talking = false;
    if (this.timer) clearTimeout(this.timer);
    breakOff(this.socket);
  }

  startTalking(): void {
    this.talking = true;
    this.talk = this.keepTalking();
  }

  /** Resolves once no message is being made; those under way may still wait for their ack. */
  async stopTalking(): Promise<void> {
    this.talking = false;
    await this.talk;
  }

  say(text: string): string {
    const { conversationId: conversation_id } = this.options;
    const client_msg_id = `${this.name}-${++this.number}`.padEnd(8, "-");
    const frame = { type: "send", conversation_id, client_msg_id, body: { text } };
    this.said.add(client_msg_id);
    this.unacknowledged.set(client_msg_id, JSON.stringify(frame));
    this.transmit(client_msg_id);
    return client_msg_id;
  }

  private async keepTalking(): Promise<void> {
    const { inFlightMax = 2, pauseMs = 5, random } = this.options;
    while (this.talking) {
      if (this.ready && !this.leaving && this.waiting < inFlightMax) {
        const id = this.say(`${this.name} says something, number ${this.number}`);
        // As a client does that lost the acknowledgement.
        if (random.below(resendShare) === 0) this.transmit(id);
      }
      await Bun.sleep(1 + random.below(pauseMs * 2));
    }
  }

  private transmit(id: string): void {
    const frame = this.unacknowledged.get(id);
    if (frame && this.ready && this.socket?.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  private open(): void {
    const socket = new WebSocket(`ws://127.0.0.1:${this.options.port()}${socketPath}`);
    this.socket = socket;
    this.leaving = false;
    socket.addEventListener("open", () => {
      const { person } = this.options;
      const hello = { type: "hello", v: 1, token: person.key, device_id: `device-${this.name}` };
      socket.send(JSON.stringify(hello));
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.socket !== socket) return;
      for (const line of String(data).split("\n")) this.hear(JSON.parse(line) as ServerFrame);
    });
    socket.addEventListener("close", ({ code }) => this.closed(socket, code));
    socket.addEventListener("error", () => {});
  }

  private closed(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.closes.push(code);
    if (code === 1012) this.cutOff += this.waiting;
    this.ready = this.following = false;
    if (this.pinging) clearInterval(this.pinging);
    // Told that coming back is no use, a client stays away.
    if (code >= 4400 && code < 4500) this.refused.push(`${this.name}: closed with ${code}`);
    else if (!this.stopped) this.openLater();
  }

  private openLater(): void {
    const ceiling = Math.min(backoffMsMax, backoffFirstMs * 2 ** Math.min(this.failures++, 10));
    const wait = ceiling / 2 + this.options.random.below(Math.ceil(ceiling / 2));
    this.timer = setTimeout(() => this.open(), wait);
  }

  private hear(frame: ServerFrame): void {
    switch (frame.type) {
      case "listed":
        for (const { conversation } of frame.items) {
          this.standsAt(conversation.id, conversation.rev);
        }
        return;
      case "ready":
        return this.begin();
      case "ack":
        return this.acknowledged(frame);
      case "message":
        return this.change(frame.message.conversation_id, frame.rev, frame.message);
      case "conversation":
        return this.change(frame.conversation.id, frame.rev);
      case "changes":
        return this.changes(frame);
      case "resync":
        this.resyncs++;
        for (const [id, , rev] of frame.tops) this.standsAt(id, rev);
        return;
      case "beat":
        if (this.options.asks === false) return;
        for (const [id, , rev] of frame.tops) this.standsAt(id, rev);
        return;
      case "drain":
        return this.drain(frame.delay_ms);
      case "error":
        return this.failed(frame);
      default:
    }
  }

  private begin(): void {
    this.ready = true;
    this.failures = 0;
    this.pinging = setInterval(() => this.socket?.send('{"type":"ping"}'), 5_000);
    for (const id of this.unacknowledged.keys()) this.transmit(id);
  }

  private acknowledged(ack: Ack): void {
    const before = this.acks.get(ack.client_msg_id) ?? [];
    this.acks.set(ack.client_msg_id, [...before, ack]);
    if (before.length === 0) this.ackedAt.set(ack.seq, performance.now());
    this.unacknowledged.delete(ack.client_msg_id);
  }

  private failed(frame: Extract<ServerFrame, { type: "error" }>): void {
    this.errors.push(frame.code);
    const { ref } = frame;
    if (ref === undefined || !this.unacknowledged.has(ref)) return;
    if (passing.test(frame.code)) {
      setTimeout(() => this.transmit(ref), Math.max(100, frame.retry_after_ms ?? 0));
      return;
    }
    this.unacknowledged.delete(ref);
    this.refused.push(`${ref}: ${frame.code}`);
  }

  private change(id: string, rev: number, message?: Message): void {
    if (id !== this.options.conversationId || rev <= this.cursor) return;
    if (rev > this.cursor + 1) return this.gap(rev);
    this.following = true;
    this.cursor = rev;
    if (message) this.show(message.seq);
  }

  private changes(frame: Extract<ServerFrame, { type: "changes" }>): void {
    if (frame.conversation_id !== this.options.conversationId) return;
    if (frame.rev <= this.cursor) return;
    if (frame.since > this.cursor) return this.gap(frame.since);
    this.apply(frame.frames as ServerFrame[], frame.rev);
  }

  private apply(frames: ServerFrame[], rev: number): void {
    for (const frame of frames) {
      if (frame.type === "message" && frame.rev > this.cursor) this.show(frame.message.seq);
    }
    this.cursor = rev;
  }

  private show(seq: number): void {
    this.shown.push(seq);
    this.shownAt.set(seq, performance.now());
  }

  /**
   * On a live socket each change follows the one before. Right after the list one may come first
   * that the server is still reading the ones before it for.
   */
  private gap(rev: number): void {
    if (this.following && !this.asking && this.resyncs === 0) {
      this.gaps.push(`${this.cursor} to ${rev}`);
    }
    this.standsAt(this.options.conversationId, rev);
  }

  private standsAt(id: string, rev: number): void {
    if (id !== this.options.conversationId || rev <= this.cursor) return;
    this.wanted = Math.max(this.wanted, rev);
    if (!this.asking) void this.ask();
  }

  private async ask(): Promise<void> {
    this.asking = true;
    while (this.cursor < this.wanted && !this.stopped) {
      const page = await this.page().catch(() => null);
      if (page === null) await Bun.sleep(50 + this.options.random.below(200));
      else if (page.rev > this.cursor) this.apply(page.frames, page.rev);
      else this.wanted = this.cursor;
    }
    this.asking = false;
  }

  private async page(): Promise<{ frames: ServerFrame[]; rev: number }> {
    const { conversationId, person } = this.options;
    const path = `/api/v1/chat/conversations/${conversationId}/changes`;
    const url = `http://127.0.0.1:${this.options.port()}${path}?since=${this.cursor}`;
    const reply = await fetch(`${url}&limit=${pageLimit}`, {
      headers: { authorization: `Bearer ${person.key}` },
      signal: AbortSignal.timeout(5_000),
    });
    if (!reply.ok) throw new Error(`changes: ${reply.status}`);
    this.pages++;
    return (await reply.json()) as { frames: ServerFrame[]; rev: number };
  }

  /** Says nothing new, waits for what is under way, and goes when it was told to. */
  private drain(delayMs: number): void {
    this.drains++;
    this.leaving = true;
    const socket = this.socket;
    const goneBy = performance.now() + delayMs;
    const leave = () => {
      if (this.socket !== socket) return;
      if (performance.now() >= goneBy && this.waiting === 0) socket?.close();
      else setTimeout(leave, 10);
    };
    leave();
  }
}
