import { importSigningKey, type KeyRing, type SigningKey } from "../../platform/auth/tokens.ts";
import { randomText } from "../../platform/auth/keys.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Changes } from "./changes.ts";

/**
 * The keys that access tokens are signed with, shared by all processes through the database and
 * replaced every month. A superseded key verifies for another day, the longest life a token can
 * be given; then it is gone, and with it whatever an old backup could have signed.
 */
export type SigningKeys = KeyRing & {
  /** Makes the first key, and the next one when it is due. Any process may call it any time. */
  rotate(): Promise<void>;
};

const rotateAfterMs = 30 * 86_400_000;
const verifiesForMs = 86_400_000;
/** Made-up key ids in tokens cause no more reads than this allows. */
const reloadEveryMs = 1_000;

type Row = { kid: string; secret: Uint8Array; created_at: Date };

export function createSigningKeys(options: {
  db: Db;
  clock: Clock;
  changes: Changes;
}): SigningKeys {
  const { db, clock, changes } = options;
  let newest: SigningKey | null = null;
  let held = new Map<string, SigningKey>();
  let loadedAt = -Infinity;
  let loading: Promise<void> | null = null;

  changes.onChange((change) => {
    if (change.kind === "signing_keys" || change.kind === "all") loadedAt = -Infinity;
  });

  async function load(): Promise<void> {
    loadedAt = clock.monotonic();
    const rows = await db.all<Row>`
      SELECT kid, secret, created_at FROM accounts.signing_keys ORDER BY created_at DESC, kid`;
    const keys = await Promise.all(rows.map((row) => importSigningKey(row.kid, row.secret)));
    held = new Map(keys.map((key) => [key.kid, key]));
    newest = keys[0] ?? null;
  }

  function reload(): Promise<void> {
    loading ??= load()
      .catch((error: unknown) => {
        loadedAt = -Infinity;
        throw error;
      })
      .finally(() => {
        loading = null;
      });
    return loading;
  }

  async function rotate(): Promise<void> {
    await db.write(async (tx) => {
      if (await replaceDue(tx, clock.now())) await changes.announce(tx, { kind: "signing_keys" });
    });
    await reload();
  }

  return {
    rotate,
    async current() {
      // A key that another process made is used once heard of; until then the old one is good.
      if (newest === null) await rotate();
      else if (loadedAt === -Infinity) await reload().catch(() => {});
      if (newest === null) throw new AppError("server.busy", "There is no signing key yet.");
      return newest;
    },
    async find(kid) {
      const known = held.get(kid);
      if (known) return known;
      if (clock.monotonic() - loadedAt >= reloadEveryMs) await reload();
      return held.get(kid) ?? null;
    },
  };
}

/** True when keys were added or removed. */
async function replaceDue(tx: Writer, now: number): Promise<boolean> {
  await tx.all`SELECT pg_advisory_xact_lock(hashtextextended('accounts.signing_keys', 0))`;
  const newest = await tx.one<{ created_at: Date }>`
    SELECT created_at FROM accounts.signing_keys ORDER BY created_at DESC, kid LIMIT 1`;
  const age = newest === null ? Infinity : now - newest.created_at.getTime();
  if (age >= rotateAfterMs) {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    await tx.run`
      INSERT INTO accounts.signing_keys (kid, secret, created_at)
      VALUES (${randomText(16)}, ${secret}, ${new Date(now)})`;
    return true;
  }
  if (newest === null || age < verifiesForMs) return false;
  const removed = await tx.run`
    DELETE FROM accounts.signing_keys WHERE created_at < ${newest.created_at}`;
  return removed > 0;
}
