import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { z } from "zod";
import type { Message } from "../shapes.ts";
import { reactionKindsMax } from "../shapes.ts";
import { changeAs, type At, requireVoice } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { tallied } from "./tally.ts";

/** Reactions: one of each person and emoji, of so many emoji as there is room for. */
const emojiUnitsMax = 40;
const emoji = /^\p{RGI_Emoji}$/v;
const asEmoji = "\uFE0F";

/** One emoji; a heart is one heart whether it says that it is in colour or not. */
export const emojiSchema = z
  .string()
  .max(emojiUnitsMax)
  .transform((text) => (emoji.test(text) ? text : text + asEmoji))
  .refine((text) => emoji.test(text), "one emoji");

type Reacting = Pick<FeatureDeps, "live" | "clock" | "admitting">;

export async function react(
  tx: Writer,
  deps: Reacting,
  at: At,
  given: { emoji: string; on: boolean },
): Promise<Message> {
  return await changeAs(tx, deps, at, async (seen) => {
    const { message, conversation } = seen;
    if (given.on) await requireVoice(tx, deps, seen, at.by);
    const changed = given.on
      ? await tx.run`
          INSERT INTO chat.reactions (conversation_id, seq, emoji, account_id, since_rev)
          VALUES (${at.id}, ${at.seq}, ${given.emoji}, ${at.by}, ${conversation.rev})
          ON CONFLICT DO NOTHING`
      : await tx.run`
          DELETE FROM chat.reactions WHERE conversation_id = ${at.id} AND seq = ${at.seq}
            AND emoji = ${given.emoji} AND account_id = ${at.by}`;
    if (changed === 0) return null;
    const extra = await tallied(tx, message);
    if ((extra.reactions?.length ?? 0) > reactionKindsMax) {
      throw new AppError("chat.limit", `A message has at most ${reactionKindsMax} kinds of emoji.`);
    }
    return { extra };
  });
}
