import type { Principal } from "../../platform/auth/principal.ts";
import type { Reader, Writer } from "../../platform/db/db.ts";
import type { AppError } from "../../platform/errors/errors.ts";
import type { Filters } from "./conversations/filters.ts";
import type { SendFrame, ServerFrame } from "./protocol.ts";
import type { ConversationRow } from "./rows.ts";
import type { Body, Listed } from "./shapes.ts";

/** What the live part asks of the rest of chat. Refusals are AppErrors. */
export type Ack = Extract<ServerFrame, { type: "ack" }>;

/** [conversation, top_seq, rev, receipts_rev] */
export type Top = [id: string, topSeq: number, rev: number, receiptsRev: number];

export interface Sending {
  /** Resolves once the message is durable; the same answer for a resend. */
  send(sender: Principal, frame: Omit<SendFrame, "type">): Promise<Ack>;
}

/**
 * What sending asks of those who keep blocks and filters, for all messages of a transaction at
 * once. Membership, role, bans and slow mode were looked at before.
 */
export interface Admitting {
  /**
   * Why each may not be sent, in its place, or the body to store, where words may be masked (else
   * the very same one). The conversation's row is locked. New bodies of old messages ask as well.
   */
  admit(
    tx: Writer,
    asked: readonly { conversation: ConversationRow; sender_id: string; body: Body }[],
    filters?: FilterSets,
  ): Promise<(AppError | Body)[]>;
  /**
   * The word filters of these conversations, to be asked for together with what locks them, and
   * given to `admit`, which else asks for them itself.
   */
  filtersFor(tx: Reader, conversationIds: readonly string[]): Promise<FilterSets>;
}

/** By conversation, those of the whole install under `everywhere`. */
export type FilterSets = ReadonlyMap<string, Filters>;

/** What sending asks of those who keep uploads. */
export interface Attaching {
  /**
   * Takes the uploads for a message of theirs and fills in what they are. Throws an AppError before
   * it changed anything where one is not the sender's, or was used. `held`: they are in use by
   * something that the sender may see, and are shared.
   */
  attach(
    tx: Writer,
    senderId: string,
    attachments: NonNullable<Body["attachments"]>,
    options?: { held?: boolean },
  ): Promise<NonNullable<Body["attachments"]>>;
}

export interface Marking {
  /** Never goes back. Resolves once it is durable; many share a transaction. */
  mark(
    by: { account_id: string; device_id: string },
    what: { conversation_id: string; delivered_seq?: number; read_seq?: number },
  ): Promise<void>;
}

export interface Listing {
  /** All conversations of an account with what they are to it, most recent first, in pages. */
  pages(accountId: string): AsyncIterable<Listed[]>;
  /** The state of these for an account; what it is no member of is left out. */
  some(accountId: string, conversationIds: readonly string[]): Promise<Listed[]>;
  selfRev(accountId: string): Promise<number>;
  selfRevs(accountIds: readonly string[]): Promise<Map<string, number>>;
  tops(conversationIds: readonly string[]): Promise<Top[]>;
  /** Of a group or direct conversation everyone; null for a channel, which is asked one by one. */
  members(
    conversationId: string,
  ): Promise<{ members_rev: number; account_ids: string[] | null } | null>;
  isMember(conversationId: string, accountId: string): Promise<boolean>;
  /**
   * The frames of what changed after `since`, by rev. It is the latest state of each thing, so revs
   * may be missing where a later one replaced them; `rev` is where it ends.
   */
  changes(conversationId: string, since: number, limit: number): Promise<Changes>;
}

/** What changed after `since`, up to `rev`. */
export interface Changes {
  readonly conversation_id: string;
  readonly since: number;
  readonly rev: number;
  readonly more: boolean;
  readonly frames: readonly ServerFrame[];
  /** Whether somebody who sees messages after `fromSeq` may see all of it. */
  isFor(fromSeq: number): boolean;
  /** What `write` makes of what they may see; made once where that is all. */
  textFor(fromSeq: number, write: WriteChanges): string;
}

/** How frames are told; the same function each time, or nothing is kept. */
export type WriteChanges = (changes: Changes, frames: readonly ServerFrame[]) => string;
