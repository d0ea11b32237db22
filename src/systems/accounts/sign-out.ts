import type { Principal } from "../../platform/auth/principal.ts";
import type { Writer } from "../../platform/db/db.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import { parseRefreshToken, wasIssued } from "./refresh-token.ts";
import type { Origin } from "./register.ts";
import * as store from "./session-store.ts";
import type { Sessions } from "./sessions.ts";

/** Signing out: one device, the one that holds a refresh token, or all. */
export type SignOut = ReturnType<typeof createSignOut>;

type From = Omit<Origin, "actor">;

export function createSignOut(options: { sessions: Sessions; audit: Audit; changes: Changes }) {
  const { sessions, audit, changes } = options;
  const action = "accounts.signed_out";
  return {
    /** False when the caller has no such session. */
    async one(tx: Writer, actor: Principal, id: string, from: From): Promise<boolean> {
      const { account_id } = actor;
      const ended = await sessions.end(tx, { account_id, id });
      if (ended) await audit(tx, { ...from, account_id, actor, action, target: id });
      return ended;
    },

    /** The session that a refresh token belongs to, however old the token; unknown ones do nothing. */
    async byToken(tx: Writer, presented: string, from: From): Promise<void> {
      const token = parseRefreshToken(presented);
      const session = token && (await store.lockSession(tx, token.session_id));
      if (!token || !session || !wasIssued(token, session.chain_key)) return;
      await sessions.end(tx, session);
      const { account_id, id: target } = session;
      await audit(tx, { ...from, account_id, actor: "system", action, target });
    },

    async everywhere(tx: Writer, actor: Principal, from: From): Promise<void> {
      const { account_id } = actor;
      await store.deleteSessions(tx, { account_id });
      const everywhere = "accounts.signed_out_everywhere";
      await audit(tx, { ...from, account_id, actor, action: everywhere, target: account_id });
      await changes.announce(tx, { kind: "account", id: account_id });
    },
  };
}
