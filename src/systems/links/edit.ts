import type { Principal } from "../../platform/auth/principal.ts";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Reader, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Accounts } from "../accounts/contract.ts";
import { linkDeleted, linkUpdated } from "./contract.ts";
import { checkLink, type Checked } from "./draft.ts";
import type { Naming } from "./link.ts";
import type { UrlPolicy } from "./safety.ts";
import { factsOf } from "./shorten.ts";
import { announceChange, findOwned, lockOwned, updateLink, type ListedRow } from "./store.ts";
import type { UpdateLink } from "./wire.ts";

/** Changing and ending links. Owners reach their own; administrators reach all. */
export type EditDeps = {
  clock: Clock;
  events: Events;
  accounts: Accounts;
  passwords: Passwords;
  naming: Naming;
  urlPolicy(): UrlPolicy;
  /** Makes this process forget a code at once, before the answer is sent. */
  forget(domainId: string, code: string): void;
};

/** Null reaches every owner's. */
export function ownerScope(principal: Principal): string | null {
  return principal.role === "admin" ? null : principal.account_id;
}

/** A foreign link answers exactly as an unknown one. */
export async function requireOwned(
  reader: Reader,
  principal: Principal,
  id: string,
): Promise<ListedRow> {
  const row = await findOwned(reader, { id, ownerId: ownerScope(principal) });
  if (!row) throw unknownLink(id);
  return row;
}

export function unknownLink(id: string): AppError {
  return new AppError("links.not_found", `There is no link ${id} of yours.`);
}

export type Edit = ReturnType<typeof createEdit>;

export function createEdit(deps: EditDeps) {
  async function change(
    tx: Writer,
    by: Principal,
    id: string,
    edit: (row: ListedRow) => Promise<Partial<ListedRow>>,
  ): Promise<ListedRow> {
    const row = await lockOwned(tx, { id, ownerId: ownerScope(by) });
    if (!row || row.deleted_at) throw unknownLink(id);
    const next = { ...row, ...(await edit(row)), updated_at: new Date(deps.clock.now()) };
    await updateLink(tx, next);
    await announceChange(tx, "edit", row);
    tx.afterCommit(() => deps.forget(row.domain_id, row.code));
    return next;
  }

  return {
    async update(tx: Writer, by: Principal, id: string, wish: UpdateLink): Promise<ListedRow> {
      const options = {
        policy: deps.urlPolicy(),
        now: deps.clock.now(),
        passwords: deps.passwords,
      };
      const next = await change(tx, by, id, async (row) => {
        const checked = await checkLink(row as Checked, wish, options);
        refuseBelowUsed(checked.max_clicks, row.clicks_used);
        // A new target has yet to be found dead.
        return checked.url === row.url ? checked : { ...checked, dead_since: null };
      });
      await deps.events.publish(tx, linkUpdated, {
        owner_id: next.owner_id,
        data: factsOf(next, next.host, deps.naming),
      });
      await audit(tx, by, next, "links.updated", { fields: Object.keys(wish) });
      return next;
    },

    async remove(tx: Writer, by: Principal, id: string): Promise<void> {
      const deletedAt = new Date(deps.clock.now());
      const next = await change(tx, by, id, async () => ({ deleted_at: deletedAt }));
      await deps.events.publish(tx, linkDeleted, {
        owner_id: next.owner_id,
        data: factsOf(next, next.host, deps.naming),
      });
      await audit(tx, by, next, "links.deleted", { code: next.code });
    },
  };

  async function audit(
    tx: Writer,
    actor: Principal,
    row: ListedRow,
    action: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    await deps.accounts.audit(tx, {
      account_id: row.owner_id,
      actor,
      action,
      target: row.id,
      detail,
    });
  }
}

function refuseBelowUsed(maxClicks: number | null, used: number): void {
  if (maxClicks === null || maxClicks >= used) return;
  const message = `${used} clicks are used already; give at least that many`;
  throw new AppError("links.invalid", `max_clicks: ${message}`, {
    fields: [{ field: "max_clicks", message }],
  });
}
