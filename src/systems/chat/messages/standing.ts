import { AppError } from "../../../platform/errors/errors.ts";
import type { ConversationRow } from "../rows.ts";
import { invalid } from "./body.ts";
import type { Standing } from "./send-store.ts";

/** Why somebody may not send here, by what is known once the conversation's row is locked. */
export function refusalOf(
  draft: Answering,
  conversation: ConversationRow | undefined,
  standing: Standing,
  now: number,
): AppError | null {
  if (!conversation || standing.role === null) return notFound();
  if (standing.left_at !== null) {
    return new AppError("chat.removed", "You are no member of this conversation any more.");
  }
  if (standing.banned_until && standing.banned_until.getTime() > now) {
    const until = standing.banned_until.toISOString();
    return new AppError("chat.banned", `You may not send messages until ${until}.`);
  }
  const leads = standing.role !== "member";
  if (conversation.send_by === "admins" && !leads) {
    return new AppError("chat.role_needed", "Only owners and admins send messages here.");
  }
  return (
    (leads ? null : tooSoon(conversation, standing, now)) ?? unseen(draft, conversation, standing)
  );
}

type Answering = { reply_to_seq?: number | undefined; thread_seq?: number | undefined };

/** The same for a stranger and for what is not there, so that nobody learns which. */
export function notFound(): AppError {
  return new AppError("chat.not_found", "There is no such conversation.");
}

function tooSoon(
  { slow_mode_seconds: seconds }: ConversationRow,
  { last_sent_at }: Standing,
  now: number,
): AppError | null {
  if (seconds === 0 || !last_sent_at) return null;
  const waitMs = last_sent_at.getTime() + seconds * 1000 - now;
  if (waitMs <= 0) return null;
  return new AppError("chat.slow_mode", `One message in ${seconds} s here; wait a little.`, {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });
}

/** What it answers must be there, and theirs to see. */
function unseen(
  draft: Answering,
  conversation: ConversationRow,
  standing: Standing,
): AppError | null {
  for (const field of ["reply_to_seq", "thread_seq"] as const) {
    const seq = draft[field];
    if (seq === undefined) continue;
    if (seq > Number(standing.from_seq) && seq <= Number(conversation.top_seq)) continue;
    return invalid(field, "there is no such message");
  }
  return null;
}
