import type { Writer } from "../../../platform/db/db.ts";
import { advance, advanceOwn } from "../log.ts";
import type { ConversationRow } from "../rows.ts";
import type { Deps } from "./deps.ts";
import { requireShared } from "./membership.ts";
import { requireMay } from "./roles.ts";
import * as members from "./member-store.ts";
import * as store from "./store.ts";
import { leaveNote, tellChange, tellOwn } from "./tell.ts";

/** How a conversation is set up, for all of its members and for oneself. */
export type Settings = Pick<
  ConversationRow,
  | "title"
  | "description"
  | "send_by"
  | "slow_mode_seconds"
  | "disappear_seconds"
  | "publishes_events"
>;
export type SettingsChange = { [K in keyof Settings]?: Settings[K] | undefined };

/** Of a direct conversation only how long messages stay, by either of the two. */
export async function changeSettings(
  tx: Writer,
  deps: Deps,
  { id, by, change }: { id: string; by: string; change: SettingsChange },
): Promise<ConversationRow> {
  const { conversation, role } = await store.lockMembership(tx, id, by);
  const { disappear_seconds: _, ...shared } = change;
  if (conversation.kind !== "direct") requireMay(role, "edit");
  else if (Object.values(shared).some((value) => value !== undefined)) requireShared(conversation);
  const said = Object.entries(change).filter(([, value]) => value !== undefined);
  const next = { ...conversation, ...(Object.fromEntries(said) as Partial<Settings>) };
  if (said.every(([key, value]) => conversation[key as keyof Settings] === value)) {
    return conversation;
  }
  await advance(tx, id);
  const row = await store.writeSettings(tx, id, next);
  await tellChange(tx, deps, row);
  if (next.title !== conversation.title) {
    await leaveNote(tx, deps, { id, by, note: { what: "renamed", text: next.title } });
  } else if (next.disappear_seconds !== conversation.disappear_seconds) {
    const text = String(next.disappear_seconds ?? 0);
    await leaveNote(tx, deps, { id, by, note: { what: "disappear", text } });
  }
  return (await store.findConversation(tx, { id })) ?? row;
}

/** What only the caller's own devices learn. Whoever archives or mutes goes on getting messages. */
export async function changeOwn(
  tx: Writer,
  { live }: Deps,
  own: {
    id: string;
    accountId: string;
    muted_until?: Date | null | undefined;
    archived?: boolean | undefined;
  },
): Promise<void> {
  await store.requireMembership(tx, own.id, own.accountId);
  await members.writeOwn(tx, own);
  await tellOwn(tx, live, own.id, [own.accountId]);
}

export const goneKind = "chat.conversation_gone";
const goneAtOnce = 1_000;

/** Ends it at once for everybody; a job tells the members, of whom a channel may have many. */
export async function deleteConversation(
  tx: Writer,
  deps: Deps,
  { id, by }: { id: string; by: string },
): Promise<void> {
  const { conversation, role } = await store.lockMembership(tx, id, by);
  requireShared(conversation);
  requireMay(role, "delete");
  await advance(tx, id, { members: true });
  await store.markDeleted(tx, id, new Date(deps.clock.now()));
  await deps.jobs.enqueue(tx, { kind: goneKind, payload: { conversation_id: id }, key: id });
}

/** A repeat tells some twice, which is harmless. */
export async function tellGone(deps: Deps, id: string, signal: AbortSignal): Promise<void> {
  let after: string | null = null;
  while (!signal.aborted) {
    const page: members.MemberRow[] = await members.listMembers(deps.db, id, {
      ...{ after, limit: goneAtOnce },
    });
    if (page.length === 0) return;
    const accountIds = page.map((member) => member.account_id);
    const revs = await deps.db.write((tx) => advanceOwn(tx, accountIds));
    const changes = [...revs].map(([account_id, self_rev]) => {
      return { account_id, conversation_id: id, self_rev };
    });
    deps.live.own(changes);
    after = accountIds.at(-1) ?? null;
  }
  throw new Error("there was no time to tell all members; the next try begins again");
}
