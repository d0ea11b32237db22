import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Audit } from "./audit.ts";
import type { Changes } from "./changes.ts";
import { accountDeleted } from "./contract.ts";
import { requireAnotherAdmin } from "./directory.ts";
import { type Origin, unknownAccount } from "./register.ts";
import * as store from "./store.ts";

/**
 * Ends an account for good. Its row goes, and with it the name, the address, the password, every
 * session, key and outside identity, so all of them are refused from the commit on. The audit log
 * keeps the bare id. What the account owned in other systems is theirs to hand over or to erase:
 * they hear of it by event.
 */
export type DeleteAccount = (
  tx: Writer,
  account: { id: string; transfer_to: string | null },
  origin: Origin,
) => Promise<void>;

export function createDeletion(options: {
  events: Events;
  audit: Audit;
  changes: Changes;
}): DeleteAccount {
  const { events, audit, changes } = options;
  return async (tx, { id, transfer_to }, origin) => {
    // Before the row itself, so that two such changes take their locks in the same order.
    const admins = await store.lockAdmins(tx);
    if (!(await store.lockAccount(tx, id))) throw unknownAccount();
    requireAnotherAdmin(admins, id);
    if (transfer_to !== null) await requireHeir(tx, id, transfer_to);
    await store.deleteAccount(tx, id);
    events.publish(tx, accountDeleted, { owner_id: id, data: { id, transfer_to } });
    const entry = { account_id: id, action: "accounts.deleted", target: id };
    await audit(tx, { ...origin, ...entry, detail: { transfer_to } });
    await changes.announce(tx, { kind: "account", id });
  };
}

/** Locked, so that it is still there when the event is written. */
async function requireHeir(tx: Writer, id: string, heir: string): Promise<void> {
  const account = heir === id ? null : await store.lockAccount(tx, heir);
  if (account && account.disabled_at === null) return;
  const message = "another account that is not disabled";
  throw new AppError("request.conflict", `transfer_to: ${message}`, {
    fields: [{ field: "transfer_to", message }],
  });
}
