import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db, Writer } from "../../../platform/db/db.ts";
import type { Jobs } from "../../../platform/jobs/jobs.ts";
import type { JobHandler, Schedule } from "../../../platform/jobs/jobs.ts";
import type { Body, Message } from "../shapes.ts";
import { previewSoon } from "./preview.ts";
import { forgetWords, lockSearch } from "./wipe.ts";
import { wordsOf } from "./words.ts";

/**
 * Looks at what was sent, soon afterwards, for its words and links, so that sending waits for
 * neither. What was sent since the last look names the conversations, and of each a mark says up to
 * where it was looked at: as `seq` has no holes and is given in the order of commits, what is above
 * the mark is new, and nothing is passed over.
 */
export const lookKind = "chat.look";

/** Also of what came with times of long ago, which no look by time finds. */
export async function lookSoon(tx: Writer, jobs: Jobs, conversation_id: string): Promise<void> {
  await jobs.enqueue(tx, { kind: lookKind, payload: { conversation_id }, key: conversation_id });
}

const lookEverySeconds = 10;
const minuteSeconds = 60;
/** A message becomes visible a little after its time. */
const overlapMs = 60_000;
const conversationsAtOnce = 1_000;
const messagesAtOnce = 500;
/** Between its steps it rests that many times as long as they take: sending goes first. */
const restPerWork = 2;
const jobTimeoutMs = 600_000;
/** What was sent earlier came by an import, or nobody waits for it any more. */
const previewAgeMsMax = 3_600_000;

export type LookDeps = {
  db: Db;
  clock: Clock;
  jobs: Jobs;
  config: { chatLinkPreviews: boolean };
};

export function lookJob(deps: LookDeps): { job: JobHandler; schedule: Schedule } {
  return {
    job: {
      kind: lookKind,
      timeoutMs: jobTimeoutMs,
      async run({ payload }, signal) {
        const { conversation_id } = (payload ?? {}) as { conversation_id?: string };
        if (conversation_id !== undefined) return await lookInto(deps, conversation_id, signal);
        if (payload === null) await followUp(deps);
        await look(deps, signal);
      },
    },
    schedule: { kind: lookKind, cron: "* * * * *" },
  };
}

/** Schedules know minutes; the looks within one are jobs of their own. */
async function followUp({ db, clock, jobs }: LookDeps): Promise<void> {
  await db.write(async (tx) => {
    for (let after = lookEverySeconds; after < minuteSeconds; after += lookEverySeconds) {
      const runAt = clock.now() + after * 1000;
      await jobs.enqueue(tx, { kind: lookKind, payload: { after }, key: `after ${after}`, runAt });
    }
  });
}

async function look(deps: LookDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps;
  const until = new Date(clock.now());
  const scan = await db.one<{ looked_until: Date }>`SELECT looked_until FROM chat.search_scan`;
  const from = new Date(Math.min(scan?.looked_until.getTime() ?? 0, until.getTime()) - overlapMs);
  for (;;) {
    const ids = await unlooked(db, from);
    for (const id of ids) await lookInto(deps, id, signal);
    if (ids.length < conversationsAtOnce) break;
  }
  await db.write((tx) => tx.run`UPDATE chat.search_scan SET looked_until = ${until}`);
}

async function unlooked(db: Db, from: Date): Promise<string[]> {
  const rows = await db.all<{ id: string }>`
    SELECT DISTINCT c.id FROM chat.messages d
    JOIN chat.conversations c ON c.id = d.conversation_id
    LEFT JOIN chat.search_marks s ON s.conversation_id = c.id
    WHERE d.created_at > ${from} AND c.top_seq > coalesce(s.looked_seq, 0)
    LIMIT ${conversationsAtOnce}`;
  return rows.map((row) => row.id);
}

async function lookInto(deps: LookDeps, id: string, signal: AbortSignal): Promise<void> {
  const { db, clock, config, jobs } = deps;
  let looked = messagesAtOnce;
  while (looked === messagesAtOnce) {
    signal.throwIfAborted();
    const began = clock.monotonic();
    looked = await db.write(async (tx) => {
      const mark = await lockSearch(tx, id);
      const rows = await tx.all<{ seq: string; body: Body | null; created_at: Date }>`
        SELECT seq, body, created_at FROM chat.shown_messages
        WHERE conversation_id = ${id} AND seq > ${mark} ORDER BY seq LIMIT ${messagesAtOnce}`;
      const messages = rows.map(({ seq, body }) => ({ conversation_id: id, seq: +seq, body }));
      await storeWords(tx, id, messages);
      if (config.chatLinkPreviews) {
        const after = clock.now() - previewAgeMsMax;
        const recent = messages.filter((_, n) => Number(rows[n]?.created_at) > after);
        await previewSoon(tx, jobs, recent);
      }
      await tx.run`
        UPDATE chat.search_marks SET looked_seq = ${messages.at(-1)?.seq ?? mark}
        WHERE conversation_id = ${id}`;
      return messages.length;
    });
    await clock.sleep((clock.monotonic() - began) * restPerWork, signal);
  }
}

type Said = Pick<Message, "conversation_id" | "seq" | "body">;

/** After its body changed, in the same transaction. */
export async function lookAgain(tx: Writer, message: Said): Promise<void> {
  await forgetWords(tx, message.conversation_id, [String(message.seq)]);
  await storeWords(tx, message.conversation_id, [message]);
}

async function storeWords(tx: Writer, id: string, messages: readonly Said[]): Promise<void> {
  const spoken = messages.flatMap(({ seq, body }) => {
    const words = body ? wordsOf(body).join(" ") : "";
    return words === "" ? [] : [{ seq, words }];
  });
  if (spoken.length === 0) return;
  const seqs = spoken.map(({ seq }) => seq);
  const words = spoken.map((one) => one.words);
  await tx.run`
    INSERT INTO chat.searchable (conversation_id, seq, words)
    SELECT ${id}, t.seq, array_to_tsvector(string_to_array(t.words, ' '))
    FROM unnest(${tx.array(seqs, "int8")}, ${tx.array(words, "text")}) AS t (seq, words)
    ON CONFLICT (conversation_id, seq) DO UPDATE SET words = excluded.words`;
}
