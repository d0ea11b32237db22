import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { may } from "../conversations/roles.ts";
import { invalid, requireSendable } from "../messages/body.ts";
import { wrongReferences } from "../messages/references.ts";
import { lockConversations } from "../messages/send-store.ts";
import { notFound } from "../messages/standing.ts";
import type { MessageRow } from "../rows.ts";
import type { Body, Message } from "../shapes.ts";
import { changeAs, type At, requireNoBan, requireStanding, unknownMessage } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { lookAgain } from "./look.ts";
import { previewSoon } from "./preview.ts";
import { wipe } from "./wipe.ts";

/** What senders do to their messages afterwards, within a time, and admins to everybody's. */
export type Edit = { text: string; mentions?: string[] | undefined };

type Editing = Pick<
  FeatureDeps,
  "live" | "clock" | "admitting" | "config" | "files" | "jobs" | "db"
>;

/** Text and who is named in it; what is attached stays. Blocks and filters are asked again. */
export async function edit(tx: Writer, deps: Editing, at: At, given: Edit): Promise<Message> {
  let edited = false;
  const changed = await changeAs(tx, deps, at, async ({ message, conversation, standing }) => {
    if (message.sender_id !== at.by) {
      throw new AppError("chat.role_needed", "Only its sender edits a message.");
    }
    requireNoBan(standing, deps.clock.now());
    requireOwnWords(message);
    requireInTime(deps, message, deps.config.chatEditWithinSeconds);
    const { mentions: _, ...rest } = message.body as Body;
    const mentions = given.mentions?.length ? { mentions: given.mentions } : {};
    const wanted: Body = { ...rest, text: given.text, ...mentions };
    requireSendable(wanted);
    const asked = { conversation, sender_id: at.by, body: wanted };
    const [body] = await deps.admitting.admit(tx, [asked]);
    if (!body || body instanceof AppError) throw body ?? invalid("body", "was refused");
    const draft = { conversation_id: at.id, body };
    const wrong = (await wrongReferences(tx, [{ draft }]))({ draft });
    if (wrong) throw wrong;
    if (Bun.deepEquals(body, message.body)) return null;
    edited = true;
    const { preview: __, ...extra } = message.extra;
    return { body, extra, edited_at: new Date(deps.clock.now()) };
  });
  if (!edited) return changed;
  await lookAgain(tx, changed);
  if (deps.config.chatLinkPreviews) await previewSoon(tx, deps.jobs, [changed]);
  return changed;
}

/** For everybody: by its sender for a while, by those who moderate at any time. Twice is once. */
export async function remove(tx: Writer, deps: Editing, { id, seq, by }: At): Promise<void> {
  await requireStanding(tx, id, by);
  const [conversation] = await lockConversations(tx, [id]);
  if (!conversation) throw notFound();
  const { role, from_seq } = await requireStanding(tx, id, by);
  const message = await tx.one<MessageRow>`
    SELECT * FROM chat.messages
    WHERE conversation_id = ${id} AND seq = ${seq} AND seq > ${from_seq}`;
  if (!message) throw unknownMessage();
  if (message.body?.note) throw new AppError("chat.wrong_kind", "This line was written by Stoa.");
  const moderates = conversation.kind !== "direct" && may(role, "moderate");
  if (message.sender_id !== by && !moderates) {
    throw new AppError("chat.role_needed", "Only its sender, owners and admins delete a message.");
  }
  if (message.body === null) return;
  if (!moderates) requireInTime(deps, message, deps.config.chatDeleteWithinSeconds);
  await wipe(tx, deps, { id, seqs: [seq], deletedAt: new Date(deps.clock.now()) });
}

/** Neither the lines that Stoa writes, nor what somebody else said first. */
function requireOwnWords({ body }: MessageRow): void {
  const whose = body?.note ? "Stoa" : body?.forwarded_from ? "somebody else" : null;
  if (whose) throw new AppError("chat.wrong_kind", `This was written by ${whose}.`);
}

function requireInTime(
  { clock }: Pick<Editing, "clock">,
  { created_at }: MessageRow,
  seconds: number,
): void {
  if (clock.now() <= created_at.getTime() + seconds * 1000) return;
  throw new AppError("chat.too_late", `This goes for ${seconds} s after it was sent.`);
}
