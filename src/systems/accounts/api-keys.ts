import { z } from "zod";
import { generateApiKey } from "../../platform/auth/keys.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import { type Origin, unknownAccount } from "./register.ts";
import * as store from "./key-store.ts";
import { lockAccount } from "./store.ts";

/** API keys: given out, renamed, revoked, and when each was last used. */
export type NewKey = { name: string; scopes: string[]; expires_at: Date | null };

export type ApiKeys = ReturnType<typeof createApiKeys>;

/** `*`, or `<system>:<read|create|write>` with `*` for either part. */
export const scopeSchema = z
  .string()
  .regex(/^(\*|(\*|[a-z]{1,30}):(\*|read|create|write))$/, 'a scope is "*" or like "links:read"')
  .meta({ examples: ["links:read"] });

export function createApiKeys(options: {
  clock: Clock;
  nextId: () => string;
  audit: Audit;
  changes: Changes;
  keysPerAccountMax: number;
}) {
  const { clock, audit, changes } = options;
  return {
    /** The plaintext exists only in this answer. */
    async create(
      tx: Writer,
      accountId: string,
      wanted: NewKey,
      origin: Origin,
    ): Promise<store.Key & { key: string }> {
      const now = clock.now();
      if (wanted.expires_at !== null && wanted.expires_at.getTime() <= now) {
        throw new AppError("request.invalid", "expires_at: it must lie in the future.", {
          fields: [{ field: "expires_at", message: "it must lie in the future" }],
        });
      }
      // Locking the owner's row makes the count below exact for parallel requests.
      const owner = await lockAccount(tx, accountId);
      if (!owner) throw unknownAccount();
      if ((await store.countKeys(tx, accountId)) >= options.keysPerAccountMax) {
        const message = `An account may hold ${options.keysPerAccountMax} keys; revoke one first.`;
        throw new AppError("accounts.key_limit", message);
      }
      const { plaintext, hash, prefix } = generateApiKey();
      const scopes = [...new Set(wanted.scopes)];
      const key = { ...wanted, scopes, id: options.nextId(), prefix, created_at: new Date(now) };
      await store.insertKey(tx, { ...key, account_id: accountId, key_hash: hash });
      const detail = { name: wanted.name, scopes };
      const action = "accounts.key_created";
      await audit(tx, { account_id: accountId, ...origin, action, target: key.id, detail });
      return { ...key, last_used_at: null, key: plaintext };
    },

    async rename(
      tx: Writer,
      key: { id: string; account_id: string; name: string },
      origin: Origin,
    ): Promise<store.Key> {
      const renamed = await store.renameKey(tx, key);
      if (!renamed) throw unknownKey();
      const { account_id, id: target } = key;
      const detail = { name: key.name };
      await audit(tx, { account_id, ...origin, action: "accounts.key_renamed", target, detail });
      return renamed;
    },

    async revoke(
      tx: Writer,
      key: { id: string; account_id: string },
      origin: Origin,
    ): Promise<void> {
      if (!(await store.deleteKey(tx, key))) throw unknownKey();
      const { account_id, id: target } = key;
      await audit(tx, { account_id, ...origin, action: "accounts.key_revoked", target });
      await changes.announce(tx, { kind: "credential", id: key.id });
    },
  };
}

function unknownKey(): AppError {
  return new AppError("accounts.key_not_found", "There is no such API key.");
}

const touchEveryMs = 60_000;
const flushEveryMs = 5_000;
const usedMax = 50_000;

/**
 * Notes when keys were last used, to the minute: a key used all day costs a write a minute, and
 * all that fell due since the last flush go in one statement.
 */
export function createKeyUse(options: { db: Db; clock: Clock; log: Log }) {
  const { db, clock, log } = options;
  const written = new Map<string, number>();
  let due = new Map<string, number>();
  const stopping = new AbortController();
  let running: Promise<void> | null = null;

  async function flush(): Promise<void> {
    if (due.size === 0) return;
    const used = [...due].map(([id, at]) => ({ id, at }));
    due = new Map();
    if (written.size > usedMax) written.clear();
    await db
      .write((tx) => store.touchKeys(tx, used))
      .catch((error: unknown) => log.warn("when keys were last used was not saved", { error }));
  }

  return {
    note(keyId: string): void {
      const now = clock.now();
      if (Math.abs(now - (written.get(keyId) ?? -Infinity)) < touchEveryMs) return;
      if (due.size >= usedMax) return;
      written.set(keyId, now);
      due.set(keyId, now);
    },
    flush,
    start(): void {
      running = (async () => {
        while (!stopping.signal.aborted) {
          await clock.sleep(flushEveryMs, stopping.signal);
          await flush();
        }
      })();
    },
    async stop(): Promise<void> {
      stopping.abort();
      await running;
      await flush();
    },
  };
}

export type KeyUse = ReturnType<typeof createKeyUse>;
