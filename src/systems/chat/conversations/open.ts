import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { pairOf, type ConversationRow } from "../rows.ts";
import { groupMembersMax } from "../shapes.ts";
import { requireNotBanned } from "./bans.ts";
import type { Deps } from "./deps.ts";
import { refusedPairs } from "./refused.ts";
import { requirePeople } from "./people.ts";
import * as members from "./member-store.ts";
import * as store from "./store.ts";
import { leaveNote, tellOwn } from "./tell.ts";

/** How conversations come to be. */
export const channelMembersMax = 1_000_000;
/** Who may be put into a new conversation, or added to one, by one call. */
export const peopleAtOnceMax = groupMembersMax - 1;

export type Opened = { conversation: ConversationRow; isNew: boolean };

/**
 * The one conversation of two people: the unique pair decides whoever opens it at the same time.
 * Opening one that is there changes nothing, but is refused by a block all the same.
 */
export async function openDirect(
  tx: Writer,
  deps: Deps,
  { by, with: other }: { by: string; with: string },
): Promise<Opened> {
  if (by === other) throw invalid("account_id", "somebody else than yourself");
  await requireNotBanned(tx, by, deps.clock.now());
  await requirePeople(tx, deps, [by, other]);
  const [refusal] = (await refusedPairs(tx, [{ from: by, to: other }])).values();
  if (refusal) throw refusal;
  const pair = pairOf(by, other);
  const id = deps.nextId();
  const now = new Date(deps.clock.now());
  const isNew = await store.insertConversation(tx, {
    ...{ id, kind: "direct", pair, title: "", description: "", created_by: by },
    ...{ member_count: 2, now },
  });
  const conversation = await existing(tx, { pair });
  if (isNew) {
    const account_ids = [by, other];
    await members.upsertMembers(tx, id, { account_ids, role: "member", rev: 1, from_seq: 0, now });
    await tellOwn(tx, deps.live, id, account_ids);
  }
  return { conversation, isNew };
}

export type NewGroup = {
  kind: "group" | "channel";
  title: string;
  description: string;
  account_ids: readonly string[];
};

/** Whoever makes it owns it. */
export async function openGroup(
  tx: Writer,
  deps: Deps,
  by: string,
  wanted: NewGroup,
): Promise<Opened> {
  const { kind, title, description } = wanted;
  await requireNotBanned(tx, by, deps.clock.now());
  const others = [...new Set(wanted.account_ids)].filter((id) => id !== by);
  await requirePeople(tx, deps, [by, ...others]);
  await requireWilling(tx, by, others);
  const id = deps.nextId();
  const now = new Date(deps.clock.now());
  const member_count = others.length + 1;
  await store.insertConversation(tx, {
    ...{ id, kind, pair: null, title, description, created_by: by, member_count, now },
  });
  const entering = { rev: 1, from_seq: 0, now };
  await members.upsertMembers(tx, id, { ...entering, account_ids: [by], role: "owner" });
  await members.upsertMembers(tx, id, { ...entering, account_ids: others, role: "member" });
  await tellOwn(tx, deps.live, id, [by, ...others]);
  await leaveNote(tx, deps, { id, by, note: { what: "created", text: title } });
  return { conversation: await existing(tx, { id }), isNew: true };
}

/** Throws where one of them wants nothing from `by`, or `by` nothing from them. */
export async function requireWilling(
  tx: Writer,
  by: string,
  others: readonly string[],
): Promise<void> {
  const refusals = await refusedPairs(
    tx,
    others.map((to) => ({ from: by, to })),
  );
  const [refusal] = refusals.values();
  if (refusal) throw refusal;
}

async function existing(
  tx: Writer,
  by: { id: string } | { pair: string },
): Promise<ConversationRow> {
  const row = await store.findConversation(tx, by);
  if (!row) throw store.unknownConversation();
  return row;
}

export function invalid(field: string, message: string): AppError {
  return new AppError("request.invalid", `${field}: ${message}`, { fields: [{ field, message }] });
}
