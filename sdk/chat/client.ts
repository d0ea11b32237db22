import type { Body, Reply } from "../api.ts";
import type { CallOptions, StoaOptions } from "../transport.ts";
import type { Page } from "../listing.ts";
import type { ChatAttachment, ChatListed, ChatMember, ChatMessage } from "./frames.ts";
import type { ChatStorage } from "./storage.ts";
import type { UploadAbout } from "./upload.ts";
import type { ChatSnapshot, ConversationSnapshot, NewMessage } from "./view.ts";

/** Something that `useSyncExternalStore(store.subscribe, store.getSnapshot)` of React takes. */
export interface ChatStore<T> {
  /** Returns how to stop listening. */
  subscribe: (listener: () => void) => () => void;
  getSnapshot: () => T;
}

export type ChatOptions = StoaOptions & {
  deviceName?: string;
  /**
   * What outlives this page or process: messages not yet sent, and where this device stands.
   * Default: IndexedDB in a browser, memory elsewhere. Where several people sign in, give
   * `indexedDbStorage` a name for each, so that none sees for a moment what another saw.
   */
  storage?: ChatStorage;
  /** Instead of the global one. */
  WebSocket?: new (url: string) => WebSocket;
};

/**
 * The chat of one account on one device. `getSnapshot` is the list of conversations and how the
 * connection is; each conversation is a store of its own.
 *
 * ```ts
 * const chat = createChat({ baseUrl: "https://chat.example.com", getToken });
 * chat.connect();
 * const room = chat.conversation(id);
 * const close = room.open();
 * room.send({ text: "Hello" });
 * ```
 */
export interface ChatClient extends ChatStore<ChatSnapshot> {
  /** Connects, and stays connected until `close`. While it waits to try again: tries now. */
  connect(): void;
  /**
   * Resolves once the storage holds what was not sent; with `forget`, which is for signing out,
   * once it holds nothing any more. A closed client is not used again.
   */
  close(options?: { forget?: boolean }): Promise<void>;
  /** The same object for the same id. */
  conversation(id: string): ConversationClient;
  /** The direct conversation with somebody, made where there is none. Resolves to its id. */
  openDirect(accountId: string): Promise<string>;
  createConversation(
    of: { kind: "group" | "channel"; title: string; account_ids?: string[] },
    options?: CallOptions,
  ): Promise<string>;
  /** Resolves to the id of the conversation that the invitation is for. */
  join(token: string): Promise<string>;
  /** People by name, tolerant of typing errors. */
  findPeople(text: string, options?: CallOptions): Promise<{ account_id: string; name: string }[]>;
  /** Messages by words, in one conversation or in all. */
  search(
    query: { q: string; conversation_id?: string; cursor?: string; limit?: number },
    options?: CallOptions,
  ): Promise<Page<ChatMessage>>;
  /** The list of those whose presence the snapshot tells is this one. */
  watchPresence(accountIds: readonly string[]): void;
  /** `invisible` also hides when one was last seen. */
  setStatus(status: "active" | "away" | "invisible"): void;
  block(accountId: string): Promise<void>;
  unblock(accountId: string): Promise<void>;
  /** Gives what `send` takes. `kind` follows from the type of the file where it is left out. */
  upload(file: Blob, about?: UploadAbout): Promise<ChatAttachment>;
}

/** One conversation: a store, and what one does in it. Refusals of calls are `StoaError`s. */
export interface ConversationClient extends ChatStore<ConversationSnapshot> {
  readonly id: string;
  /**
   * Says that it is on the screen: loads the newest messages where none are here and hears of a
   * channel live. Returns how to say that it is no longer.
   */
  open(): () => void;
  loadOlder(): void;
  loadNewer(): void;
  loadLatest(): void;
  /** Replaces the messages shown by those around one. */
  loadAround(seq: number): void;

  /** Shown at once, sent when that is possible, once. Returns its `client_msg_id`. */
  send(message: NewMessage): string;
  /** Of one that failed. */
  retry(clientMsgId: string): void;
  /** Gives up one that failed or waits. */
  discard(clientMsgId: string): void;

  /** `mentions` are all that the new text names. */
  edit(seq: number, text: string, mentions?: string[]): Promise<void>;
  delete(seq: number): Promise<void>;
  react(seq: number, emoji: string): Promise<void>;
  unreact(seq: number, emoji: string): Promise<void>;
  pin(seq: number): Promise<void>;
  unpin(seq: number): Promise<void>;
  /** The numbers of the options, from 0. None takes the vote back. */
  vote(seq: number, options: number[]): Promise<void>;
  /** Whoever asked, and those who moderate. */
  closePoll(seq: number): Promise<void>;
  forward(seq: number, toConversationId: string): Promise<void>;
  report(seq: number, about: Body<"post_chat_conversations_id_messages_seq_report">): Promise<void>;
  /** Who has it and who read it. */
  receiptsOf(seq: number, page?: { cursor?: string; limit?: number }): Promise<MessageReceipts>;

  /** Up to this seq, or all that is here. Kept and told later while offline; never goes back. */
  markRead(seq?: number): void;
  /** Call it at each key; it is told as rarely as will do. */
  setTyping(on: boolean): void;
  /** Kept on all devices of the account; null clears it. Told after a pause in typing. */
  setDraft(text: string | null): void;

  /** Fills `members` of the snapshot. */
  loadMembers(): void;
  addMembers(accountIds: string[]): Promise<void>;
  removeMember(accountId: string): Promise<void>;
  setRole(accountId: string, role: ChatMember["role"]): Promise<void>;
  leave(): Promise<void>;
  /** A link that lets whoever has it join. */
  createInvite(
    terms?: Body<"post_chat_conversations_id_invites">,
  ): Promise<Reply<"post_chat_conversations_id_invites">>;
  update(settings: ConversationSettings): Promise<void>;
  mute(until: Date | null): Promise<void>;
  archive(archived: boolean): Promise<void>;
  /** Asks the server for its state now. */
  refresh(): Promise<ChatListed>;
}

/** `disappear_seconds` null: messages stay. */
export type ConversationSettings = Body<"patch_chat_conversations_id">;

export type MessageReceipts = Reply<"get_chat_conversations_id_messages_seq_receipts">;
