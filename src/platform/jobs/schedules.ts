import { Cron } from "croner";
import type { Clock } from "../clock/clock.ts";
import type { Db, Writer } from "../db/db.ts";
import type { Schedule } from "./jobs.ts";

/**
 * Turns due times into jobs. One row per schedule holds its next due time; whichever process
 * moves it on queues the job in the same transaction, so a due time fires once. However many
 * were missed while nobody ran, the row is in the past once, so they make up one firing.
 */
type Entry = { name: string; schedule: Schedule; cron: Cron; nextAt: number };

export type Schedules = ReturnType<typeof createSchedules>;

export function createSchedules(deps: {
  db: Db;
  clock: Clock;
  enqueue(tx: Writer, job: { kind: string; payload: unknown; key: string }): Promise<void>;
}) {
  const { db, clock } = deps;
  const entries: Entry[] = [];
  let unknown = false;

  const after = (cron: Cron, ms: number) => cron.nextRun(new Date(ms))?.getTime() ?? Infinity;

  /** Adopts the due times that the database holds; a new schedule starts from now. */
  async function load(): Promise<void> {
    for (const entry of entries) {
      const first = new Date(after(entry.cron, clock.now()));
      const row = await db.write(async (tx) => {
        await tx.run`
          INSERT INTO platform.schedules (name, next_at) VALUES (${entry.name}, ${first})
          ON CONFLICT DO NOTHING`;
        return await tx.one<{ next_at: Date }>`
          SELECT next_at FROM platform.schedules WHERE name = ${entry.name}`;
      });
      entry.nextAt = row?.next_at.getTime() ?? first.getTime();
    }
    unknown = false;
  }

  async function fire(entry: Entry, now: number): Promise<void> {
    const next = after(entry.cron, now);
    await db.write(async (tx) => {
      const mine = await tx.run`
        UPDATE platform.schedules SET next_at = ${new Date(next)}
        WHERE name = ${entry.name} AND next_at <= ${new Date(now)}`;
      if (mine === 0) return;
      const { kind, payload = null } = entry.schedule;
      await deps.enqueue(tx, { kind, payload, key: `schedule ${entry.schedule.cron}` });
    });
    entry.nextAt = next;
  }

  return {
    add(schedules: Schedule[]) {
      for (const schedule of schedules) {
        const cron = new Cron(schedule.cron, { timezone: "UTC", mode: "5-part", paused: true });
        const name = `${schedule.kind} ${schedule.cron}`;
        entries.push({ name, schedule, cron, nextAt: Infinity });
        unknown = true;
      }
    },
    /** Returns how many due times were handled. */
    async fireDue(): Promise<number> {
      if (unknown) await load();
      const now = clock.now();
      const due = entries.filter((entry) => entry.nextAt <= now);
      for (const entry of due) await fire(entry, now);
      return due.length;
    },
    nextAt: () => Math.min(Infinity, ...entries.map((entry) => entry.nextAt)),
  };
}
