import { timingSafeEqual } from "node:crypto";
import { isRetryable } from "../db/sqlstate.ts";
import type { Db, Writer } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { AppError } from "../errors/errors.ts";
import type { JobHandler, Schedule } from "../jobs/jobs.ts";
import { RawJson, type Reply } from "./route.ts";
import schema from "./idempotency.sql" with { type: "text" };

/**
 * `Idempotency-Key`: what tells the key, what tells the request and the reply are a row of the
 * very transaction that makes the change, so there is never one without the other. A second
 * request with the key waits on the first one's row: inside one process on its promise, across
 * processes on PostgreSQL's unique index. Failed requests leave no row and may be tried again.
 *
 * A transaction may serve many requests. Their claims are one statement, which stores the reply
 * as well where it is known before the work is done; only one that turns out differently is
 * written a second time.
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
/** Visible ASCII characters. */
export const idempotencyKeyPattern = new RegExp(`^[!-~]{1,${idempotencyKeyLengthMax}}$`);
/** Keys are kept at least this long. */
export const idempotencyKeptHours = 48;

/** Hashes are hexadecimal; that of the key holds the caller, so it stands for both. */
export type Claim = { caller: string; keyHash: string; mac: string };
export type Outcome = Reply | AppError;
/** Without a claim it is merely done. `reply` is null where only the work tells it. */
type Asked = { claim: Claim | null; reply: Reply | null };
type Claimant = { claim: Claim; reply: Reply | null };

type Stored = {
  request_mac: string;
  status: number;
  headers: Record<string, string>;
  body: string | null;
};

/** Keeps two requests of this process with one key from waiting for each other in the database. */
export function createIdempotency() {
  const running = new Map<string, Promise<Reply>>();
  return {
    async once({ keyHash }: Claim, write: () => Promise<Reply>): Promise<Reply> {
      const first = running.get(keyHash);
      // Whatever became of the first one, the row (or its absence) now decides for this one.
      if (first) await first.catch(() => {});
      const mine = write();
      running.set(keyHash, mine);
      try {
        return await mine;
      } catch (error) {
        if (isRetryable(error)) throw inProgress();
        throw error;
      } finally {
        if (running.get(keyHash) === mine) running.delete(keyHash);
      }
    },
  };
}

/**
 * Claims all keys, lets `work` do what is asked by those that got theirs (or need none), and
 * answers the rest from what is stored. Whoever is refused by `work` gives the key back.
 */
export async function writeClaimed<T extends Asked>(
  tx: Writer,
  asked: T[],
  work: (mine: T[]) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const claimants = asked.filter((one): one is T & Claimant => one.claim !== null);
  const lost = new Set<T>(await claimAll(tx, claimants));
  const mine = asked.filter((one) => !lost.has(one));
  const made = mine.length > 0 ? await work(mine) : [];
  const outcomes = new Map<T, Outcome>(mine.map((one, i) => [one, made[i] as Outcome]));
  for (const [{ claim, reply }, outcome] of outcomes) {
    if (claim && outcome !== reply) await settle(tx, claim, outcome);
  }
  for (const one of claimants) {
    if (lost.has(one)) outcomes.set(one, await replay(tx, one.claim));
  }
  return asked.map((one) => outcomes.get(one) as Outcome);
}

/** Returns those whose key was claimed before. */
async function claimAll<T extends Claimant>(tx: Writer, claimants: T[]): Promise<T[]> {
  if (claimants.length === 0) return [];
  // In one order everywhere, so that no two transactions wait for each other.
  const ordered = claimants.toSorted((a, b) => {
    const [one, other] = [a.claim.keyHash, b.claim.keyHash];
    return Number(one > other) - Number(one < other);
  });
  const rows = ordered.map(({ claim, reply }) => ({
    caller: claim.caller,
    key_hash: `\\x${claim.keyHash}`,
    request_mac: `\\x${claim.mac}`,
    ...(reply && stored(reply)),
  }));
  const inserted = await tx.all<{ key_hash: string }>`
    INSERT INTO platform.idempotency_keys (caller, key_hash, request_mac, status, headers, body)
    SELECT caller, key_hash, request_mac, status, headers, body
    FROM jsonb_populate_recordset(NULL::platform.idempotency_keys, ${tx.json(rows)})
    ON CONFLICT DO NOTHING
    RETURNING encode(key_hash, 'hex') AS key_hash`;
  const free = new Set(inserted.map((row) => row.key_hash));
  // Of two with one key here, the first has inserted it.
  return ordered.filter(({ claim }) => !free.delete(claim.keyHash));
}

async function settle(tx: Writer, { caller, keyHash }: Claim, outcome: Outcome): Promise<void> {
  if (outcome instanceof AppError) {
    await tx.run`
      DELETE FROM platform.idempotency_keys
      WHERE caller = ${caller} AND key_hash = decode(${keyHash}, 'hex')`;
    return;
  }
  const { status, headers, body } = stored(outcome);
  await tx.run`
    UPDATE platform.idempotency_keys
    SET status = ${status}, headers = ${tx.json(headers)}, body = ${body}
    WHERE caller = ${caller} AND key_hash = decode(${keyHash}, 'hex')`;
}

function stored(reply: Reply): Omit<Stored, "request_mac"> {
  if (reply instanceof Response) throw new Error("an idempotent reply must be plain data");
  const { status, headers = {}, body } = reply;
  return { status, headers, body: body === undefined ? null : JSON.stringify(body) };
}

async function replay(tx: Writer, { caller, keyHash, mac }: Claim): Promise<Outcome> {
  const row = await tx.one<Stored>`
    SELECT encode(request_mac, 'hex') AS request_mac, status, headers, body
    FROM platform.idempotency_keys
    WHERE caller = ${caller} AND key_hash = decode(${keyHash}, 'hex')`;
  if (!row) return inProgress();
  if (!timingSafeEqual(Buffer.from(row.request_mac), Buffer.from(mac))) {
    return new AppError(
      "idempotency.key_reused",
      "Idempotency-Key: this key was used for a different request; use a new key for a new one.",
      { fields: [{ field: "Idempotency-Key", message: "used for a different request" }] },
    );
  }
  return {
    status: row.status,
    headers: { ...row.headers, "idempotency-replayed": "true" },
    body: row.body === null ? undefined : new RawJson(row.body),
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

function inProgress(): AppError {
  return new AppError(
    "idempotency.in_progress",
    "A request with this Idempotency-Key is still running; try again shortly.",
    { retryAfterSeconds: 1 },
  );
}
