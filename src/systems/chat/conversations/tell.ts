import type { Writer } from "../../../platform/db/db.ts";
import type { Live } from "../live.ts";
import { advanceOwn } from "../log.ts";
import { conversationOf, type ConversationRow } from "../rows.ts";
import type { Body } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import { memberOf, membersOfRev } from "./member-store.ts";

/**
 * How a change is told once it is committed. `row` is the conversation as the change left it, its
 * `rev` the one that the change took. First the conversation, then what it is to those concerned,
 * then the line that the change left among the messages.
 */
export async function tellChange(
  tx: Writer,
  { live }: Pick<Deps, "live">,
  row: ConversationRow,
  { concerned = [] }: { concerned?: readonly string[] } = {},
): Promise<void> {
  const conversation = conversationOf(row);
  // Who follows a channel is not for its followers to know.
  const rows = row.kind === "channel" ? [] : await membersOfRev(tx, row.id, row.rev);
  const members = rows.map(memberOf);
  tx.afterCommit(() => {
    live.conversation(members.length > 0 ? { conversation, members } : { conversation });
  });
  await tellOwn(tx, live, row.id, concerned);
}

/** Only to the devices of those whose own it is. */
export async function tellOwn(
  tx: Writer,
  live: Live,
  conversation_id: string,
  accountIds: readonly string[],
): Promise<void> {
  if (accountIds.length === 0) return;
  const revs = await advanceOwn(tx, accountIds);
  const changes = [...revs].map(([account_id, self_rev]) => {
    return { account_id, conversation_id, self_rev };
  });
  tx.afterCommit(() => live.own(changes));
}

/** A message that says what was done: "Ada added Bob". */
export async function leaveNote(
  tx: Writer,
  { live, insertNote }: Pick<Deps, "live" | "insertNote">,
  { id, by, note }: { id: string; by: string; note: NonNullable<Body["note"]> },
): Promise<void> {
  const change = await insertNote(tx, { conversation_id: id, sender_id: by, note });
  tx.afterCommit(() => live.message(change));
}
