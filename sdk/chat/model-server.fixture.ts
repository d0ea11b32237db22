import type {
  ChatConversation,
  ChatListed,
  ChatMessage,
  ClientFrame,
  ServerFrame,
} from "./frames.ts";
import type { Answer, Question, Refusal } from "./inputs.ts";

/**
 * What the protocol means, over plain arrays, and nothing of how Stoa does it. What it holds is
 * what a server has on disk: a restart ends the connections and keeps all this.
 */
const changesPage = 5;
const historyPage = 7;
const listedPage = 2;
const time = "2026-01-01T00:00:00.000Z";

type Member = { from: number; read: number; delivered: number; draft: string | null };
export type ModelRoom = {
  id: string;
  rev: number;
  membersRev: number;
  messages: ChatMessage[];
  members: Map<string, Member>;
};
export type ModelLink = {
  account: string | null;
  deliver: (frame: ServerFrame) => void;
  end: (code: number) => void;
};

export class ModelServer {
  readonly rooms = new Map<string, ModelRoom>();
  readonly links = new Set<ModelLink>();
  private readonly selfRevs = new Map<string, number>();
  /** What was told once is told again. */
  private readonly acks = new Map<string, ServerFrame & { type: "ack" }>();

  createRoom(id: string, accounts: readonly string[]): void {
    const room: ModelRoom = { id, rev: 0, membersRev: 0, messages: [], members: new Map() };
    this.rooms.set(id, room);
    for (const account of accounts) this.join(id, account);
  }

  join(id: string, account: string): void {
    const room = this.room(id);
    if (room.members.has(account)) return;
    const from = room.messages.length;
    room.members.set(account, { from, read: from, delivered: from, draft: null });
    this.membersMoved(room);
    this.own(account, [id]);
  }

  leave(id: string, account: string): void {
    const room = this.room(id);
    if (!room.members.delete(account)) return;
    this.membersMoved(room);
    this.own(account, [id]);
  }

  receive(link: ModelLink, frame: ClientFrame): void {
    const { account } = link;
    if (frame.type === "hello") return this.greet(link, frame.device_id);
    if (account === null) return link.end(4401);
    if (frame.type === "ping") {
      const self_rev = this.selfRevs.get(account) ?? 0;
      const tops: [string, number, number, number][] = [];
      for (const room of this.roomsOf(account)) {
        tops.push([room.id, room.messages.length, room.rev, 0]);
      }
      return link.deliver({ type: "beat", self_rev, tops });
    }
    if (frame.type === "send") {
      const answer = this.send(account, frame);
      return link.deliver(answer);
    }
    if (frame.type === "receipt") this.mark(account, frame);
  }

  /** An account is the part of its device's name before the dash. */
  private greet(link: ModelLink, deviceId: string): void {
    const account = deviceId.split("-")[0] as string;
    link.account = account;
    this.links.add(link);
    const self_rev = this.selfRevs.get(account) ?? 0;
    const session = { session_id: "s", heartbeat_ms: 10_000, server_time: time };
    link.deliver({ type: "welcome", v: 1, account_id: account, self_rev, ...session });
    const listed = this.roomsOf(account).map((room) => this.listed(room, account));
    for (let n = 0; n < listed.length; n += listedPage) {
      link.deliver({ type: "listed", items: listed.slice(n, n + listedPage) });
    }
    link.deliver({ type: "ready" });
  }

  send(account: string, frame: ClientFrame & { type: "send" }): ServerFrame {
    const room = this.rooms.get(frame.conversation_id);
    const key = `${frame.conversation_id}/${account}/${frame.client_msg_id}`;
    const known = this.acks.get(key);
    if (known) return known;
    const member = room?.members.get(account);
    if (!room || !member) {
      const refused = { code: "chat.not_found", message: "no", ref: frame.client_msg_id };
      return { type: "error", ...refused };
    }
    const seq = room.messages.length + 1;
    const message: ChatMessage = {
      ...{ conversation_id: room.id, seq, rev: ++room.rev, id: `${room.id}${seq}` },
      ...{ sender_id: account, client_msg_id: frame.client_msg_id, by_program: false },
      body: { ...frame.body, text: frame.body.text ?? "", poll: undefined },
      ...{ reply_to_seq: null, thread_seq: null, reply_count: 0, extra: {} },
      ...{ created_at: time, edited_at: null, deleted_at: null },
      ...{ pinned_at: null, expires_at: null },
    };
    room.messages.push(message);
    member.read = seq;
    const { client_msg_id } = frame;
    const numbers = { seq, rev: message.rev, created_at: time, server_msg_id: message.id };
    const ack = { type: "ack" as const, conversation_id: room.id, client_msg_id, ...numbers };
    this.acks.set(key, ack);
    this.publish(room, { type: "message", rev: message.rev, message });
    return ack;
  }

  edit(account: string, id: string, seq: number, text: string): ChatMessage | null {
    const room = this.room(id);
    const old = room.messages[seq - 1];
    if (!old || !room.members.has(account)) return null;
    const message = { ...old, rev: ++room.rev, body: { text }, edited_at: time };
    room.messages[seq - 1] = message;
    this.publish(room, { type: "message", rev: message.rev, message });
    return message;
  }

  private mark(account: string, frame: ClientFrame & { type: "receipt" }): void {
    const room = this.rooms.get(frame.conversation_id);
    const member = room?.members.get(account);
    if (!room || !member) return;
    const top = room.messages.length;
    member.delivered = Math.max(member.delivered, Math.min(top, frame.delivered_seq ?? 0));
    const read = Math.min(top, frame.read_seq ?? 0);
    if (read <= member.read) return;
    member.read = read;
    this.own(account, [room.id]);
  }

  answer(account: string, question: Question): Answer | Refusal {
    const room = this.rooms.get(question.id);
    const member = room?.members.get(account);
    if (!room || !member) return { status: 404, code: "chat.not_found", message: "no" };
    switch (question.what) {
      case "changes":
        return this.changes(room, member, question.since);
      case "history":
        return { what: "history", items: this.history(room, member, question) };
      case "conversation":
        return { what: "conversation", listed: this.listed(room, account) };
      case "receipts":
        return {
          what: "receipts",
          receipts: { conversation_id: room.id, receipts_rev: 0, levels: [] },
        };
      case "members":
        return { what: "members", items: [] };
      case "draft":
        member.draft = question.text;
        return { what: "draft" };
    }
  }

  draftOf(id: string, account: string): string | null | undefined {
    return this.rooms.get(id)?.members.get(account)?.draft;
  }

  private changes(room: ModelRoom, { from }: Member, since: number): Answer {
    const changed = room.messages.filter((each) => each.rev > since && each.seq > from);
    const sorted = changed.toSorted((a, b) => a.rev - b.rev);
    const more = sorted.length > changesPage;
    const page = sorted.slice(0, changesPage);
    const rev = more ? (page.at(-1)?.rev as number) : room.rev;
    const frames: ServerFrame[] = page.map((message) => ({
      ...{ type: "message", rev: message.rev, message },
    }));
    frames.push({ type: "conversation", rev, conversation: this.conversation(room) });
    return { what: "changes", frames, rev, more };
  }

  private history(
    room: ModelRoom,
    { from }: Member,
    { before, after, around }: Question & { what: "history" },
  ): ChatMessage[] {
    const all = room.messages.slice(from);
    if (before !== undefined) return all.filter((m) => m.seq < before).slice(-historyPage);
    if (after !== undefined) return all.filter((m) => m.seq > after).slice(0, historyPage);
    if (around === undefined) return all.slice(-historyPage);
    const at = Math.max(0, around - from - 3);
    return all.slice(at, at + historyPage);
  }

  unread(id: string, account: string): number {
    const room = this.room(id);
    const member = room.members.get(account) as Member;
    return room.messages.length - Math.max(member.read, member.from);
  }

  roomsOf(account: string): ModelRoom[] {
    return [...this.rooms.values()].filter((room) => room.members.has(account));
  }

  room(id: string): ModelRoom {
    return this.rooms.get(id) as ModelRoom;
  }

  private conversation(room: ModelRoom): ChatConversation {
    return {
      ...{ id: room.id, kind: "group", title: room.id, description: "", created_by: "a" },
      ...{ pair: null, top_seq: room.messages.length, rev: room.rev, members_rev: room.membersRev },
      ...{ receipts_rev: 0, member_count: room.members.size, send_by: "members" },
      ...{ slow_mode_seconds: 0, disappear_seconds: null, publishes_events: false },
      ...{ last_message_at: room.messages.at(-1)?.created_at ?? null, created_at: time },
    };
  }

  private listed(room: ModelRoom, account: string): ChatListed {
    const member = room.members.get(account) as Member;
    const { from, read, delivered, draft } = member;
    const last = room.messages.at(-1) ?? null;
    return {
      conversation: this.conversation(room),
      own: {
        ...{ role: "member", from_seq: from, delivered_seq: delivered, read_seq: read },
        ...{ unread: this.unread(room.id, account), muted_until: null, archived: false },
        draft: draft === null ? null : { text: draft, updated_at: "" },
      },
      peer: null,
      last_message: last && last.seq > from ? last : null,
    };
  }

  private membersMoved(room: ModelRoom): void {
    room.membersRev = ++room.rev;
    const conversation = this.conversation(room);
    this.publish(room, { type: "conversation", rev: room.rev, conversation });
  }

  /** Something of the account's own changed: its state as it is now, for all its devices. */
  private own(account: string, ids: readonly string[]): void {
    const since = this.selfRevs.get(account) ?? 0;
    this.selfRevs.set(account, since + 1);
    const is = (id: string) => this.room(id).members.has(account);
    const items = ids.filter(is).map((id) => this.listed(this.room(id), account));
    const gone = ids.filter((id) => !is(id));
    const frame: ServerFrame = { type: "self", since, self_rev: since + 1, items, gone };
    for (const link of this.links) if (link.account === account) link.deliver(frame);
  }

  private publish(room: ModelRoom, frame: ServerFrame): void {
    for (const link of this.links) {
      if (link.account !== null && room.members.has(link.account)) link.deliver(frame);
    }
  }
}
