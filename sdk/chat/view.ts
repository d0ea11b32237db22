import type {
  ChatAttachment,
  ChatBody,
  ChatConversation,
  ChatMember,
  ChatMessage,
  ChatOwn,
  ClientFrame,
} from "./frames.ts";

/**
 * What a screen shows. Snapshots never change: a new state is a new object, and what did not
 * change stays the same object, so that comparing by `===` tells what to draw again.
 */
export type ConnectionView = {
  /**
   * `stopped` before `connect`, after `close`, and where coming back is no use (see `error`).
   * `connecting` until the state of the server is here, `offline` while waiting to try again,
   * `draining` when this server process ends and the next one is about to be asked.
   */
  state: "stopped" | "connecting" | "online" | "offline" | "draining";
  /** `stream` where WebSockets do not get through. */
  via: "socket" | "stream";
  /** When the next attempt is made, in ms since 1970, while `offline`. */
  retry_at: number | null;
  /** Why the last connection ended, or was refused. */
  error: { code: string; message: string } | null;
};

export type PresenceView = {
  status: "active" | "away" | "offline";
  last_seen_at: string | null;
};

/** A line of the list. */
export type ConversationSummary = {
  id: string;
  conversation: ChatConversation;
  own: ChatOwn;
  /** The other person of a direct conversation. */
  peer: { account_id: string; name: string } | null;
  /** What to call it: its title, or the name of the other person. */
  title: string;
  /** One's own that is not sent yet is the last one too. */
  last_message: MessageView | null;
  /** Of what is known here: also messages read offline are read. */
  unread: number;
  /** Who types now, without oneself. */
  typing: readonly string[];
  /** Messages of one's own that wait or failed. */
  unsent: number;
  /** ISO 8601; the list is ordered by it, newest first. */
  last_activity_at: string;
};

export type ChatSnapshot = {
  connection: ConnectionView;
  /** Null until the first connection, unless the storage knows it. */
  account_id: string | null;
  /** Whether `conversations` is a list at all: from the storage, or from the server. */
  loaded: boolean;
  /** Newest activity first, archived ones too. */
  conversations: readonly ConversationSummary[];
  /** Conversations with unread messages that are neither muted nor archived. */
  unread_conversations: number;
  /** Of those who are watched. */
  presence: ReadonlyMap<string, PresenceView>;
};

/**
 * `pending` is shown at once and sent as soon as that is possible, `failed` was refused and waits
 * for `retry` or `discard`. `delivered` and `read`: by every other member.
 */
export type MessageStatus = "pending" | "failed" | "sent" | "delivered" | "read";

export type MessageView = Omit<ChatMessage, "seq" | "id"> & {
  /** Stays the same from the moment of sending on: a key for lists. */
  key: string;
  /** Null while it is `pending` or `failed`. */
  seq: number | null;
  id: string | null;
  mine: boolean;
  /** For messages of others always `sent`. */
  status: MessageStatus;
  /** How many other members have it; null where that is not known. */
  receipts: { delivered: number; read: number } | null;
  /** Why it `failed`, or what a `pending` one waits for. */
  error: { code: string; message: string } | null;
};

export type ConversationSnapshot = {
  /** Null while unknown, and once one is no member any more. */
  summary: ConversationSummary | null;
  /** By `seq` and without holes, and those that wait to be sent behind, while at the newest. */
  messages: readonly MessageView[];
  has_older: boolean;
  has_newer: boolean;
  loading: "latest" | "older" | "newer" | "around" | null;
  /** Of the last load. */
  error: { code: string; message: string } | null;
  typing: readonly string[];
  /** Once `loadMembers` was called; kept current then. */
  members: readonly ChatMember[] | null;
  /** How far each member is, where the server says so: direct conversations and small groups. */
  receipts: readonly { account_id: string; delivered_seq: number; read_seq: number }[];
};

/** What a message is made of. Text, attachments or a poll: one of them at least. */
export type NewMessage = {
  text?: string;
  mentions?: string[];
  /** As `upload` gave them. */
  attachments?: ChatAttachment[];
  poll?: NewBody["poll"];
  reply_to_seq?: number;
  thread_seq?: number;
};

export type NewBody = Extract<ClientFrame, { type: "send" }>["body"];

export type { ChatBody };
