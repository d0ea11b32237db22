import type { Passwords } from "../../platform/auth/password.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import type { AccessTokens } from "../../platform/auth/tokens.ts";
import { invalidToken } from "../../platform/auth/tokens.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import type { Account } from "./contract.ts";
import { normaliseEmail, type Origin } from "./directory.ts";
import {
  firstToken,
  formatRefreshToken,
  hashOf,
  parseRefreshToken,
  type RefreshToken,
  sameHash,
  successorOf,
  wasIssued,
} from "./refresh-token.ts";
import * as store from "./store.ts";

/** Signing in, staying signed in, signing out. */
export type Device = { address: string; user_agent: string; request_id: string };

type From = Omit<Origin, "actor">;

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
/**
 * How long the token before the last still gets the last one. Two tabs that refresh at once, or
 * an answer that was lost on its way, must not sign a person out; a thief who is this quick
 * shares the chain with the owner and is found out at the next use of either.
 */
export const refreshGraceMs = 10_000;
const userAgentLengthMax = 256;

export function createSessions(options: {
  db: Db;
  clock: Clock;
  nextId: () => string;
  passwords: Passwords;
  tokens: AccessTokens;
  attempts: Attempts;
  audit: Audit;
  changes: Changes;
  accessTokenTtlSeconds: number;
  refreshTokenTtlDays: number;
  sessionDaysMax: number;
}) {
  const { db, clock, passwords, attempts, audit, changes } = options;

  /** Each use prolongs a session, up to its greatest age. */
  function expiryFrom(now: number, createdAt: number): Date {
    const idle = now + options.refreshTokenTtlDays * dayMs;
    return new Date(Math.min(idle, createdAt + options.sessionDaysMax * dayMs));
  }

  async function answer(
    account: Account,
    session: { token: RefreshToken; expires_at: Date },
  ): Promise<SignedIn> {
    const left = Math.floor((session.expires_at.getTime() - clock.now()) / 1000);
    const ttl = Math.max(1, Math.min(options.accessTokenTtlSeconds, left));
    const claims = { account_id: account.id, session_id: session.token.session_id };
    return {
      access_token: await options.tokens.issue(claims, ttl),
      expires_in: ttl,
      refresh_token: formatRefreshToken(session.token),
      refresh_expires_at: session.expires_at,
      account,
    };
  }

  async function open(tx: Writer, account: Account, device: Device) {
    const now = clock.now();
    const id = options.nextId();
    const chain_key = crypto.getRandomValues(new Uint8Array(32));
    const token = firstToken(id, chain_key);
    const expires_at = expiryFrom(now, now);
    const dropped = await store.keepNewestSessions(tx, account.id, sessionsPerAccountMax - 1);
    for (const old of dropped) await changes.announce(tx, { kind: "credential", id: old });
    await store.insertSession(tx, {
      ...{ id, account_id: account.id, token_hash: hashOf(token), chain_key, expires_at },
      ...{ address: device.address, user_agent: plainAgent(device.user_agent) },
      ...{ rotated_at: new Date(now), created_at: new Date(now) },
    });
    await audit(tx, {
      ...{ account_id: account.id, action: "accounts.signed_in", target: id },
      ...{ actor: "system", address: device.address, request_id: device.request_id },
    });
    return { token, expires_at };
  }

  /** The account when the password is right. Counts the attempt either way. */
  async function verifyPassword(
    attempt: Attempt,
    password: string,
    find: () => Promise<store.AccountSecrets | null>,
  ): Promise<store.AccountSecrets | null> {
    await attempts.count(attempt);
    try {
      const found = await find();
      const matches = await passwords.verify(password, found?.password_hash ?? null);
      return found && matches && found.disabled_at === null ? found : null;
    } catch (error) {
      await attempts.takeBack(attempt).catch(() => {});
      throw error;
    }
  }

  async function signIn(
    credentials: { email: string; password: string },
    device: Device,
  ): Promise<SignedIn> {
    const email = normaliseEmail(credentials.email);
    const attempt = { email, address: device.address };
    let known: string | null = null;
    const verified = await verifyPassword(attempt, credentials.password, async () => {
      const found = await store.findSecrets(db, { email });
      known = found?.id ?? null;
      return found;
    });
    const opened = await db.write(async (tx) => {
      // Again, under a lock: it may have been disabled or given another password meanwhile.
      const current = verified && (await store.lockAccount(tx, verified.id));
      const unchanged = current?.password_hash === verified?.password_hash;
      if (!current || current.disabled_at !== null || !unchanged) {
        // Also for unknown accounts, so that the answer takes the same time.
        await audit(tx, {
          ...{ account_id: known, action: "accounts.sign_in_failed", target: known ?? "unknown" },
          ...{ actor: "system", address: device.address, request_id: device.request_id },
        });
        return null;
      }
      await attempts.succeeded(tx, attempt);
      const { password_hash: _, ...account } = current;
      return { account, session: await open(tx, account, device) };
    });
    if (opened) return await answer(opened.account, opened.session);
    throw new AppError("auth.invalid_credentials", "The e-mail address or password is wrong.");
  }

  async function rotate(
    tx: Writer,
    token: RefreshToken,
    device: Device,
  ): Promise<
    { account: Account; session: { token: RefreshToken; expires_at: Date } } | "reused" | null
  > {
    const session = await store.lockSession(tx, token.session_id);
    const now = clock.now();
    if (!session || session.expires_at.getTime() <= now) return null;
    const account = await store.findAccount(tx, session.account_id);
    if (!account || account.disabled_at !== null) return null;
    const hash = hashOf(token);
    const isLast = sameHash(hash, session.token_hash);
    if (!isLast && !wasIssued(token, session.chain_key)) return null;
    const sinceMs = Math.abs(now - session.rotated_at.getTime());
    const inGrace = sameHash(hash, session.previous_hash) && sinceMs <= refreshGraceMs;
    const successor = successorOf(token, session.chain_key);
    if (inGrace) return { account, session: { token: successor, expires_at: session.expires_at } };
    if (!isLast) {
      await end(tx, { account_id: account.id, id: session.id });
      await audit(tx, {
        ...{ account_id: account.id, action: "accounts.refresh_reused", target: session.id },
        ...{ actor: "system", address: device.address, request_id: device.request_id },
      });
      return "reused";
    }
    const expires_at = expiryFrom(now, session.created_at.getTime());
    await store.rotateSession(tx, {
      ...{ id: session.id, token_hash: hashOf(successor), rotated_at: new Date(now) },
      ...{ expires_at, address: device.address },
    });
    return { account, session: { token: successor, expires_at } };
  }

  async function end(tx: Writer, which: { account_id: string; id: string }): Promise<boolean> {
    const ended = await store.deleteSessions(tx, which);
    for (const id of ended) await changes.announce(tx, { kind: "credential", id });
    return ended.length > 0;
  }

  return {
    signIn,
    verifyPassword,

    async refresh(presented: string, device: Device): Promise<SignedIn> {
      const token = parseRefreshToken(presented);
      const rotated = token && (await db.write((tx) => rotate(tx, token, device)));
      if (rotated === "reused") {
        const message = "This refresh token was used before; the session has been ended.";
        throw new AppError("auth.refresh_reused", message);
      }
      if (!rotated) throw invalidToken("The refresh token is not valid; sign in again.");
      return await answer(rotated.account, rotated.session);
    },

    /** Signs out the session that a refresh token belongs to; spent ones do not count. */
    async endByToken(tx: Writer, presented: string, from: From): Promise<void> {
      const token = parseRefreshToken(presented);
      const session = token && (await store.lockSession(tx, token.session_id));
      if (!token || !session || !wasIssued(token, session.chain_key)) return;
      await end(tx, session);
      const { account_id, id: target } = session;
      const action = "accounts.signed_out";
      await audit(tx, { account_id, actor: "system", ...from, action, target });
    },

    /** False when the caller has no such session. */
    async endOne(tx: Writer, actor: Principal, id: string, from: From): Promise<boolean> {
      const { account_id } = actor;
      const ended = await end(tx, { account_id, id });
      const action = "accounts.signed_out";
      if (ended) await audit(tx, { account_id, actor, ...from, action, target: id });
      return ended;
    },

    async endAll(tx: Writer, actor: Principal, from: From): Promise<void> {
      const { account_id } = actor;
      await store.deleteSessions(tx, { account_id });
      const action = "accounts.signed_out_everywhere";
      await audit(tx, { account_id, actor, ...from, action, target: account_id });
      await changes.announce(tx, { kind: "account", id: account_id });
    },
  };
}

function plainAgent(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, " ")
    .slice(0, userAgentLengthMax);
}
