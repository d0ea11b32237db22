import type { AccessTokens } from "../../platform/auth/tokens.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import type { Account } from "./contract.ts";
import { firstToken, formatRefreshToken, hashOf, type RefreshToken } from "./refresh-token.ts";
import * as store from "./session-store.ts";

/** A session is one signed-in device: how it begins, how long it lasts, what it is given. */
export type Device = { address: string; user_agent: string; request_id: string };

export type Issued = { token: RefreshToken; expires_at: Date };

export type SignedIn = {
  access_token: string;
  expires_in: number;
  refresh_token: string;
  refresh_expires_at: Date;
  account: Account;
};

export type Sessions = ReturnType<typeof createSessions>;

export const sessionsPerAccountMax = 100;
const dayMs = 86_400_000;
const userAgentLengthMax = 256;

export function createSessions(options: {
  clock: Clock;
  nextId: () => string;
  tokens: AccessTokens;
  audit: Audit;
  changes: Changes;
  accessTokenTtlSeconds: number;
  refreshTokenTtlDays: number;
  sessionDaysMax: number;
}) {
  const { clock, audit, changes } = options;

  /** Each use prolongs a session, up to its greatest age. */
  function expiryFrom(now: number, createdAt: number): Date {
    const idle = now + options.refreshTokenTtlDays * dayMs;
    return new Date(Math.min(idle, createdAt + options.sessionDaysMax * dayMs));
  }

  return {
    expiryFrom,

    async open(tx: Writer, account: Account, device: Device): Promise<Issued> {
      const at = new Date(clock.now());
      const [id, account_id] = [options.nextId(), account.id];
      const chain_key = crypto.getRandomValues(new Uint8Array(32));
      const token = firstToken(id, chain_key);
      const expires_at = expiryFrom(at.getTime(), at.getTime());
      const dropped = await store.keepNewestSessions(tx, account_id, sessionsPerAccountMax - 1);
      for (const old of dropped) await changes.announce(tx, { kind: "credential", id: old });
      const { address, request_id } = device;
      const user_agent = plainAgent(device.user_agent);
      const shown = { user_agent, address, rotated_at: at, created_at: at };
      const token_hash = hashOf(token);
      await store.insertSession(tx, {
        id,
        account_id,
        token_hash,
        chain_key,
        expires_at,
        ...shown,
      });
      const { role, tier } = account;
      const who = { kind: "session", account_id, role, tier } as const;
      const actor = { ...who, credential_id: id, scopes: [] };
      const action = "accounts.signed_in";
      await audit(tx, { account_id, action, target: id, address, request_id, actor });
      return { token, expires_at };
    },

    /** Deletes one; false when the account has no such session. */
    async end(tx: Writer, which: { account_id: string; id: string }): Promise<boolean> {
      const ended = await store.deleteSessions(tx, which);
      for (const id of ended) await changes.announce(tx, { kind: "credential", id });
      return ended.length > 0;
    },

    async answer(account: Account, issued: Issued): Promise<SignedIn> {
      const left = Math.floor((issued.expires_at.getTime() - clock.now()) / 1000);
      const ttl = Math.max(1, Math.min(options.accessTokenTtlSeconds, left));
      const claims = { account_id: account.id, session_id: issued.token.session_id };
      return {
        access_token: await options.tokens.issue(claims, ttl),
        expires_in: ttl,
        refresh_token: formatRefreshToken(issued.token),
        refresh_expires_at: issued.expires_at,
        account,
      };
    },
  };
}

function plainAgent(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, " ")
    .slice(0, userAgentLengthMax);
}
