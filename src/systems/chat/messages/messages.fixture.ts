import { openTestDb, testDatabase, type TestDatabase } from "../../../../test/database.ts";
import type { Principal } from "../../../platform/auth/principal.ts";
import { fakeClock, systemClock, type FakeClock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import { createEvents } from "../../../platform/events/outbox.ts";
import { openIds } from "../../../platform/ids/ids.ts";
import type { JobRunner } from "../../../platform/jobs/jobs.ts";
import { createJobs } from "../../../platform/jobs/queue.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { platformMigrations } from "../../../platform/platform.ts";
import type { Limits } from "../../limits/contract.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Live } from "../live.ts";
import { chatMigrations } from "../migrations.ts";
import { pairOf } from "../rows.ts";
import type { Conversation, Message, Receipts, Role } from "../shapes.ts";
import { createMessages, type Messages } from "./messages.ts";

/**
 * Messages on a database of their own, by as many processes as a test wants, and conversations as
 * the rest of chat would have made them. What `Live` was told is kept.
 */
export type Told = {
  messages: { message: Message; top_seq: number; members_rev: number }[];
  receipts: Receipts[];
  own: { account_id: string; conversation_id: string; self_rev: number }[];
};

export type Process = {
  messages: Messages;
  told: Told;
  db: Db;
  jobs: JobRunner;
};

export type MadeConversation = Partial<
  Pick<
    Conversation,
    "send_by" | "slow_mode_seconds" | "disappear_seconds" | "publishes_events" | "kind"
  >
> & { members: string[]; roles?: Role[] };

export type ChatWorld = {
  database: TestDatabase;
  db: Db;
  clock: FakeClock;
  process(): Promise<Process>;
  /** Returns its id. The first member is its owner. */
  conversation(given: MadeConversation): Promise<string>;
  stop(): Promise<void>;
};

export const principal = (account_id: string, kind: Principal["kind"] = "session"): Principal => ({
  ...{ kind, account_id, role: "member", tier: "free", scopes: ["*"], credential_id: "1" },
});

let lastId = 1000;
export const newId = () => String(++lastId);

export async function startChat(): Promise<ChatWorld> {
  const database = await testDatabase([...platformMigrations, ...chatMigrations]);
  // The time of day is the test's; what waits for others waits in truth.
  const { sleep, monotonic } = systemClock;
  const clock = { ...fakeClock(Date.now()), sleep, monotonic };
  const closing: (() => Promise<unknown>)[] = [];
  return {
    database,
    clock,
    db: database.db,
    async process() {
      const made = await openProcess(database, clock);
      closing.push(made.close);
      return made;
    },
    conversation: (given) => makeConversation(database.db, given),
    async stop() {
      for (const close of closing) await close();
      await database.drop();
    },
  };
}

async function openProcess(database: TestDatabase, clock: FakeClock) {
  const db = openTestDb(database.connection);
  const base = { db, clock, log: silentLog };
  const ids = await openIds(base);
  const jobs = createJobs({ ...base, ids });
  const events = createEvents({ ...base, ids, jobs });
  const told: Told = { messages: [], receipts: [], own: [] };
  const live: Live = {
    message: (change) => void told.messages.push(change),
    conversation: () => {},
    receipts: (receipts) => void told.receipts.push(receipts),
    own: (changes) => void told.own.push(...changes),
  };
  const messages = createMessages({
    ...{ ...base, ids, jobs, events, live, limits: unlimited },
    config: { chatUndeliveredAfterSeconds: 30 },
    // Words that the tests' filter refuses, and uploads of which there are none.
    admitting: {
      filtersFor: async () => new Map(),
      admit: async (_, asked) =>
        asked.map(({ body }) =>
          body.text.includes("darn")
            ? new AppError("chat.word_refused", "body.text: has a word that is not wanted here")
            : body,
        ),
    },
    attaching: {
      async attach() {
        throw new AppError("request.invalid", "body.attachments: there is no such upload");
      },
    },
  });
  jobs.register(messages.jobs, messages.schedules);
  const close = async () => {
    await messages.stop(AbortSignal.timeout(5_000));
    await ids.close();
    await db.close();
  };
  return { messages, told, db, jobs, close };
}

const unlimited: Limits = {
  take: () => ({ refusal: null, giveBack: async () => {} }),
  refund: async () => {},
  reset: async () => {},
  allowance: () => Number.POSITIVE_INFINITY,
  refused: () => {},
};

async function makeConversation(db: Db, given: MadeConversation): Promise<string> {
  const { members, roles = [], ...settings } = given;
  const id = newId();
  const kind = settings.kind ?? "group";
  const pair = kind === "direct" ? pairOf(members[0] as string, members[1] as string) : null;
  await db.write(async (tx) => {
    await tx.run`
      INSERT INTO chat.conversations (id, kind, pair, created_by, member_count, send_by,
        slow_mode_seconds, disappear_seconds, publishes_events)
      VALUES (${id}, ${kind}, ${pair}, ${members[0]}, ${members.length},
        ${settings.send_by ?? "members"}, ${settings.slow_mode_seconds ?? 0},
        ${settings.disappear_seconds ?? null}, ${settings.publishes_events ?? false})`;
    const asRole = members.map((_, i) => roles[i] ?? (i === 0 ? "owner" : "member"));
    await tx.run`
      INSERT INTO chat.members (conversation_id, account_id, role, rev)
      SELECT ${id}, account_id, role, 0
      FROM unnest(${tx.array(members, "int8")}, ${tx.array(asRole, "text")})
        AS t (account_id, role)`;
  });
  return id;
}
