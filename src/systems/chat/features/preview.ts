import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { JobHandler, Jobs } from "../../../platform/jobs/jobs.ts";
import { OutboundError, type Outbound } from "../../../platform/outbound/outbound.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import { changedMessage } from "../messages/notes.ts";
import type { Message } from "../shapes.ts";
import { firstUrl, previewOf, type Preview } from "./preview-page.ts";

/**
 * Shows what a link leads to: fetched once, by a job, through the one way out, and put into the
 * message as a change. Where the page does not answer, there is no preview; it is not asked again.
 */
const previewKind = "chat.preview";
const fetchTimeoutMs = 5_000;
/** The head of a page stands at its beginning. */
const pageBytesMax = 256 * 1024;
const previewsAtOnce = 4;
const jobTimeoutMs = 20_000;
const rule = "chat.previews";

export type PreviewDeps = {
  db: Db;
  clock: Clock;
  live: Live;
  outbound: Pick<Outbound, "fetch">;
  accounts: Pick<Accounts, "findAccount">;
  limits: Limits;
  publicUrl: string;
};

type Said = Pick<Message, "conversation_id" | "seq" | "body">;

/** In the transaction in which the link was found. */
export async function previewSoon(tx: Writer, jobs: Jobs, messages: readonly Said[]) {
  for (const { conversation_id, seq, body } of messages) {
    if (!body || firstUrl(body.text) === null) continue;
    await jobs.enqueue(tx, { kind: previewKind, payload: { conversation_id, seq } });
  }
}

export function previewJob(deps: PreviewDeps): JobHandler {
  return {
    kind: previewKind,
    concurrency: previewsAtOnce,
    timeoutMs: jobTimeoutMs,
    async run({ payload }, signal) {
      const at = payload as { conversation_id: string; seq: number };
      const message = await deps.db.one<Pick<Message, "body" | "sender_id">>`
        SELECT body, sender_id FROM chat.shown_messages
        WHERE conversation_id = ${at.conversation_id} AND seq = ${at.seq}`;
      const url = firstUrl(message?.body?.text ?? "");
      if (!message || url === null || !(await mayAsk(deps, message.sender_id))) return;
      const preview = await fetched(deps, url, signal);
      if (preview) await show(deps, at, url, preview);
    },
  };
}

/** So that nobody sends others a flood of requests through their messages. */
async function mayAsk({ db, accounts, limits }: PreviewDeps, senderId: string): Promise<boolean> {
  const sender = await accounts.findAccount(db, senderId);
  if (!sender) return false;
  const { refusal } = await limits.take(rule, { user: sender.id, tier: sender.tier });
  return refusal === null;
}

async function fetched(
  { outbound, publicUrl }: PreviewDeps,
  url: string,
  signal: AbortSignal,
): Promise<Preview | null> {
  try {
    const answer = await outbound.fetch({
      ...{ url, signal, timeoutMs: fetchTimeoutMs, bytesMax: pageBytesMax, truncate: true },
      headers: { accept: "text/html", "user-agent": `Stoa link preview (${publicUrl})` },
    });
    const type = answer.headers.get("content-type") ?? "";
    if (answer.status !== 200 || !/^(text\/html|application\/xhtml\+xml)\b/i.test(type)) {
      return null;
    }
    return await previewOf(url, textOf(answer.body, type));
  } catch (error) {
    if (error instanceof OutboundError) return null;
    throw error;
  }
}

function textOf(body: Uint8Array, type: string): string {
  const named = /charset=["']?([\w-]+)/i.exec(type)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(named as "utf-8").decode(body);
  } catch {
    // A character set that nobody knows.
    return new TextDecoder().decode(body);
  }
}

/** Unless the message says something else by now, or nothing. */
async function show(
  { db, live, clock }: PreviewDeps,
  at: { conversation_id: string; seq: number },
  url: string,
  preview: Preview,
): Promise<void> {
  try {
    await db.write(async (tx) => {
      const changed = await changedMessage(tx, at, ({ body, extra, expires_at }) => {
        const isOver = expires_at !== null && expires_at.getTime() <= clock.now();
        if (isOver || !body || firstUrl(body.text) !== url) return null;
        return { extra: { ...extra, preview } };
      });
      if (changed) tx.afterCommit(() => live.message(changed));
    });
  } catch (error) {
    // The conversation is gone.
    if (!(error instanceof AppError && error.code === "chat.not_found")) throw error;
  }
}
