import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { upsertMembers } from "../conversations/member-store.ts";
import { requirePeople } from "../conversations/people.ts";
import * as conversations from "../conversations/store.ts";
import { tellOwn } from "../conversations/tell.ts";
import { advance } from "../log.ts";
import { pairOf } from "../rows.ts";
import { groupMembersMax, type Role } from "../shapes.ts";
import type { FeatureDeps } from "./deps.ts";
import { insertMessages } from "./import-messages.ts";
import type { Imported, ImportedConversation } from "./import-wire.ts";

/**
 * Brings conversations over from elsewhere, with their times. One that came before is found by its
 * ref, a message by the id that it had, so whatever was cut off is sent again as a whole. Messages
 * follow those that are there; who had read all of those has read these as well.
 */
const messagesAtOnce = 500;

export type Importing = Pick<
  FeatureDeps,
  "db" | "clock" | "nextId" | "accounts" | "live" | "jobs" | "files"
>;

export async function importOne(deps: Importing, given: Imported, importer: string) {
  const { db } = deps;
  const id = await openImported(deps, given);
  const sorted = given.messages.toSorted((a, b) => Date.parse(a.sent_at) - Date.parse(b.sent_at));
  let added = 0;
  for (let n = 0; n < sorted.length; n += messagesAtOnce) {
    const some = sorted.slice(n, n + messagesAtOnce);
    added += await db.write(async (tx) => {
      const done = await insertMessages(tx, deps, { id, importer }, some);
      const refused = done.problems.find((problem) => !problem.added);
      if (refused) throw refused.error;
      return done.added;
    });
  }
  const accountIds = given.members.map((member) => member.account_id);
  await db.write((tx) => tellOwn(tx, deps.live, id, accountIds));
  return { ref: given.ref, id, added, known: sorted.length - added };
}

/** The id of the conversation of this ref, or the direct one of the two; made if it must be. */
export async function openImported(deps: Importing, given: ImportedConversation): Promise<string> {
  return await deps.db.write((tx) => open(tx, deps, given));
}

/** All of its members are in it. */
async function open(tx: Writer, deps: Importing, given: ImportedConversation): Promise<string> {
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

async function requireSame(tx: Writer, id: string, { ref, kind, members }: ImportedConversation) {
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
  { kind, members }: ImportedConversation,
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
async function addMissing(
  tx: Writer,
  id: string,
  given: ImportedConversation,
  now: Date,
): Promise<void> {
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
