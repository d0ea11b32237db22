import { invalidToken } from "../../platform/auth/tokens.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Audit } from "./audit.ts";
import type { Account } from "./contract.ts";
import {
  hashOf,
  parseRefreshToken,
  type RefreshToken,
  sameHash,
  successorOf,
  wasIssued,
} from "./refresh-token.ts";
import * as store from "./session-store.ts";
import type { Device, Issued, Sessions, SignedIn } from "./sessions.ts";
import { findAccount } from "./store.ts";

/** Staying signed in: each refresh token works once and brings its successor. */
export type Refresh = (presented: string, device: Device) => Promise<SignedIn>;

/**
 * How long the token before the last still gets the last one. Two tabs that refresh at once, or
 * an answer that was lost on its way, must not sign a person out; a thief who is this quick
 * shares the chain with the owner and is found out at the next use of either.
 */
export const refreshGraceMs = 10_000;

type Outcome = { account: Account; issued: Issued } | "reused" | null;

export function createRefresh(options: {
  db: Db;
  clock: Clock;
  sessions: Sessions;
  audit: Audit;
}): Refresh {
  const { db, clock, sessions, audit } = options;

  async function rotate(tx: Writer, token: RefreshToken, device: Device): Promise<Outcome> {
    const session = await store.lockSession(tx, token.session_id);
    const now = clock.now();
    if (!session || session.expires_at.getTime() <= now) return null;
    const account = await findAccount(tx, session.account_id);
    if (!account || account.disabled_at !== null) return null;
    if (!wasIssued(token, session.chain_key)) return null;
    const hash = hashOf(token);
    const successor = successorOf(token, session.chain_key);
    if (sameHash(hash, session.token_hash)) {
      const expires_at = sessions.expiryFrom(now, session.created_at.getTime());
      const { address } = device;
      const rotated = { token_hash: hashOf(successor), rotated_at: new Date(now), address };
      await store.rotateSession(tx, { id: session.id, expires_at, ...rotated });
      return { account, issued: { token: successor, expires_at } };
    }
    // Either way, because the clock may have stepped back meanwhile.
    const inGrace = Math.abs(now - session.rotated_at.getTime()) <= refreshGraceMs;
    if (inGrace && sameHash(hash, session.previous_hash)) {
      return { account, issued: { token: successor, expires_at: session.expires_at } };
    }
    await sessions.end(tx, session);
    const { address, request_id } = device;
    const action = "accounts.refresh_reused";
    const entry = { account_id: account.id, action, target: session.id, address, request_id };
    await audit(tx, { ...entry, actor: "system" });
    return "reused";
  }

  return async (presented, device) => {
    const token = parseRefreshToken(presented);
    // What a replay revokes must be committed, so the error is thrown only afterwards.
    const outcome = token && (await db.write((tx) => rotate(tx, token, device)));
    if (outcome === "reused") {
      const message = "This refresh token was used before; the session has been ended.";
      throw new AppError("auth.refresh_reused", message);
    }
    if (!outcome) throw invalidToken("The refresh token is not valid; sign in again.");
    return await sessions.answer(outcome.account, outcome.issued);
  };
}
