import type { Message, Conversation, Member, Receipts } from "./shapes.ts";

/**
 * How what was committed reaches those who look on now. Nothing rests on it: whoever missed a
 * change sees by the next `rev` that it did. Called after the commit, never within.
 */
export interface Live {
  /** A message that is new or changed, to all sockets on the conversation, in all processes. */
  message(change: { message: Message; top_seq: number; members_rev: number }): void;
  /** The conversation changed, or who is in it. */
  conversation(change: { conversation: Conversation; members?: Member[] }): void;
  /** Coalesced per conversation: the last one counts. */
  receipts(receipts: Receipts): void;
  /**
   * Something of these accounts' own changed: their sockets are told the state as it is now, and
   * begin or end to hear the conversation according to it.
   */
  own(changes: { account_id: string; conversation_id: string; self_rev: number }[]): void;
}
