import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { addressGroup } from "../../platform/http/address.ts";

/**
 * Limits guessing, per account and per address (IPv6: per /64). An attempt is counted before the
 * password is looked at and given back when it was right, so attempts in parallel cannot slip
 * past. The count is a leaking bucket in the database, one time stamp a row, so it holds over
 * all processes and restarts and answers exactly when to come back. Addresses that belong to no
 * account are counted alike and so tell nothing apart.
 */
export type Attempts = {
  /** Throws `request.rate_limited`. Without an e-mail only the address is counted. */
  count(attempt: Attempt): Promise<void>;
  /** It was no failure after all: forgets the account's and takes back the address's. */
  succeeded(tx: Writer, attempt: Attempt): Promise<void>;
  /** It never came to a decision, such as in overload. */
  takeBack(attempt: Attempt): Promise<void>;
};

export type Attempt = { email: string | null; address: string };

const hourMs = 3_600_000;

export function createAttempts(options: {
  db: Db;
  clock: Clock;
  signInsPerAccountPerHour: number;
  signInsPerAddressPerHour: number;
}): Attempts {
  const { db, clock } = options;
  const accountMs = Math.floor(hourMs / options.signInsPerAccountPerHour);
  const addressMs = Math.floor(hourMs / options.signInsPerAddressPerHour);
  return {
    async count({ email, address }) {
      const now = clock.now();
      const waitMs = await db.write(async (tx) => {
        const wait = await pour(tx, addressBucket(address), { dropMs: addressMs, now });
        if (wait > 0 || email === null) return wait;
        return await pour(tx, accountBucket(email), { dropMs: accountMs, now });
      });
      if (waitMs <= 0) return;
      throw new AppError("request.rate_limited", "Too many failed attempts; try again later.", {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      });
    },
    async succeeded(tx, { email, address }) {
      await takeOut(tx, addressBucket(address), addressMs);
      if (email === null) return;
      await tx.run`DELETE FROM accounts.attempts WHERE bucket = ${accountBucket(email)}`;
    },
    async takeBack({ email, address }) {
      await db.write(async (tx) => {
        await takeOut(tx, addressBucket(address), addressMs);
        if (email !== null) await takeOut(tx, accountBucket(email), accountMs);
      });
    },
  };
}

/** Adds one drop. Zero when it fitted, else the milliseconds until one will. */
async function pour(
  tx: Writer,
  bucket: string,
  { dropMs, now }: { dropMs: number; now: number },
): Promise<number> {
  const from = new Date(now);
  const fitted = await tx.one`
    INSERT INTO accounts.attempts AS a (bucket, drained_at)
    VALUES (${bucket}, ${new Date(now + dropMs)})
    ON CONFLICT (bucket) DO UPDATE
      SET drained_at = greatest(a.drained_at, ${from}) + ${dropMs} * interval '1 millisecond'
      WHERE greatest(a.drained_at, ${from}) + ${dropMs} * interval '1 millisecond'
        <= ${new Date(now + hourMs)}
    RETURNING 1`;
  if (fitted) return 0;
  const full = await tx.one<{ drained_at: Date }>`
    SELECT drained_at FROM accounts.attempts WHERE bucket = ${bucket}`;
  return Math.max(1, (full?.drained_at.getTime() ?? now) + dropMs - hourMs - now);
}

async function takeOut(tx: Writer, bucket: string, dropMs: number): Promise<void> {
  await tx.run`
    UPDATE accounts.attempts SET drained_at = drained_at - ${dropMs} * interval '1 millisecond'
    WHERE bucket = ${bucket}`;
}

function addressBucket(address: string): string {
  return `address:${addressGroup(address)}`;
}

/** Hashed: what people type here is sometimes their password. */
function accountBucket(email: string): string {
  return `account:${new Bun.CryptoHasher("sha256").update(email).digest("hex")}`;
}
