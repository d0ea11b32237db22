import { timingSafeEqual } from "node:crypto";
import { isRetryable } from "../db/sqlstate.ts";
import type { Db, Writer } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { AppError } from "../errors/errors.ts";
import type { JobHandler, Schedule } from "../jobs/jobs.ts";
import type { Reply } from "./route.ts";
import schema from "./idempotency.sql" with { type: "text" };

/**
 * `Idempotency-Key`: what tells the key, what tells the request and the reply are a row of the
 * very transaction that makes the change, so there is never one without the other. A second
 * request with the key waits on the first one's row: inside one process on its promise, across
 * processes on PostgreSQL's unique index. Failed requests leave no row and may be tried again.
 *
 * A body may hold a password, which a plain hash in the table would let anybody guess who reads
 * the table. So the key itself is not stored, only SHA-256 of caller and key, and the request is
 * known by its HMAC-SHA-256 under the key: without the key, which clients choose at random, there
 * is nothing to compare guesses with. A key that can be guessed protects nothing. Rejected: a
 * secret of the installation, which stands in the same database.
 * Draft: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export const idempotencyMigration: Migration = { id: "platform/idempotency/1", sql: schema };

export const idempotencyKeyLengthMax = 255;
/** Keys are kept at least this long. */
export const idempotencyKeptHours = 48;

export type IdempotentRequest = { caller: string; keyHash: Uint8Array; mac: Uint8Array };

type Stored = {
  request_mac: Uint8Array;
  status: number;
  headers: Record<string, string>;
  body: string | null;
};

export function createIdempotency(db: Db) {
  const running = new Map<string, Promise<Reply>>();

  async function perform(
    request: IdempotentRequest,
    work: (tx: Writer) => Promise<Reply>,
  ): Promise<Reply> {
    return await db.write(async (tx) => {
      const inserted = await tx.run`
        INSERT INTO platform.idempotency_keys (caller, key_hash, request_mac)
        VALUES (${request.caller}, ${request.keyHash}, ${request.mac})
        ON CONFLICT DO NOTHING`;
      if (inserted === 0) return await replay(tx, request);
      const reply = await work(tx);
      if (reply instanceof Response) throw new Error("an idempotent reply must be plain data");
      const body = reply.body === undefined ? null : JSON.stringify(reply.body);
      await tx.run`
        UPDATE platform.idempotency_keys
        SET status = ${reply.status}, headers = ${tx.json(reply.headers ?? {})}, body = ${body}
        WHERE caller = ${request.caller} AND key_hash = ${request.keyHash}`;
      return reply;
    });
  }

  return {
    async run(request: IdempotentRequest, work: (tx: Writer) => Promise<Reply>): Promise<Reply> {
      const name = Buffer.from(request.keyHash).toString("base64");
      const first = running.get(name);
      // Whatever became of the first one, the row (or its absence) now decides for this one.
      if (first) await first.catch(() => {});
      const mine = perform(request, work);
      running.set(name, mine);
      try {
        return await mine;
      } catch (error) {
        if (isRetryable(error)) throw inProgress();
        throw error;
      } finally {
        if (running.get(name) === mine) running.delete(name);
      }
    },
  };
}

/** Removes keys past their life, hourly. */
export function idempotencySweep(db: Db): { job: JobHandler; schedule: Schedule } {
  const kind = "platform.sweep_idempotency_keys";
  const job: JobHandler = {
    kind,
    async run() {
      await db.write(
        (tx) => tx.run`
          DELETE FROM platform.idempotency_keys
          WHERE created_at < now() - make_interval(hours => ${idempotencyKeptHours})`,
      );
    },
  };
  return { job, schedule: { kind, cron: "41 * * * *" } };
}

async function replay(tx: Writer, request: IdempotentRequest): Promise<Reply> {
  const stored = await tx.one<Stored>`
    SELECT request_mac, status, headers, body FROM platform.idempotency_keys
    WHERE caller = ${request.caller} AND key_hash = ${request.keyHash}`;
  if (!stored) throw inProgress();
  if (!timingSafeEqual(stored.request_mac, request.mac)) {
    throw new AppError(
      "idempotency.key_reused",
      "Idempotency-Key: this key was used for a different request; use a new key for a new one.",
      { fields: [{ field: "Idempotency-Key", message: "used for a different request" }] },
    );
  }
  return {
    status: stored.status,
    headers: { ...stored.headers, "idempotency-replayed": "true" },
    body: stored.body === null ? undefined : new RawJson(stored.body),
  };
}

/** JSON that is sent as it stands: a replay is the same to the byte. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

function inProgress(): AppError {
  return new AppError(
    "idempotency.in_progress",
    "A request with this Idempotency-Key is still running; try again shortly.",
    { retryAfterSeconds: 1 },
  );
}
