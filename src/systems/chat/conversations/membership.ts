import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { advance } from "../log.ts";
import type { ConversationRow } from "../rows.ts";
import { groupMembersMax, type Role } from "../shapes.ts";
import { requireNotBanned } from "./bans.ts";
import type { Deps } from "./deps.ts";
import { channelMembersMax, requireWilling } from "./open.ts";
import { requirePeople } from "./people.ts";
import { requireAbove, requireMay } from "./roles.ts";
import * as members from "./member-store.ts";
import * as store from "./store.ts";
import { leaveNote, tellChange } from "./tell.ts";

/**
 * Who comes, goes and leads. Each change holds the conversation's row from the first look to the
 * commit, so that what was decided about is what is changed, and no message falls in between.
 */
export async function addMembers(
  tx: Writer,
  deps: Deps,
  { id, by, accountIds }: { id: string; by: string; accountIds: readonly string[] },
): Promise<void> {
  const { conversation, role } = await store.lockMembership(tx, id, by);
  requireShared(conversation);
  requireMay(role, "add");
  await requireNotBanned(tx, by, deps.clock.now());
  const wanted = [...new Set(accountIds)];
  await requirePeople(tx, deps, wanted);
  const present = await members.presentAmong(tx, id, wanted);
  const fresh = wanted.filter((account) => !present.has(account));
  await requireWilling(tx, by, fresh);
  if (fresh.length > 0) await enter(tx, deps, conversation, { by, entering: fresh });
}

/** Comes in by themselves, as by an invite link. False where they were in already. */
export async function join(
  tx: Writer,
  deps: Deps,
  { id, accountId }: { id: string; accountId: string },
): Promise<boolean> {
  const conversation = await store.lockConversation(tx, id);
  const before = await members.findMember(tx, id, accountId);
  if (before && before.left_at === null) return false;
  if (before && before.removed_by !== null) {
    const message = "Somebody who runs this conversation sent you away; they may add you again.";
    throw new AppError("chat.removed", message);
  }
  await requirePeople(tx, deps, [accountId]);
  await enter(tx, deps, conversation, { by: accountId, entering: [accountId] });
  return true;
}

async function enter(
  tx: Writer,
  deps: Deps,
  conversation: ConversationRow,
  { by, entering }: { by: string; entering: readonly string[] },
): Promise<void> {
  const { id, kind, top_seq } = conversation;
  const max = kind === "channel" ? channelMembersMax : groupMembersMax;
  if (conversation.member_count + entering.length > max) {
    const hint = kind === "group" ? "; a channel has room for more" : "";
    throw new AppError("chat.group_full", `A ${kind} has at most ${max} members${hint}.`);
  }
  const { rev } = await advance(tx, id, { members: true });
  await members.upsertMembers(tx, id, {
    ...{ account_ids: entering, role: "member", rev: Number(rev) },
    // What is said in a group is for those who were there; what a channel tells is for all.
    from_seq: kind === "channel" ? 0 : Number(top_seq),
    now: new Date(deps.clock.now()),
  });
  const row = await store.addToCount(tx, id, entering.length);
  await tellChange(tx, deps, row, { concerned: entering });
  if (kind === "channel") return;
  const what = entering[0] === by ? "joined" : "added";
  await leaveNote(tx, deps, { id, by, note: { what, account_ids: [...entering] } });
}

/** Whoever removes themselves leaves. Throws where `by` is not above them. */
export async function removeMember(
  tx: Writer,
  deps: Deps,
  { id, by, accountId }: { id: string; by: string; accountId: string },
): Promise<void> {
  const { conversation, role } = await store.lockMembership(tx, id, by);
  requireShared(conversation);
  if (accountId === by) return await depart(tx, deps, conversation, { accountId, by, role });
  const other = await presentMember(tx, id, accountId);
  requireAbove(role, other.role);
  await depart(tx, deps, conversation, { accountId, by, role: other.role });
}

export async function leave(
  tx: Writer,
  deps: Deps,
  { id, accountId }: { id: string; accountId: string },
): Promise<void> {
  await removeMember(tx, deps, { id, by: accountId, accountId });
}

/**
 * Takes somebody out. A conversation whose last owner goes is handed to whoever has run it longest;
 * one that is left by everybody ends. A direct one keeps its other person.
 */
export async function depart(
  tx: Writer,
  deps: Pick<Deps, "live" | "insertNote" | "clock">,
  { id, kind }: ConversationRow,
  { accountId, by, role }: { accountId: string; by: string; role: Role },
): Promise<void> {
  const now = new Date(deps.clock.now());
  const conversation = await advance(tx, id, { members: true });
  const removed_by = by === accountId ? null : by;
  await members.markLeft(tx, conversation, { account_id: accountId, removed_by, now });
  const heir = role === "owner" ? await members.nextOwner(tx, id, accountId) : null;
  if (heir) await members.setRole(tx, conversation, { account_id: heir, role: "owner" });
  const row = await store.addToCount(tx, id, -1);
  await tellChange(tx, deps, row, { concerned: heir ? [accountId, heir] : [accountId] });
  if (row.member_count === 0) await store.markDeleted(tx, id, now);
  else if (kind === "group") {
    const what = removed_by === null ? "left" : "removed";
    await leaveNote(tx, deps, { id, by, note: { what, account_ids: [accountId] } });
  }
}

export async function setRole(
  tx: Writer,
  deps: Deps,
  change: { id: string; by: string; accountId: string; role: Role },
): Promise<void> {
  const { id, by, accountId } = change;
  const { conversation, role } = await store.lockMembership(tx, id, by);
  requireShared(conversation);
  requireMay(role, "set_roles");
  const other = await presentMember(tx, id, accountId);
  if (other.role === change.role) return;
  if (accountId === by && !(await members.hasOtherOwner(tx, id, by))) {
    throw new AppError("request.conflict", "role: you are the last owner; make another one first.");
  }
  const row = await advance(tx, id, { members: true });
  await members.setRole(tx, row, { account_id: accountId, role: change.role });
  await tellChange(tx, deps, row, { concerned: [accountId] });
  if (conversation.kind === "channel") return;
  const note = { what: "role", account_ids: [accountId], text: change.role };
  await leaveNote(tx, deps, { id, by, note });
}

async function presentMember(
  tx: Writer,
  id: string,
  accountId: string,
): Promise<members.MemberRow> {
  const member = await members.findMember(tx, id, accountId);
  if (member && member.left_at === null) return member;
  throw new AppError("chat.not_found", "There is no such conversation or member.");
}

/** A direct conversation is of two people and stays so. */
export function requireShared({ kind }: Pick<ConversationRow, "kind">): void {
  if (kind !== "direct") return;
  const message = "A direct conversation is of two people; make a group for this.";
  throw new AppError("chat.wrong_kind", message);
}
