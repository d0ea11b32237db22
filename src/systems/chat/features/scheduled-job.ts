import type { Principal } from "../../../platform/auth/principal.ts";
import { AppError, type ErrorCode } from "../../../platform/errors/errors.ts";
import type { JobHandler } from "../../../platform/jobs/jobs.ts";
import type { FeatureDeps } from "./deps.ts";
import { drop, sendKind, type Scheduled, type Sending } from "./scheduled.ts";

/** Sends what was to be sent later, once its time has come. */
/** These pass, as outages do; everything else is an answer. */
const refusedForNow: ErrorCode[] = ["chat.slow_mode", "request.rate_limited"];
const backoffSeconds = [10, 60, 300, 900, 3_600, 3_600];

type SendDeps = Pick<FeatureDeps, "db" | "clock" | "accounts" | "sending" | "files">;

export function scheduledJob(deps: SendDeps): JobHandler {
  return {
    kind: sendKind,
    backoffSeconds,
    async run({ payload }) {
      const { id, send_at } = payload as Sending;
      const now = new Date(deps.clock.now());
      const at = send_at === undefined ? null : new Date(send_at);
      const row = await deps.db.write(
        (tx) => tx.one<Scheduled>`
          UPDATE chat.scheduled SET begun_at = ${now}
          WHERE id = ${id} AND failure IS NULL AND send_at = coalesce(${at}, send_at)
          RETURNING *`,
      );
      if (row) await sendNow(deps, row);
    },
  };
}

async function sendNow(deps: SendDeps, row: Scheduled): Promise<void> {
  const { db, sending, files } = deps;
  const { conversation_id, client_msg_id, body } = row;
  try {
    const seqs = {
      ...(row.reply_to_seq !== null && { reply_to_seq: Number(row.reply_to_seq) }),
      ...(row.thread_seq !== null && { thread_seq: Number(row.thread_seq) }),
    };
    const message = { conversation_id, client_msg_id, body, ...seqs, files_held: true };
    await sending.send(await senderOf(deps, row), message);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (refusedForNow.includes(error.code)) {
      // It was not sent, so it may be called off until it is tried again.
      await db.write(
        (tx) => tx.run`UPDATE chat.scheduled SET begun_at = NULL WHERE id = ${row.id}`,
      );
    }
    if (refusedForNow.includes(error.code) || error.code.startsWith("server.")) throw error;
    const failure = `${error.code}: ${error.message}`;
    await db.write(
      (tx) => tx.run`UPDATE chat.scheduled SET failure = ${failure} WHERE id = ${row.id}`,
    );
    return;
  }
  await db.write((tx) => drop(tx, files, row));
}

/** As who they are by now. */
async function senderOf({ db, accounts }: SendDeps, row: Scheduled): Promise<Principal> {
  const account = await accounts.findAccount(db, row.account_id);
  if (!account || account.disabled_at) {
    throw new AppError("chat.removed", "The account is gone or may not sign in.");
  }
  return {
    kind: row.by_program ? "key" : "session",
    account_id: account.id,
    role: account.role,
    tier: account.tier,
    scopes: ["chat:create"],
    credential_id: row.id,
  };
}
