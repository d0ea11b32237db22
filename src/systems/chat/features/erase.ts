import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { JobHandler } from "../../../platform/jobs/jobs.ts";
import { changedMessage } from "../messages/notes.ts";
import type { FeatureDeps } from "./deps.ts";
import { dropScheduled } from "./scheduled.ts";
import { tallied } from "./tally.ts";
import { wipe } from "./wipe.ts";

/**
 * Takes all that chat has of one person away: their name, what they said, reacted, voted, began to
 * write and wanted to send, their files, and what was kept of it in reports. They leave every
 * conversation. Places of messages stay, empty. A job in small steps, each of which bears a repeat.
 */
export const eraseKind = "chat.erase";
const jobTimeoutMs = 600_000;
const messagesAtOnce = 200;
const conversationsAtOnce = 200;

type Erasing = Pick<FeatureDeps, "db" | "clock" | "live" | "files" | "partWith">;

export function eraseJob(deps: Erasing): JobHandler {
  return {
    kind: eraseKind,
    timeoutMs: jobTimeoutMs,
    async run({ payload }, signal) {
      const { account_id } = payload as { account_id: string };
      await deps.partWith(account_id, signal);
      await deps.db.write((tx) => dropScheduled(tx, deps.files, account_id));
      await eachConversation(deps, account_id, signal, async (id) => {
        await wipeSaid(deps, id, account_id, signal);
      });
      await takeBack(deps, account_id, signal);
      await deps.db.write((tx) => emptyReports(tx, account_id));
    },
  };
}

/** Also those that they left, and such as were deleted. */
async function eachConversation(
  { db }: Erasing,
  accountId: string,
  signal: AbortSignal,
  work: (id: string) => Promise<void>,
): Promise<void> {
  let after = "0";
  for (;;) {
    const rows = await db.all<{ id: string }>`
      SELECT conversation_id AS id FROM chat.members
      WHERE account_id = ${accountId} AND conversation_id > ${after}
      ORDER BY conversation_id LIMIT ${conversationsAtOnce}`;
    for (const { id } of rows) {
      signal.throwIfAborted();
      await work(id);
    }
    after = rows.at(-1)?.id ?? after;
    if (rows.length < conversationsAtOnce) return;
  }
}

/** Lines such as "Ada added Bob" stay; who is named in them has no name any more. */
async function wipeSaid(deps: Erasing, id: string, accountId: string, signal: AbortSignal) {
  const { db, clock } = deps;
  let found = messagesAtOnce;
  while (found === messagesAtOnce) {
    signal.throwIfAborted();
    const rows = await db.all<{ seq: string }>`
      SELECT seq FROM chat.messages
      WHERE conversation_id = ${id} AND sender_id = ${accountId} AND body IS NOT NULL
        AND NOT body ? 'note'
      ORDER BY seq LIMIT ${messagesAtOnce}`;
    const seqs = rows.map(({ seq }) => Number(seq));
    const deletedAt = new Date(clock.now());
    await db.write((tx) => wipe(tx, deps, { id, seqs, deletedAt }));
    found = rows.length;
  }
  await db.write(async (tx) => {
    await tx.run`
      DELETE FROM chat.device_receipts WHERE conversation_id = ${id} AND account_id = ${accountId}`;
    await tx.run`
      UPDATE chat.members SET draft = NULL
      WHERE conversation_id = ${id} AND account_id = ${accountId} AND draft IS NOT NULL`;
  });
}

type Place = { conversation_id: string; seq: string };

async function takeBack({ db, live }: Erasing, accountId: string, signal: AbortSignal) {
  for (;;) {
    const places = await db.all<Place>`
      (SELECT conversation_id, seq FROM chat.reactions WHERE account_id = ${accountId}
        LIMIT ${messagesAtOnce})
      UNION
      (SELECT conversation_id, seq FROM chat.votes WHERE account_id = ${accountId}
        LIMIT ${messagesAtOnce})`;
    for (const place of places) {
      signal.throwIfAborted();
      await db.write((tx) => takeBackFrom(tx, live, place, accountId));
    }
    if (places.length === 0) return;
  }
}

async function takeBackFrom(
  tx: Writer,
  live: FeatureDeps["live"],
  { conversation_id, seq }: Place,
  accountId: string,
): Promise<void> {
  const forget = async () => {
    await tx.run`
      DELETE FROM chat.reactions WHERE conversation_id = ${conversation_id} AND seq = ${seq}
        AND account_id = ${accountId}`;
    await tx.run`
      DELETE FROM chat.votes WHERE conversation_id = ${conversation_id} AND seq = ${seq}
        AND account_id = ${accountId}`;
  };
  try {
    const at = { conversation_id, seq: Number(seq) };
    const changed = await changedMessage(tx, at, async (message) => {
      await forget();
      return { extra: await tallied(tx, message) };
    });
    if (changed) tx.afterCommit(() => live.message(changed));
  } catch (error) {
    if (!(error instanceof AppError && error.code === "chat.not_found")) throw error;
    // Of a conversation that was deleted nobody sees the sum.
    await forget();
  }
}

async function emptyReports(tx: Writer, accountId: string): Promise<void> {
  await tx.run`
    UPDATE chat.reports SET body = NULL WHERE sender_id = ${accountId} AND body IS NOT NULL`;
  await tx.run`
    UPDATE chat.reports SET comment = '' WHERE reporter_id = ${accountId} AND comment <> ''`;
}
