import type { Principal } from "../../../platform/auth/principal.ts";
import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Subscription } from "../../../platform/events/events.ts";
import { accountDeleted } from "../../accounts/contract.ts";
import { requireSendable } from "../messages/body.ts";
import type { Body } from "../shapes.ts";
import { requireNoBan, requireStanding } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { uploadsOf } from "./files.ts";

/**
 * Messages to be sent later, by a job and through the same door as all others: who may not send by
 * then is refused then. The id that the client chose is the message's, so a job that runs twice
 * sends once. What is attached is held from the beginning, and shared with the message.
 */
export type Scheduled = {
  id: string;
  account_id: string;
  conversation_id: string;
  client_msg_id: string;
  by_program: boolean;
  body: Body;
  reply_to_seq: string | null;
  thread_seq: string | null;
  send_at: Date;
  created_at: Date;
  begun_at: Date | null;
  failure: string | null;
};

export type Schedule = {
  conversation_id: string;
  client_msg_id: string;
  body: Body;
  reply_to_seq?: number | undefined;
  thread_seq?: number | undefined;
  send_at: string;
};

export const scheduledMax = 100;
export const sendKind = "chat.send_scheduled";

type Scheduling = Pick<FeatureDeps, "clock" | "nextId" | "jobs" | "files">;

/** Again with the same `client_msg_id` it is the same. */
export async function schedule(
  tx: Writer,
  deps: Scheduling,
  by: Pick<Principal, "account_id" | "kind">,
  given: Schedule,
): Promise<Scheduled> {
  const { account_id } = by;
  requireSendable(given.body);
  requireNoBan(await requireStanding(tx, given.conversation_id, account_id), deps.clock.now());
  // One after the other for one person, so that what is counted is what there is.
  await tx.one`SELECT FROM chat.people WHERE account_id = ${account_id} FOR UPDATE`;
  const before = await listScheduled(tx, account_id);
  const same = before.find(
    (one) =>
      one.conversation_id === given.conversation_id && one.client_msg_id === given.client_msg_id,
  );
  if (same) return same;
  if (before.length >= scheduledMax) {
    throw new AppError("chat.limit", `At most ${scheduledMax} messages wait to be sent.`);
  }
  const { attachments } = given.body;
  const filled = attachments?.length && (await deps.files.attach(tx, account_id, attachments));
  const body: Body = { ...given.body, ...(filled && { attachments: filled }) };
  const row = await tx.one<Scheduled>`
    INSERT INTO chat.scheduled (id, account_id, conversation_id, client_msg_id, by_program, body,
      reply_to_seq, thread_seq, send_at, created_at)
    VALUES (${deps.nextId()}, ${account_id}, ${given.conversation_id}, ${given.client_msg_id},
      ${by.kind === "key"}, ${tx.json(body)}, ${given.reply_to_seq ?? null},
      ${given.thread_seq ?? null}, ${new Date(given.send_at)}, ${new Date(deps.clock.now())})
    RETURNING *`;
  const made = row as Scheduled;
  await enqueueSending(tx, deps, made, made.id);
  return made;
}

/** A job is for one time alone: what is sent at another time has another job. */
export async function enqueueSending(
  tx: Writer,
  { jobs }: Pick<FeatureDeps, "jobs">,
  { id, send_at }: Scheduled,
  key = `${id} at ${send_at.getTime()}`,
): Promise<void> {
  const payload: Sending = { id, send_at: send_at.toISOString() };
  await jobs.enqueue(tx, { kind: sendKind, payload, key, runAt: send_at.getTime() });
}

/** What a job is about. */
export type Sending = { id: string; send_at?: string | undefined };

/** In the order in which they will be sent. */
export async function listScheduled(reader: Reader, accountId: string): Promise<Scheduled[]> {
  return await reader.all<Scheduled>`
    SELECT * FROM chat.scheduled WHERE account_id = ${accountId} ORDER BY send_at, id`;
}

/** Also one that could not be sent. Throws `request.conflict` once it is on its way. */
export async function callOff(
  tx: Writer,
  { files }: Pick<FeatureDeps, "files">,
  { id, by }: { id: string; by: string },
): Promise<void> {
  await drop(tx, files, await lockWaiting(tx, { id, by }));
}

/** Throws `request.conflict` for one that is on its way. */
export async function lockWaiting(
  tx: Writer,
  { id, by }: { id: string; by: string },
): Promise<Scheduled> {
  const row = await tx.one<Scheduled>`
    SELECT * FROM chat.scheduled WHERE id = ${id} AND account_id = ${by} FOR UPDATE`;
  if (!row) throw new AppError("chat.not_found", "There is no such message to be sent.");
  if (row.begun_at && row.failure === null) {
    throw new AppError("request.conflict", "It is being sent at this moment.");
  }
  return row;
}

export async function drop(tx: Writer, files: FeatureDeps["files"], { id, body }: Scheduled) {
  const dropped = await tx.run`DELETE FROM chat.scheduled WHERE id = ${id}`;
  if (dropped > 0) await files.letGo(tx, uploadsOf(body));
}

/** All of one person's, as when they are erased. */
export async function dropScheduled(
  tx: Writer,
  files: FeatureDeps["files"],
  accountId: string,
): Promise<void> {
  for (const row of await listScheduled(tx, accountId)) await drop(tx, files, row);
}

/** Whose account is gone has nothing more to say. */
export function formerSenders({ db, files }: Pick<FeatureDeps, "db" | "files">): Subscription {
  return {
    name: "chat.former_senders",
    types: [accountDeleted.type],
    async handle(event) {
      const { id } = accountDeleted.schema.parse(event.data);
      await db.write((tx) => dropScheduled(tx, files, id));
    },
  };
}
