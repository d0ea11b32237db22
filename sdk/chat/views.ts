import type { ChatMessage } from "./frames.ts";
import { draftOf, readSeq, unreadOf } from "./marks.ts";
import { unsentOf } from "./outbox.ts";
import type { Machine, Room, Unsent } from "./state.ts";
import type {
  ChatSnapshot,
  ConnectionView,
  ConversationSnapshot,
  ConversationSummary,
  MessageView,
} from "./view.ts";
import { hasOlder, shownMessages } from "./window.ts";

/** Snapshots of a machine, each made once until what it shows changes. */
export class Views {
  private readonly machine: Machine;
  private list: ChatSnapshot | null = null;
  private readonly summaries = new Map<string, ConversationSummary>();
  private readonly rooms = new Map<string, ConversationSnapshot>();
  private readonly messages = new WeakMap<ChatMessage, MessageView>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  forget(ids: readonly string[]): void {
    this.list = null;
    for (const id of ids) {
      this.summaries.delete(id);
      this.rooms.delete(id);
    }
  }

  chat(): ChatSnapshot {
    return (this.list ??= this.makeChat());
  }

  conversation(id: string): ConversationSnapshot {
    const known = this.rooms.get(id);
    if (known) return known;
    const made = this.makeConversation(id);
    this.rooms.set(id, made);
    return made;
  }

  private makeChat(): ChatSnapshot {
    const { machine } = this;
    const conversations = [...machine.rooms.values()]
      .map((room) => this.summary(room))
      .toSorted((a, b) => (a.last_activity_at < b.last_activity_at ? 1 : -1));
    const calling = conversations.filter(({ unread, own }) => {
      const muted = own.muted_until !== null && Date.parse(own.muted_until) > machine.now;
      return unread > 0 && !muted && !own.archived;
    });
    return {
      connection: connectionOf(machine),
      account_id: machine.accountId,
      loaded: machine.listLoaded,
      conversations,
      unread_conversations: calling.length,
      presence: machine.presence,
    };
  }

  private summary(room: Room): ConversationSummary {
    const known = this.summaries.get(room.id);
    if (known) return known;
    const { conversation, own, peer, last } = room;
    const unsent = unsentOf(this.machine, room.id);
    const waiting = unsent.at(-1);
    const shown = last && this.message(room, last);
    const text = draftOf(room);
    const draft = text === null ? null : { text, updated_at: own.draft?.updated_at ?? "" };
    const made: ConversationSummary = {
      id: room.id,
      conversation,
      own: { ...own, read_seq: readSeq(room), unread: unreadOf(room), draft },
      peer,
      title: conversation.title || (peer?.name ?? ""),
      last_message: waiting ? this.waiting(waiting) : shown,
      unread: unreadOf(room),
      typing: [...room.typing.keys()],
      unsent: unsent.length,
      last_activity_at:
        waiting?.created_at ?? conversation.last_message_at ?? conversation.created_at,
    };
    this.summaries.set(room.id, made);
    return made;
  }

  private makeConversation(id: string): ConversationSnapshot {
    const room = this.machine.rooms.get(id);
    const unsent = unsentOf(this.machine, id).map((each) => this.waiting(each));
    if (!room) return { ...nothing, messages: unsent };
    const shown = shownMessages(room).map((message) => this.message(room, message));
    const atEnd = room.window?.live ?? false;
    const members = room.members && [...room.members.values()];
    return {
      summary: this.summary(room),
      messages: atEnd || !room.window ? [...shown, ...unsent] : shown,
      has_older: hasOlder(room),
      has_newer: room.window !== null && !atEnd,
      loading: room.load?.kind ?? null,
      error: room.loadError,
      typing: [...room.typing.keys()],
      members: members && members.filter((member) => member.left_at === null),
      receipts: room.receipts?.members ?? [],
    };
  }

  /** The same object while neither the message nor its ticks changed. */
  private message(room: Room, message: ChatMessage): MessageView {
    const mine = message.sender_id === this.machine.accountId;
    const receipts = mine ? levelOf(room, message.seq) : null;
    const status = statusOf(room, receipts);
    const known = this.messages.get(message);
    const same =
      known?.status === status &&
      known.receipts?.delivered === receipts?.delivered &&
      known.receipts?.read === receipts?.read;
    if (known && same) return known;
    const key = `${message.sender_id}/${message.client_msg_id}`;
    const made: MessageView = { ...message, key, mine, status, receipts, error: null };
    this.messages.set(message, made);
    return made;
  }

  private waiting(unsent: Unsent): MessageView {
    const { conversation_id, client_msg_id, created_at, error } = unsent;
    const { reply_to_seq = null, thread_seq = null } = unsent;
    const { poll, text = "", ...body } = unsent.body;
    const sender_id = this.machine.accountId ?? "";
    return {
      ...{ conversation_id, client_msg_id, created_at, error, reply_to_seq, thread_seq },
      ...{ key: `${sender_id}/${client_msg_id}`, seq: null, rev: 0, id: null, sender_id },
      body: { ...body, text, ...(poll && { poll: { ...poll, several: poll.several ?? false } }) },
      ...{ by_program: false, reply_count: 0, extra: {}, edited_at: null, deleted_at: null },
      ...{ pinned_at: null, expires_at: null, mine: true, receipts: null },
      status: unsent.state === "failed" ? "failed" : "pending",
    };
  }
}

const nothing: ConversationSnapshot = {
  ...{ summary: null, messages: [], has_older: false, has_newer: false, loading: null },
  ...{ error: null, typing: [], members: null, receipts: [] },
};

const stateOf = {
  stopped: "stopped",
  waiting: "offline",
  opening: "connecting",
  listing: "connecting",
  online: "online",
} as const;

function connectionOf({ link }: Machine): ConnectionView {
  const { phase, via, error, retryAt } = link;
  const state = link.draining ? "draining" : stateOf[phase];
  return { state, via, retry_at: phase === "waiting" ? retryAt : null, error };
}

/** A seq that is not listed has the counts of the next one above; above all there are none. */
function levelOf(room: Room, seq: number): MessageView["receipts"] {
  if (!room.receipts) return null;
  const above = room.receipts.levels.filter((level) => level.seq >= seq);
  const next = above.toSorted((a, b) => a.seq - b.seq)[0];
  return { delivered: next?.delivered ?? 0, read: next?.read ?? 0 };
}

function statusOf(room: Room, receipts: MessageView["receipts"]): MessageView["status"] {
  const others = room.conversation.member_count - 1;
  if (!receipts || others < 1) return "sent";
  if (receipts.read >= others) return "read";
  return receipts.delivered >= others ? "delivered" : "sent";
}
