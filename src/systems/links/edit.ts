import type { Principal } from "../../platform/auth/principal.ts";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Reader, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events, EventType } from "../../platform/events/events.ts";
import type { Accounts } from "../accounts/contract.ts";
import { linkDeleted, linkUpdated, type LinkFacts } from "./contract.ts";
import { checkLink, hashOf, type Checked } from "./draft.ts";
import type { Naming } from "./link.ts";
import type { UrlPolicy } from "./safety.ts";
import { factsOf } from "./shorten.ts";
import { announceChange, findOwned, lockOwned, updateLink, type ListedRow } from "./store.ts";
import type { UpdateLink } from "./wire.ts";

/** Changing and ending links. Owners reach their own; administrators reach all. */
export type EditDeps = {
  db: Db;
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

/** Undefined leaves the password as it is, null takes it away. */
type PasswordHash = string | null | undefined;

export class Edit {
  private readonly deps: EditDeps;

  constructor(deps: EditDeps) {
    this.deps = deps;
  }

  /** Before the transaction, because it takes long; what will be refused costs no hash. */
  async hashPassword(by: Principal, id: string, wish: UpdateLink): Promise<PasswordHash> {
    const { db, passwords } = this.deps;
    if (typeof wish.password === "string") this.check(await requireOwned(db, by, id), wish);
    return await hashOf(wish.password, passwords);
  }

  async update(
    tx: Writer,
    by: Principal,
    id: string,
    { passwordHash, ...wish }: UpdateLink & { passwordHash: PasswordHash },
  ): Promise<ListedRow> {
    const next = await this.change(tx, by, id, (row) => ({
      ...this.check(row, wish),
      ...(passwordHash !== undefined && { password_hash: passwordHash }),
    }));
    this.publish(tx, linkUpdated, next);
    await this.audit(tx, by, next, "links.updated", { fields: Object.keys(wish) });
    return next;
  }

  async remove(tx: Writer, by: Principal, id: string): Promise<void> {
    const deletedAt = new Date(this.deps.clock.now());
    const next = await this.change(tx, by, id, () => ({ deleted_at: deletedAt }));
    this.publish(tx, linkDeleted, next);
    await this.audit(tx, by, next, "links.deleted", { code: next.code });
  }

  private check(row: ListedRow, wish: UpdateLink): Partial<ListedRow> {
    const { urlPolicy, clock } = this.deps;
    const checked = checkLink(row as Checked, wish, { policy: urlPolicy(), now: clock.now() });
    refuseBelowUsed(checked.max_clicks, row.clicks_used);
    // A new target has yet to be found dead.
    return checked.url === row.url ? checked : { ...checked, dead_since: null };
  }

  private async change(
    tx: Writer,
    by: Principal,
    id: string,
    edit: (row: ListedRow) => Partial<ListedRow>,
  ): Promise<ListedRow> {
    const { clock, forget } = this.deps;
    const row = await lockOwned(tx, { id, ownerId: ownerScope(by) });
    if (!row || row.deleted_at) throw unknownLink(id);
    const next = { ...row, ...edit(row), updated_at: new Date(clock.now()) };
    await updateLink(tx, next);
    announceChange(tx, "edit", row);
    tx.afterCommit(() => forget(row.domain_id, row.code));
    return next;
  }

  private publish(tx: Writer, type: EventType<LinkFacts>, row: ListedRow): void {
    const data = factsOf(row, row.host, this.deps.naming);
    this.deps.events.publish(tx, type, { owner_id: row.owner_id, data });
  }

  private async audit(
    tx: Writer,
    actor: Principal,
    row: ListedRow,
    action: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    const what = { account_id: row.owner_id, actor, action, target: row.id, detail };
    await this.deps.accounts.audit(tx, what);
  }
}

function refuseBelowUsed(maxClicks: number | null, used: number): void {
  if (maxClicks === null || maxClicks >= used) return;
  const message = `${used} clicks are used already; give at least that many`;
  throw new AppError("links.invalid", `max_clicks: ${message}`, {
    fields: [{ field: "max_clicks", message }],
  });
}
