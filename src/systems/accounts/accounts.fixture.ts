import { recordAnswers } from "../../../test/answers.ts";
import { openTestDb, testDatabase } from "../../../test/database.ts";
import { createPasswords, type Passwords } from "../../platform/auth/password.ts";
import { type Clock, systemClock } from "../../platform/clock/clock.ts";
import { type Config, loadConfig } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { createEvents, eventsMigration } from "../../platform/events/outbox.ts";
import { idempotencyMigration } from "../../platform/http/idempotency.ts";
import { createApi } from "../../platform/http/server.ts";
import { idsMigration, openIds } from "../../platform/ids/ids.ts";
import { createJobs, jobsMigration } from "../../platform/jobs/queue.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import type { Limits } from "../limits/contract.ts";
import { presetLimits } from "../limits/preset-limits.fixture.ts";
import { accountsMigrations } from "./migrations.ts";
import { accountsSystem, type AccountsOptions } from "./system.ts";

/**
 * The accounts system behind the real HTTP block on a database of its own. `another` is a second
 * process: its own pool, caches and listener on the same database, and the same limits, as
 * processes that share a Redis have.
 */
export type Stage = Awaited<ReturnType<typeof openStage>>;

export type StageOptions = {
  config?: Partial<Config>;
  clock?: Clock;
  passwords?: Passwords;
  outbound?: AccountsOptions["outbound"];
  started?: boolean;
};

export const password = "correct horse battery";
const publicUrl = "http://stoa.test";

/** The real algorithm at its least cost: these tests make many accounts. */
export const cheapPasswords = () =>
  createPasswords({ hashesAtOnce: 4, cost: { memoryCost: 8, timeCost: 2 } });

export async function openStage(options: StageOptions = {}) {
  const database = await testDatabase([
    idsMigration,
    idempotencyMigration,
    jobsMigration,
    eventsMigration,
    ...accountsMigrations,
  ]);
  const { clock = systemClock, config = {} } = options;
  const limits = presetLimits({ clock, config });
  const opened: { stop(): Promise<void> }[] = [];
  const open = async (more: StageOptions = {}, db = database.db) => {
    const process = await openProcess(db, limits, { ...options, ...more });
    opened.push(process);
    return process;
  };
  const first = await open();
  return {
    ...first,
    database,
    another: async (more: StageOptions = {}) => {
      const db = openTestDb(database.connection);
      opened.push({ stop: () => db.close() });
      return await open(more, db);
    },
    async close() {
      for (const one of opened.reverse()) await one.stop();
      await database.drop();
    },
  };
}

export type Process = Awaited<ReturnType<typeof openProcess>>;

async function openProcess(db: Db, limits: Limits, options: StageOptions) {
  const clock = options.clock ?? systemClock;
  const log = silentLog;
  const ids = await openIds({ db, clock: systemClock, log });
  const jobs = createJobs({ db, clock: systemClock, log, ids });
  const events = createEvents({ db, ids, jobs, clock: systemClock, log });
  const accounts = accountsSystem({
    db,
    limits,
    clock,
    log,
    nextId: ids.next,
    passwords: options.passwords ?? cheapPasswords(),
    config: { ...loadConfig({}), publicUrl, signUpOpen: true, ...options.config },
    outbound: options.outbound ?? { fetch: () => Promise.reject(new Error("nothing goes out")) },
    events,
  });
  if (options.started !== false) await accounts.start?.();
  const metrics = new Metrics();
  const api = createApi({
    db,
    clock: systemClock,
    log,
    routes: accounts.routes,
    metrics,
    authenticate: accounts.authenticate,
    requestBodyBytesMax: 1_048_576,
    requestTimeoutMs: 30_000,
    requestsInFlightMax: 1_000,
  });
  const call = (method: string, path: string, given: Call = {}) =>
    send(api.fetch, method, path, given);
  return {
    db,
    accounts,
    /** What stands in the outbox about an account. */
    published: (ownerId: string) => db.all<Published>`
      SELECT type, owner_id, data FROM platform.outbox WHERE owner_id = ${ownerId} ORDER BY id`,
    call,
    ...peopleOf(accounts, db, call),
    async stop() {
      recordAnswers(accounts.routes, metrics);
      await accounts.stop?.(AbortSignal.timeout(5_000));
      await ids.close();
    },
  };
}

type Published = { type: string; owner_id: string | null; data: unknown };

export type Call = {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
  address?: string;
};

export type Answer = { status: number; headers: Headers; body: Body };

/** Every field that some answer has; one that this answer lacks is undefined. */
export type Body = {
  id: string;
  code: string;
  detail: string;
  errors: { field: string; message: string }[];
  email: string | null;
  name: string;
  role: string;
  must_change_password: boolean;
  disabled_at: string | null;
  account_id: string | null;
  actor_id: string | null;
  action: string;
  target: string;
  access_token: string;
  refresh_token: string;
  expires_in: number;
  account: Body;
  current: boolean;
  user_agent: string;
  key: string;
  prefix: string;
  scopes: string[];
  last_used_at: string | null;
  items: Body[];
  next_cursor: string | null;
};

type Fetch = (request: Request, address: string) => Promise<Response>;

async function send(fetch: Fetch, method: string, path: string, given: Call): Promise<Answer> {
  const headers = new Headers(given.headers);
  if (given.token !== undefined) headers.set("authorization", `Bearer ${given.token}`);
  if (given.body !== undefined && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const body = given.body === undefined ? null : JSON.stringify(given.body);
  const request = new Request(`${publicUrl}/api/v1${path}`, { method, headers, body });
  const response = await fetch(request, given.address ?? "192.0.2.1");
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? {} : JSON.parse(text)) as Body,
  };
}

function peopleOf(
  accounts: ReturnType<typeof accountsSystem>,
  db: Db,
  call: (method: string, path: string, given?: Call) => Promise<Answer>,
) {
  const signIn = async (email: string, given: Call & { password?: string } = {}) => {
    const body = { email, password: given.password ?? password };
    const answer = await call("POST", "/sessions", { ...given, body });
    if (answer.status !== 200) throw new Error(`${email} cannot sign in: ${answer.body.detail}`);
    return {
      id: answer.body.account.id,
      token: answer.body.access_token,
      refresh: answer.body.refresh_token,
    };
  };
  let people = 0;
  return {
    signIn,
    /** Somebody new, signed in. */
    async person(role: "admin" | "member" = "member") {
      const email = `person-${++people}-${crypto.randomUUID()}@example.com`;
      await db.write((tx) => accounts.operations.createAccount(tx, { email, password, role }));
      return { email, ...(await signIn(email)) };
    },
  };
}

/** Asks again until it is so. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, ms = 20_000) {
  for (const end = performance.now() + ms; performance.now() < end;) {
    if (await isSo()) return;
    await Bun.sleep(10);
  }
  throw new Error(`not within ${ms} ms: ${what}`);
}
