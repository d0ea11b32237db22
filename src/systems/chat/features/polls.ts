import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { may } from "../conversations/roles.ts";
import { invalid } from "../messages/body.ts";
import type { MessageRow } from "../rows.ts";
import type { Message } from "../shapes.ts";
import { changeAs, type At, requireVoice } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { tallied } from "./tally.ts";

/** Polls: each has the votes that they gave last, until it closes. */
type Polling = Pick<FeatureDeps, "live" | "clock" | "admitting">;

/** All that somebody votes for; nothing takes the vote back. */
export async function vote(
  tx: Writer,
  deps: Polling,
  at: At,
  given: readonly number[],
): Promise<Message> {
  return await changeAs(tx, deps, at, async (seen) => {
    const poll = pollOf(seen.message);
    await requireVoice(tx, deps, seen, at.by);
    const isOver = poll.closes_at !== undefined && Date.parse(poll.closes_at) <= deps.clock.now();
    if (isOver || seen.message.extra.poll_closed) {
      throw new AppError("chat.poll_closed", "The poll is closed.");
    }
    const options = [...new Set(given)].toSorted((a, b) => a - b);
    if (options.some((option) => option >= poll.options.length)) {
      throw invalid("options", `from 0 to ${poll.options.length - 1}`);
    }
    if (options.length > 1 && !poll.several) throw invalid("options", "one of them only");
    const before = await tx.all<{ option: number }>`
      SELECT option FROM chat.votes
      WHERE conversation_id = ${at.id} AND seq = ${at.seq} AND account_id = ${at.by}
      ORDER BY option`;
    if (before.map(({ option }) => option).join() === options.join()) return null;
    await tx.run`
      DELETE FROM chat.votes
      WHERE conversation_id = ${at.id} AND seq = ${at.seq} AND account_id = ${at.by}`;
    await tx.run`
      INSERT INTO chat.votes (conversation_id, seq, option, account_id, since_rev)
      SELECT ${at.id}, ${at.seq}, option, ${at.by}, ${seen.conversation.rev}
      FROM unnest(${tx.array(options, "int2")}) AS option`;
    return { extra: await tallied(tx, seen.message) };
  });
}

/** Before its time, by who asked or who runs the conversation. */
export async function closePoll(tx: Writer, deps: Polling, at: At): Promise<Message> {
  return await changeAs(tx, deps, at, ({ message, conversation, standing }) => {
    pollOf(message);
    const moderates = conversation.kind !== "direct" && may(standing.role, "moderate");
    if (message.sender_id !== at.by && !moderates) {
      throw new AppError("chat.role_needed", "Only its sender, owners and admins close a poll.");
    }
    if (message.extra.poll_closed) return null;
    return { extra: { ...message.extra, poll_closed: true } };
  });
}

function pollOf({ body }: MessageRow) {
  if (body?.poll) return body.poll;
  throw new AppError("chat.wrong_kind", "This message has no poll.");
}
