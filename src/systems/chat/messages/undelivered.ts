import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db, Writer } from "../../../platform/db/db.ts";
import type { Events } from "../../../platform/events/events.ts";
import type { Job, JobHandler, Jobs, Schedule } from "../../../platform/jobs/jobs.ts";
import { messageUndelivered } from "../contract.ts";

/**
 * Tells whoever sends pushes of members whom messages did not reach within the set time. There is
 * no row per recipient: what was sent in the span since the last look names the conversations, and
 * each member's marks say whether something of theirs did not arrive. Up to where somebody was told
 * of is a mark as well, so each range of messages is told once. Who muted a conversation is only
 * told of what mentions them. Of channels nothing is told.
 */
const kind = "chat.tell_undelivered";
const lookEverySeconds = 15;
const minuteSeconds = 60;
/** A message becomes visible a little after its time; a row somebody else has is tried again. */
const overlapMs = 60_000;
/** After a long stop, what is older than this is not worth a push any more. */
const lookBackMsMax = 86_400_000;
const batchMax = 1_000;

export type UndeliveredDeps = {
  db: Db;
  clock: Clock;
  events: Events;
  jobs: Jobs;
  /** 0: nobody is told. */
  afterSeconds: number;
};

export function undeliveredJob(deps: UndeliveredDeps): { job: JobHandler; schedule: Schedule } {
  return {
    job: {
      kind,
      async run(job, signal) {
        if (deps.afterSeconds === 0) return;
        if (job.payload === null) await followUp(deps, job);
        await look(deps, signal);
      },
    },
    schedule: { kind, cron: "* * * * *" },
  };
}

/** Schedules know minutes; the looks within one are jobs of their own. */
async function followUp({ db, clock, jobs }: UndeliveredDeps, { kind: again }: Job): Promise<void> {
  await db.write(async (tx) => {
    for (let after = lookEverySeconds; after < minuteSeconds; after += lookEverySeconds) {
      const runAt = clock.now() + after * 1000;
      await jobs.enqueue(tx, { kind: again, payload: { after }, key: `after ${after}`, runAt });
    }
  });
}

async function look(deps: UndeliveredDeps, signal: AbortSignal): Promise<void> {
  const untilMs = deps.clock.now() - deps.afterSeconds * 1000;
  let told = batchMax;
  while (told === batchMax && !signal.aborted) {
    told = await deps.db.write(async (tx) => {
      const behind = await takeBehind(tx, await spanFrom(tx, untilMs), untilMs, deps.clock.now());
      tellOf(tx, deps.events, behind);
      if (behind.length < batchMax) {
        await tx.run`
          UPDATE chat.undelivered_scan SET looked_until = ${new Date(untilMs)}
          WHERE looked_until < ${new Date(untilMs)}`;
      }
      return behind.length;
    });
  }
}

/** One look at a time, in all processes. */
async function spanFrom(tx: Writer, untilMs: number): Promise<Date> {
  const row = await tx.one<{ looked_until: Date }>`
    SELECT looked_until FROM chat.undelivered_scan FOR UPDATE`;
  const lookedMs = row?.looked_until.getTime() ?? 0;
  return new Date(Math.max(Math.min(lookedMs, untilMs) - overlapMs, untilMs - lookBackMsMax));
}

type Behind = {
  conversation_id: string;
  account_id: string;
  seq: string;
  sender_id: string;
  sent_at: Date;
  unread: string;
};

async function takeBehind(tx: Writer, from: Date, untilMs: number, now: number): Promise<Behind[]> {
  return await tx.all<Behind>`
    WITH sent AS MATERIALIZED (
      SELECT conversation_id, max(seq) AS seq FROM chat.messages
      WHERE created_at > ${from} AND created_at <= ${new Date(untilMs)}
        AND body IS NOT NULL AND NOT body ? 'note'
      GROUP BY conversation_id
    ), behind AS MATERIALIZED (
      SELECT m.conversation_id, m.account_id, s.seq, m.muted_until > ${new Date(now)} AS muted,
        greatest(m.delivered_seq, m.notified_seq, m.from_seq) AS had_seq,
        c.top_seq - greatest(m.read_seq, m.from_seq) AS unread
      FROM sent s
      JOIN chat.conversations c ON c.id = s.conversation_id AND c.kind <> 'channel'
        AND c.deleted_at IS NULL
      JOIN chat.members m ON m.conversation_id = s.conversation_id AND m.left_at IS NULL
        AND greatest(m.delivered_seq, m.notified_seq, m.from_seq) < s.seq
      WHERE NOT coalesce(m.muted_until > ${new Date(now)}, false) OR EXISTS (
        SELECT FROM chat.messages x WHERE x.conversation_id = m.conversation_id
          AND x.seq > greatest(m.delivered_seq, m.notified_seq, m.from_seq) AND x.seq <= s.seq
          AND x.body->'mentions' ? m.account_id::text)
      ORDER BY m.conversation_id, m.account_id LIMIT ${batchMax}
      FOR NO KEY UPDATE OF m SKIP LOCKED
    ), told AS (
      UPDATE chat.members m SET notified_seq = b.seq FROM behind b
      WHERE m.conversation_id = b.conversation_id AND m.account_id = b.account_id
    )
    SELECT b.conversation_id, b.account_id, b.unread, l.seq, l.sender_id, l.created_at AS sent_at
    FROM behind b CROSS JOIN LATERAL (
      SELECT x.seq, x.sender_id, x.created_at FROM chat.messages x
      WHERE x.conversation_id = b.conversation_id AND x.seq > b.had_seq AND x.seq <= b.seq
        AND x.body IS NOT NULL AND NOT x.body ? 'note'
        AND (NOT coalesce(b.muted, false) OR x.body->'mentions' ? b.account_id::text)
      ORDER BY x.seq DESC LIMIT 1) AS l`;
}

function tellOf(tx: Writer, events: Events, behind: Behind[]): void {
  if (behind.length === 0) return;
  events.publishAll(
    tx,
    messageUndelivered,
    behind.map(({ account_id, conversation_id, sender_id, ...row }) => ({
      owner_id: account_id,
      data: {
        ...{ account_id, conversation_id, sender_id },
        seq: Number(row.seq),
        unread: Number(row.unread),
        sent_at: row.sent_at.toISOString(),
      },
    })),
  );
}
