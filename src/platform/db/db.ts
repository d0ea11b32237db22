import { SQL } from "bun";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import { explain, withDeadline } from "./deadline.ts";
import { createGate } from "./gate.ts";
import { followReplica } from "./replica.ts";
import { isRetryable, isTimeout } from "./sqlstate.ts";
import { inTransaction, type Sent, type Terms } from "./transaction.ts";

export { explain, withDeadline } from "./deadline.ts";
export { parseLsn } from "./replica.ts";

/**
 * The way to PostgreSQL. A `Reader` runs single statements; only a transaction yields a
 * `Writer`, so a change can never be made half: outside of one the server refuses to write. Every
 * statement has a deadline on the server (statement_timeout) and one here, because a frozen server
 * answers no time-out of its own.
 */
export type Row = Record<string, unknown>;

export interface Reader {
  /** Runs one parametrised statement: `` reader.all<User>`SELECT ... ${id}` ``. */
  all<T = Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]>;
  /** The first row, or null. */
  one<T = Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T | null>;
  /** A fragment of SQL to embed in another statement. */
  sql(strings: TemplateStringsArray, ...values: unknown[]): unknown;
  /** A typed array parameter; `type` is a PostgreSQL type such as `int8` or `text`. */
  array(values: readonly unknown[], type: string): unknown;
  json(value: unknown): unknown;
}

/** A reader that is in no transaction. */
export interface TimedReader extends Reader {
  /** What `work` reads; null where one of its statements takes longer than `timeoutMs`. */
  within<T>(timeoutMs: number, work: (reader: Reader) => Promise<T>): Promise<T | null>;
}

declare const writer: unique symbol;

export interface Writer extends Reader {
  readonly [writer]: true;
  /** Rows changed by one statement. */
  run(strings: TemplateStringsArray, ...values: unknown[]): Promise<number>;
  /** Sends one statement and waits for nothing: the commit goes out behind it, and fails with it. */
  send(strings: TemplateStringsArray, ...values: unknown[]): void;
  /** Runs once the transaction has committed, never when it rolled back. */
  afterCommit(effect: () => void): void;
  /** Streams COPY ... FROM STDIN inside this transaction. `statement` has no parameters. */
  copyIn(statement: string, chunks: Iterable<string | Uint8Array>): Promise<void>;
}

/** What `new SQL()` takes: a URL, or options for a Unix socket. */
export type Connection = string | (SQL.Options & { adapter: "postgres" });

export type DbOptions = {
  primary: Connection;
  replica?: Connection | undefined;
  poolMax: number;
  acquireTimeoutMs: number;
  statementTimeoutMs: number;
  clock: Clock;
  log: Log;
  /** How the sessions show in pg_stat_activity; a server's are called `stoa`. */
  applicationName?: string | undefined;
};

/** What the sessions of a running server are called. */
export const serverSessions = "stoa";

export interface Db extends TimedReader {
  /** Runs `work` in one transaction. Retried on serialisation failure and deadlock only. */
  write<T>(work: (tx: Writer) => Promise<T> | T, options?: WriteOptions): Promise<T>;
  /**
   * A reader that may lag: the replica once it has replayed `lsn`, else the primary. Callers
   * pass the position of their own last write (null: none) and so always read it back.
   */
  lagging(lsn: string | null): TimedReader;
  /** The log position that the commits made so far end at. */
  position(): Promise<string>;
  /** Calls `heard` per notification, `resubscribed` after every (re)connection. */
  listen(
    channel: string,
    heard: (payload: string) => void,
    resubscribed: () => void,
  ): Promise<() => Promise<void>>;
  /** The bare client, for COPY out and other streams. Not for statements that change rows. */
  readonly client: SQL;
  /** True when a trivial statement answers within `timeoutMs`. */
  healthy(timeoutMs: number): Promise<boolean>;
  /** Waits for statements that still run, until the deadline. */
  close(deadline?: AbortSignal): Promise<void>;
}

export type WriteOptions = Omit<Terms, "readOnly"> & {
  /** Longest the whole transaction may take; past it the caller gets 503, outcome unknown. */
  timeoutMs?: number;
};

const retriesMax = 3;
const closeTimeoutSeconds = 5;

export function openDb(options: DbOptions): Db {
  const client = openClient(options.primary, options, options.poolMax);
  const replica = options.replica ? openClient(options.replica, options, options.poolMax) : null;
  const deadlineMs = options.statementTimeoutMs + options.acquireTimeoutMs;
  const primaryReader = timedReaderOf(client, deadlineMs);
  const gate = createGate(options.poolMax - 1, options.acquireTimeoutMs);
  const follower = replica && followReplica(replica, options);
  const replicaReader = replica && timedReaderOf(replica, deadlineMs);

  return {
    ...primaryReader,
    client,
    lagging(lsn) {
      if (!replicaReader || !follower) return primaryReader;
      return follower.hasReplayed(lsn) ? replicaReader : primaryReader;
    },
    async write(work, writeOptions = {}) {
      const release = await gate.enter();
      const running = attempt(client, work, writeOptions).finally(release);
      return await withDeadline(running, writeOptions.timeoutMs ?? deadlineMs);
    },
    async position() {
      const row = await primaryReader.one<{ lsn: string }>`
        SELECT pg_current_wal_insert_lsn()::text AS lsn`;
      return row?.lsn ?? "0/0";
    },
    async listen(channel, heard, resubscribed) {
      const subscription = await client.listen(channel, heard, resubscribed);
      return () => subscription.unlisten();
    },
    async healthy(timeoutMs) {
      try {
        await withDeadline(
          client`SELECT 1`.then(() => true),
          timeoutMs,
        );
        return true;
      } catch {
        return false;
      }
    },
    async close(deadline) {
      follower?.stop();
      const close = (timeout: number) =>
        Promise.all([client.close({ timeout }), replica?.close({ timeout })]);
      const hurry = () => void close(0).catch(() => {}); // the first close tells what is wrong
      deadline?.addEventListener("abort", hurry);
      await close(deadline?.aborted ? 0 : closeTimeoutSeconds);
      deadline?.removeEventListener("abort", hurry);
    },
  };
}

function openClient(connection: Connection, options: DbOptions, max: number): SQL {
  const settings = {
    max,
    idleTimeout: 0,
    connectionTimeout: Math.ceil(options.acquireTimeoutMs / 1000),
    connection: {
      application_name: options.applicationName ?? serverSessions,
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: 60_000,
      TimeZone: "UTC",
      default_transaction_read_only: "on",
    },
  };
  return typeof connection === "string"
    ? new SQL(connection, settings)
    : new SQL({ ...connection, ...settings } as SQL.Options);
}

function timedReaderOf(sql: SQL, deadlineMs: number): TimedReader {
  const limited = <T>(statementTimeoutMs: number, work: (reader: Reader) => Promise<T>) =>
    inTransaction(sql, { readOnly: true, statementTimeoutMs }, async (session) => ({
      value: await work(readerOf(session, deadlineMs)),
    }));
  return {
    ...readerOf(sql, deadlineMs),
    async within(timeoutMs, work) {
      const running = limited(timeoutMs, work).catch((error: unknown) => {
        if (isTimeout(error)) return null;
        throw error;
      });
      return (await withDeadline(running, deadlineMs))?.value ?? null;
    },
  };
}

function readerOf(sql: SQL, deadlineMs: number): Reader {
  return {
    all: (strings, ...values) => withDeadline(sql(strings, ...values), deadlineMs) as never,
    one: async (strings, ...values) => {
      const rows = (await withDeadline(sql(strings, ...values), deadlineMs)) as never[];
      return rows[0] ?? null;
    },
    sql: (strings, ...values) => sql(strings, ...values),
    array: (values, type) => sql.array(values as unknown[], type),
    json: (value) => sql.json(value),
  };
}

async function attempt<T>(
  client: SQL,
  work: (tx: Writer) => Promise<T> | T,
  options: WriteOptions,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    const effects: (() => void)[] = [];
    try {
      const result = await inTransaction(client, options, (tx, sent) =>
        work(writerOf(tx, sent, effects)),
      );
      for (const effect of effects) effect();
      return result;
    } catch (error) {
      if (isRetryable(error) && tried < retriesMax) continue;
      throw explain(error);
    }
  }
}

function writerOf(tx: SQL, sent: Sent, effects: (() => void)[]): Writer {
  const base: Omit<Writer, typeof writer> = {
    all: (strings, ...values) => tx(strings, ...values) as never,
    one: async (strings, ...values) => ((await tx(strings, ...values)) as never[])[0] ?? null,
    run: async (strings, ...values) => (await tx(strings, ...values)).count,
    send: (strings, ...values) => sent.add(tx(strings, ...values)),
    sql: (strings, ...values) => tx(strings, ...values),
    array: (values, type) => tx.array(values as unknown[], type),
    json: (value) => tx.json(value),
    afterCommit: (effect) => effects.push(effect),
    async copyIn(statement, chunks) {
      const stream = tx.unsafe(statement).writable().getWriter();
      try {
        for (const chunk of chunks) await stream.write(chunk);
        await stream.close();
      } catch (error) {
        await stream.abort(error).catch(() => {});
        throw error;
      }
    },
  };
  return base as Writer;
}
