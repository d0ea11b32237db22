import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { changedMessage } from "../messages/notes.ts";
import type { Body } from "../shapes.ts";
import type { Deps } from "./deps.ts";
import { findConversation, requireMembership } from "./store.ts";

/**
 * What members report and administrators decide. A report holds what the message said when it was
 * reported, so the sender cannot edit it away. Reporting again changes nothing.
 */
export const reportReasons = ["spam", "abuse", "threat", "sexual", "illegal", "other"] as const;
export type ReportReason = (typeof reportReasons)[number];
export const reportStatuses = ["open", "upheld", "dismissed"] as const;

export type Report = {
  id: string;
  conversation_id: string;
  seq: string;
  sender_id: string;
  sender_name: string;
  reporter_id: string;
  reason: ReportReason;
  comment: string;
  body: Body | null;
  status: (typeof reportStatuses)[number];
  created_at: Date;
  decided_at: Date | null;
  decided_by: string | null;
};

/** More tell nobody anything new. */
const openReportsPerMessageMax = 50;

export async function report(
  tx: Writer,
  deps: Deps,
  said: { id: string; seq: number; by: string; reason: ReportReason; comment: string },
): Promise<void> {
  const { id, seq, by, reason, comment } = said;
  await requireMembership(tx, id, by);
  const message = await tx.one<{ sender_id: string; body: Body }>`
    SELECT m.sender_id, m.body FROM chat.messages m
    JOIN chat.members own ON own.conversation_id = m.conversation_id AND own.account_id = ${by}
    WHERE m.conversation_id = ${id} AND m.seq = ${seq} AND m.seq > own.from_seq
      AND m.body IS NOT NULL`;
  if (!message) throw new AppError("chat.not_found", "There is no such message.");
  await tx.run`
    INSERT INTO chat.reports (id, conversation_id, seq, sender_id, reporter_id, reason, comment,
      body, created_at)
    SELECT ${deps.nextId()}, ${id}, ${seq}, ${message.sender_id}, ${by}, ${reason}, ${comment},
      ${tx.json(message.body)}, ${new Date(deps.clock.now())}
    WHERE ${openReportsPerMessageMax} > (
      SELECT count(*) FROM chat.reports
      WHERE conversation_id = ${id} AND seq = ${seq} AND status = 'open')
    ON CONFLICT DO NOTHING`;
}

/** Newest first; `before` is the id that the last page ended with. */
export async function listReports(
  reader: Reader,
  page: { status: Report["status"]; before: string | null; limit: number },
): Promise<Report[]> {
  const before = page.before === null ? reader.sql`` : reader.sql`AND r.id < ${page.before}`;
  return await reader.all<Report>`
    SELECT ${columns(reader)} FROM chat.reports r
    LEFT JOIN chat.people p ON p.account_id = r.sender_id
    WHERE r.status = ${page.status} ${before} ORDER BY r.id DESC LIMIT ${page.limit}`;
}

/** Decides all open reports of that message at once. Throws where this one is decided already. */
export async function decide(
  tx: Writer,
  decision: { id: string; status: "upheld" | "dismissed"; by: string; now: Date },
): Promise<Report> {
  const found = await tx.one<Pick<Report, "conversation_id" | "seq" | "status">>`
    SELECT conversation_id, seq, status FROM chat.reports WHERE id = ${decision.id} FOR UPDATE`;
  if (!found) throw new AppError("chat.not_found", "There is no such report.");
  if (found.status !== "open") {
    throw new AppError("request.conflict", `The report is ${found.status} already.`);
  }
  await tx.run`
    UPDATE chat.reports SET status = ${decision.status}, decided_at = ${decision.now},
      decided_by = ${decision.by}
    WHERE conversation_id = ${found.conversation_id} AND seq = ${found.seq} AND status = 'open'`;
  const row = await tx.one<Report>`
    SELECT ${columns(tx)} FROM chat.reports r
    LEFT JOIN chat.people p ON p.account_id = r.sender_id WHERE r.id = ${decision.id}`;
  return row as Report;
}

/** Nothing where it was deleted already, or its conversation was. */
export async function deleteReported(
  tx: Writer,
  { live }: Pick<Deps, "live">,
  { conversation_id, seq }: Pick<Report, "conversation_id" | "seq">,
  now: Date,
): Promise<void> {
  if (!(await findConversation(tx, { id: conversation_id }))) return;
  const at = { conversation_id, seq: Number(seq) };
  const change = await changedMessage(tx, at, ({ deleted_at }) =>
    deleted_at ? null : { body: null, extra: {}, pinned_at: null, deleted_at: now },
  );
  if (change) tx.afterCommit(() => live.message(change));
}

const columns = (reader: Reader) => reader.sql`r.id, r.conversation_id, r.seq, r.sender_id,
  coalesce(p.name, '') AS sender_name, r.reporter_id, r.reason, r.comment, r.body, r.status,
  r.created_at, r.decided_at, r.decided_by`;
