import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { upsertMembers } from "../conversations/member-store.ts";
import { requirePeople } from "../conversations/people.ts";
import * as conversations from "../conversations/store.ts";
import { tellOwn } from "../conversations/tell.ts";
import { advance } from "../log.ts";
import { place, type Unplaced } from "../messages/place.ts";
import { pairOf } from "../rows.ts";
import { groupMembersMax, type Role } from "../shapes.ts";
import type { FeatureDeps } from "./deps.ts";
import type { Imported, ImportedMessage } from "./import-wire.ts";
import { lookSoon } from "./look.ts";

/**
 * Brings conversations over from elsewhere, with their times. One that came before is found by its
 * ref, a message by the id that it had, so whatever was cut off is sent again as a whole. Messages
 * follow those that are there; who had read all of those has read these as well.
 */
const messagesAtOnce = 500;

type Importing = Pick<FeatureDeps, "db" | "clock" | "nextId" | "accounts" | "live" | "jobs">;

export async function importOne(deps: Importing, given: Imported) {
  const { db, live, jobs } = deps;
  const id = await db.write((tx) => open(tx, deps, given));
  const sorted = given.messages.toSorted((a, b) => Date.parse(a.sent_at) - Date.parse(b.sent_at));
  let added = 0;
  for (let n = 0; n < sorted.length; n += messagesAtOnce) {
    added += await db.write((tx) => insert(tx, deps, id, sorted.slice(n, n + messagesAtOnce)));
  }
  const accountIds = given.members.map((member) => member.account_id);
  await db.write(async (tx) => {
    await tellOwn(tx, live, id, accountIds);
    await lookSoon(tx, jobs, id);
  });
  return { ref: given.ref, id, added, known: sorted.length - added };
}

/** The conversation of this ref, or the direct one of the two; all of its members are in it. */
async function open(tx: Writer, deps: Importing, given: Imported): Promise<string> {
  const ids = given.members.map((member) => member.account_id);
  await requirePeople(tx, deps, ids);
  const wanted = deps.nextId();
  const row = await tx.one<{ conversation_id: string }>`
    INSERT INTO chat.imports AS known (ref, conversation_id) VALUES (${given.ref}, ${wanted})
    ON CONFLICT (ref) DO UPDATE SET ref = known.ref RETURNING conversation_id`;
  const id = row?.conversation_id ?? wanted;
  if (id !== wanted) {
    await requireSame(tx, id, given);
    await addMissing(tx, id, given, new Date(deps.clock.now()));
    return id;
  }
  const [a = "", b = ""] = ids;
  const pair = given.kind === "direct" ? pairOf(a, b) : null;
  const { kind, title, description, created_at } = given;
  const owner = given.members.find(({ role }) => role === "owner") ?? given.members[0];
  const isNew = await conversations.insertConversation(tx, {
    ...{ id, kind, pair, description, title: pair === null ? title : "" },
    ...{ created_by: owner?.account_id ?? a, member_count: ids.length, now: new Date(created_at) },
  });
  if (isNew) {
    await enter(tx, id, given, { ids: new Set(ids), rev: 1, now: new Date(created_at) });
    return id;
  }
  const existing = await conversations.findConversation(tx, { pair: pair ?? "" });
  if (!existing) throw conversations.unknownConversation();
  await tx.run`UPDATE chat.imports SET conversation_id = ${existing.id} WHERE ref = ${given.ref}`;
  return existing.id;
}

async function requireSame(tx: Writer, id: string, { ref, kind, members }: Imported) {
  const found = await conversations.findConversation(tx, { id });
  const [a = "", b = ""] = members.map((member) => member.account_id);
  const isSame = found?.kind === kind && (found.pair === null || found.pair === pairOf(a, b));
  if (!isSame) {
    throw new AppError("request.conflict", `ref: ${ref} was another conversation before.`);
  }
}

async function enter(
  tx: Writer,
  id: string,
  { kind, members }: Imported,
  entering: { ids: ReadonlySet<string>; rev: number; now: Date },
): Promise<void> {
  const roleOf = (role: Role): Role => (kind === "direct" ? "member" : role);
  const present = members.filter((member) => entering.ids.has(member.account_id));
  for (const [role, group] of Map.groupBy(present, (member) => roleOf(member.role))) {
    const account_ids = group.map((member) => member.account_id);
    const { rev, now } = entering;
    await upsertMembers(tx, id, { account_ids, role, rev, now, from_seq: 0 });
  }
}

/** Those who never were in it: who left stays away. */
async function addMissing(tx: Writer, id: string, given: Imported, now: Date): Promise<void> {
  const { member_count } = await conversations.lockConversation(tx, id);
  const wanted = given.members.map((member) => member.account_id);
  const rows = await tx.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${id} AND account_id = ANY(${tx.array(wanted, "int8")})`;
  const missing = new Set(wanted).difference(new Set(rows.map((row) => row.account_id)));
  if (missing.size === 0) return;
  if (given.kind === "group" && member_count + missing.size > groupMembersMax) {
    throw new AppError("chat.group_full", `A group has at most ${groupMembersMax} members.`);
  }
  const { rev } = await advance(tx, id, { members: true });
  await enter(tx, id, given, { ids: missing, rev: Number(rev), now });
  await conversations.addToCount(tx, id, missing.size);
}

/** Returns how many were new. They are not told one by one: whoever looks on asks for them. */
async function insert(
  tx: Writer,
  deps: Importing,
  id: string,
  messages: readonly ImportedMessage[],
): Promise<number> {
  const conversation = await conversations.lockConversation(tx, id);
  const seqs = await seqsOf(tx, id, messages);
  const isNew = (one: ImportedMessage) => !seqs.bySender.has(keyOf(one));
  const fresh = [...new Map(messages.filter(isNew).map((m) => [keyOf(m), m])).values()];
  if (fresh.length === 0) return 0;
  const top = Number(conversation.top_seq);
  for (const [n, { client_msg_id }] of fresh.entries()) seqs.byId.set(client_msg_id, top + 1 + n);
  const unplaced = fresh.map((message, n): Unplaced => {
    const answered = message.reply_to === undefined ? undefined : seqs.byId.get(message.reply_to);
    const { client_msg_id, sender_id, text, sent_at } = message;
    return {
      ...{ conversation_id: id, id: deps.nextId(), sender_id, client_msg_id, by_program: false },
      ...{ body: { text }, thread_seq: null, expires_at: null },
      reply_to_seq: answered !== undefined && answered < top + 1 + n ? answered : null,
      created_at: new Date(sent_at).toISOString(),
    };
  });
  const readers = await tx.all<{ account_id: string }>`
    SELECT account_id FROM chat.members
    WHERE conversation_id = ${id} AND left_at IS NULL AND greatest(read_seq, from_seq) >= ${top}`;
  await place(tx, new Map([[id, conversation]]), unplaced, { caughtUp: [id] });
  const last = new Date(fresh.at(-1)?.sent_at ?? 0);
  await tx.run`
    UPDATE chat.conversations
    SET last_message_at = greatest(${conversation.last_message_at}::timestamptz, ${last})
    WHERE id = ${id}`;
  const accountIds = readers.map((row) => row.account_id);
  await tx.run`
    UPDATE chat.members SET read_seq = ${top + fresh.length}, delivered_seq = ${top + fresh.length}
    WHERE conversation_id = ${id} AND account_id = ANY(${tx.array(accountIds, "int8")})`;
  return fresh.length;
}

const keyOf = (one: ImportedMessage) => `${one.sender_id}:${one.client_msg_id}`;

/** Those of these messages, and of what they answer, that are there. */
async function seqsOf(tx: Writer, id: string, messages: readonly ImportedMessage[]) {
  const ids = messages.flatMap((one) => [one.client_msg_id, one.reply_to ?? one.client_msg_id]);
  const rows = await tx.all<{ seq: string; sender_id: string; client_msg_id: string }>`
    SELECT seq, sender_id, client_msg_id FROM chat.messages
    WHERE conversation_id = ${id} AND client_msg_id = ANY(${tx.array(ids, "text")})
      AND sender_id IN (SELECT account_id FROM chat.members WHERE conversation_id = ${id})`;
  return {
    bySender: new Set(rows.map((row) => `${row.sender_id}:${row.client_msg_id}`)),
    byId: new Map(rows.map((row) => [row.client_msg_id, Number(row.seq)])),
  };
}
