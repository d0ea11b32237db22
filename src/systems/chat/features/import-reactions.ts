import type { Writer } from "../../../platform/db/db.ts";
import type { Extra } from "../shapes.ts";
import type { ImportedMessage } from "./import-wire.ts";
import { namedMax } from "./tally.ts";

/** Reactions that come with their messages: those of members, in the order of their lists. */
type Reactions = ImportedMessage["reactions"];

export function ofMembers(given: Reactions, members: ReadonlySet<string>) {
  const strangers = new Set<string>();
  const reactions: Reactions = [];
  for (const { emoji, account_ids } of given) {
    const all = new Set(account_ids);
    for (const account_id of all.difference(members)) strangers.add(account_id);
    const own = [...all.intersection(members)];
    if (own.length > 0) reactions.push({ emoji, account_ids: own });
  }
  return { reactions, strangers: [...strangers] };
}

/** As `tallied` counts them. */
export function extraOf(given: Reactions): Extra {
  if (given.length === 0) return {};
  const reactions = given.map(({ emoji, account_ids }) => ({
    ...{ emoji, count: account_ids.length, by: account_ids.slice(0, namedMax) },
  }));
  return { reactions };
}

/** Before all that come later, whose `since_rev` is not below 0. */
export async function storeReactions(
  tx: Writer,
  id: string,
  messages: readonly { seq: number; reactions: Reactions }[],
): Promise<void> {
  const rows = messages.flatMap(({ seq, reactions }) =>
    reactions.flatMap(({ emoji, account_ids }) =>
      account_ids.map((account_id) => ({ seq, emoji, account_id })),
    ),
  );
  if (rows.length === 0) return;
  const ordered = rows.map((row, n) => ({ ...row, since_rev: n - rows.length }));
  await tx.run`
    INSERT INTO chat.reactions (conversation_id, seq, emoji, account_id, since_rev)
    SELECT ${id}, seq, emoji, account_id, since_rev
    FROM jsonb_to_recordset(${tx.json(ordered)}::jsonb)
      AS t (seq int8, emoji text, account_id int8, since_rev int8)`;
}
