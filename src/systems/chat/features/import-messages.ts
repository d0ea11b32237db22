import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import * as conversations from "../conversations/store.ts";
import { invalid } from "../messages/body.ts";
import { place, type Unplaced } from "../messages/place.ts";
import type { ConversationRow } from "../rows.ts";
import type { Body } from "../shapes.ts";
import type { FeatureDeps } from "./deps.ts";
import { type Places, placesOf } from "./import-places.ts";
import { extraOf, ofMembers, storeReactions } from "./import-reactions.ts";
import type { ImportedMessage } from "./import-wire.ts";
import { lookSoon } from "./look.ts";

/**
 * Puts messages of elsewhere behind those that a conversation has, in the order given. One that is
 * there is left as it is. Nobody is told of them one by one: whoever looks on asks for them.
 */
export type Inserting = Pick<FeatureDeps, "nextId" | "jobs" | "files">;

/** `at` counts the messages given. `added`: it is there, without what is wrong with it. */
export type Problem = { at: number; error: AppError; added: boolean };
export type Inserted = { added: number; known: number; problems: Problem[] };

type Into = { id: string; importer: string };
type Fresh = {
  message: ImportedMessage;
  body: Body;
  seq: number;
  reactions: ImportedMessage["reactions"];
  reply_to_seq: number | null;
  thread_seq: number | null;
};

export async function insertMessages(
  tx: Writer,
  deps: Inserting,
  { id, importer }: Into,
  messages: readonly ImportedMessage[],
): Promise<Inserted> {
  const conversation = await conversations.lockConversation(tx, id);
  const places = await placesOf(tx, id, messages);
  const members = await membersAmong(tx, id, messages);
  const top = Number(conversation.top_seq);
  const problems: Problem[] = [];
  const fresh: Fresh[] = [];
  let known = 0;
  for (const [at, message] of messages.entries()) {
    if (places.has(message)) {
      known++;
      continue;
    }
    const body = await bodyOf(tx, deps, { message, members, importer });
    if (body instanceof AppError) {
      problems.push({ at, error: body, added: false });
      continue;
    }
    const { found, wrong } = referencesOf(message, places, members);
    problems.push(...wrong.map((error) => ({ at, error, added: true })));
    const seq = top + 1 + fresh.length;
    fresh.push({ message, body, seq, ...found });
    places.add(message, { seq, thread_seq: found.thread_seq });
  }
  if (fresh.length > 0) await store(tx, deps, { conversation, top, fresh });
  return { added: fresh.length, known, problems };
}

/** Also those who left. */
async function membersAmong(tx: Writer, id: string, messages: readonly ImportedMessage[]) {
  const named = messages.flatMap(({ sender_id, reactions }) => [
    sender_id,
    ...reactions.flatMap((reaction) => reaction.account_ids),
  ]);
  const rows = await tx.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${id} AND account_id = ANY(${tx.array([...new Set(named)], "int8")})`;
  return new Set(rows.map((row) => row.account_id));
}

async function bodyOf(
  tx: Writer,
  { files }: Inserting,
  given: { message: ImportedMessage; members: ReadonlySet<string>; importer: string },
): Promise<Body | AppError> {
  const { message, members, importer } = given;
  const { sender_id, text, attachments } = message;
  if (!members.has(sender_id)) return invalid("sender_id", `${sender_id} is no member`);
  if (attachments.length === 0) return { text };
  try {
    return { text, attachments: await files.attach(tx, importer, attachments) };
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** What a message names besides its sender, and what of that is not there. */
function referencesOf(message: ImportedMessage, places: Places, members: ReadonlySet<string>) {
  const { reply_to, thread } = message;
  const reply_to_seq = reply_to === undefined ? null : places.seqOf(reply_to);
  const thread_seq = thread === undefined ? null : places.rootOf(thread);
  const { reactions, strangers } = ofMembers(message.reactions, members);
  const wrong = strangers.map((stranger) => invalid("reactions", `${stranger} is no member`));
  const none = "there is no such message before this one";
  if (reply_to !== undefined && reply_to_seq === null) wrong.push(invalid("reply_to", none));
  if (thread !== undefined && thread_seq === null) wrong.push(invalid("thread", none));
  return { found: { reply_to_seq, thread_seq, reactions }, wrong };
}

async function store(
  tx: Writer,
  deps: Inserting,
  given: { conversation: ConversationRow; top: number; fresh: readonly Fresh[] },
): Promise<void> {
  const { conversation, top, fresh } = given;
  const { id } = conversation;
  const unplaced = fresh.map(({ message, body, reply_to_seq, thread_seq }): Unplaced => {
    const { client_msg_id, sender_id, sent_at } = message;
    return {
      ...{ conversation_id: id, id: deps.nextId(), sender_id, client_msg_id, body, reply_to_seq },
      // A root that comes with its replies is not there to count them yet.
      thread_seq: thread_seq !== null && thread_seq <= top ? thread_seq : null,
      ...{ by_program: false, created_at: new Date(sent_at).toISOString(), expires_at: null },
    };
  });
  const readers = await readersOf(tx, id, top);
  await place(tx, new Map([[id, conversation]]), unplaced, { caughtUp: [id] });
  await storeReactions(tx, id, fresh);
  await finish(tx, id, top, fresh);
  const newTop = top + fresh.length;
  await tx.run`
    UPDATE chat.members SET read_seq = ${newTop}, delivered_seq = ${newTop}
    WHERE conversation_id = ${id} AND account_id = ANY(${tx.array(readers, "int8")})`;
  const last = Math.max(...fresh.map(({ message }) => Date.parse(message.sent_at)));
  await tx.run`
    UPDATE chat.conversations
    SET last_message_at = greatest(${conversation.last_message_at}::timestamptz, ${new Date(last)})
    WHERE id = ${id}`;
  await lookSoon(tx, deps.jobs, id);
}

/** What a message that was just sent has none of. */
async function finish(tx: Writer, id: string, top: number, fresh: readonly Fresh[]): Promise<void> {
  const replies = new Map<number, number>();
  for (const { thread_seq } of fresh) {
    if (thread_seq !== null && thread_seq > top) {
      replies.set(thread_seq, (replies.get(thread_seq) ?? 0) + 1);
    }
  }
  const rows = fresh.flatMap(({ seq, message, thread_seq, reactions }) => {
    const { edited_at = null, deleted_at = null } = message;
    const reply_count = replies.get(seq) ?? 0;
    const times = edited_at ?? deleted_at;
    if (times === null && thread_seq === null && reactions.length + reply_count === 0) return [];
    return [{ seq, edited_at, deleted_at, thread_seq, reply_count, extra: extraOf(reactions) }];
  });
  if (rows.length === 0) return;
  await tx.run`
    UPDATE chat.messages m SET edited_at = t.edited_at, deleted_at = t.deleted_at,
      body = CASE WHEN t.deleted_at IS NULL THEN m.body END, thread_seq = t.thread_seq,
      reply_count = t.reply_count, extra = t.extra
    FROM jsonb_to_recordset(${tx.json(rows)}::jsonb) AS t (seq int8, edited_at timestamptz,
      deleted_at timestamptz, thread_seq int8, reply_count int, extra jsonb)
    WHERE m.conversation_id = ${id} AND m.seq = t.seq`;
}

/** Who had read all that was there. */
async function readersOf(tx: Writer, id: string, top: number): Promise<string[]> {
  const rows = await tx.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${id} AND left_at IS NULL AND greatest(read_seq, from_seq) >= ${top}`;
  return rows.map((row) => row.account_id);
}
