import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Accounts } from "../accounts/contract.ts";
import {
  domainQuarantined,
  domainReleased,
  linkQuarantined,
  linkReleased,
  ownerQuarantined,
  ownerReleased,
} from "./contract.ts";
import { type DomainRow, domainsChannel } from "./domain.ts";
import { unknownLink } from "./edit.ts";
import type { Naming } from "./link.ts";
import { factsOf } from "./shorten.ts";
import { announceChange, type ListedRow, lockOwned } from "./store.ts";
import type { Targets } from "./targets.ts";

/**
 * Stops links, owners and domains, and lets them go again. Visitors of what is stopped see a
 * warning. Each change goes into the owner's audit log and out as an event once, and is heard by
 * every process; a repeat only renews the reason.
 */
export type QuarantineDeps = {
  clock: Clock;
  events: Events;
  accounts: Accounts;
  naming: Naming;
  targets: Pick<Targets, "forget" | "forgetAll">;
};

export type Actor = Principal | "system";

export class Quarantine {
  private readonly deps: QuarantineDeps;

  constructor(deps: QuarantineDeps) {
    this.deps = deps;
  }

  async link(tx: Writer, actor: Actor, id: string, reason: string): Promise<void> {
    const row = await this.lockLink(tx, id);
    await this.setLink(tx, row, reason);
    if (row.quarantined !== null) return;
    const data = { ...factsOf(row, row.host, this.deps.naming), reason };
    this.deps.events.publish(tx, linkQuarantined, { owner_id: row.owner_id, data });
    await this.audit(tx, actor, row.owner_id, "links.quarantined", row.id, { reason });
  }

  async releaseLink(tx: Writer, actor: Actor, id: string): Promise<void> {
    const row = await this.lockLink(tx, id);
    if (row.quarantined === null) return;
    await this.setLink(tx, row, null);
    const data = factsOf(row, row.host, this.deps.naming);
    this.deps.events.publish(tx, linkReleased, { owner_id: row.owner_id, data });
    const detail = { reason: row.quarantined };
    await this.audit(tx, actor, row.owner_id, "links.released", row.id, detail);
  }

  async owner(tx: Writer, actor: Actor, id: string, reason: string): Promise<void> {
    const account = await this.deps.accounts.findAccount(tx, id);
    if (!account) throw new AppError("accounts.not_found", `There is no account ${id}.`);
    const fresh = await tx.run`
      INSERT INTO links.quarantined_owners (owner_id, reason, created_at)
      VALUES (${id}, ${reason}, ${new Date(this.deps.clock.now())}) ON CONFLICT DO NOTHING`;
    if (fresh === 0) {
      await tx.run`
        UPDATE links.quarantined_owners SET reason = ${reason} WHERE owner_id = ${id}`;
      return;
    }
    await this.forgetAll(tx);
    this.deps.events.publish(tx, ownerQuarantined, { owner_id: id, data: { reason } });
    await this.audit(tx, actor, id, "links.owner_quarantined", id, { reason });
  }

  async releaseOwner(tx: Writer, actor: Actor, id: string): Promise<void> {
    const held = await tx.run`DELETE FROM links.quarantined_owners WHERE owner_id = ${id}`;
    if (held === 0) {
      const account = await this.deps.accounts.findAccount(tx, id);
      if (!account) throw new AppError("accounts.not_found", `There is no account ${id}.`);
      return;
    }
    await this.forgetAll(tx);
    this.deps.events.publish(tx, ownerReleased, { owner_id: id, data: {} });
    await this.audit(tx, actor, id, "links.owner_released", id, {});
  }

  async domain(tx: Writer, actor: Actor, id: string, reason: string): Promise<void> {
    const row = await lockDomain(tx, id);
    await setDomain(tx, id, reason);
    if (row.quarantined) return;
    const data = { domain_id: id, host: row.host, reason };
    this.deps.events.publish(tx, domainQuarantined, { owner_id: row.owner_id, data });
    const detail = { host: row.host, reason };
    await this.audit(tx, actor, row.owner_id, "domains.quarantined", id, detail);
  }

  async releaseDomain(tx: Writer, actor: Actor, id: string): Promise<void> {
    const row = await lockDomain(tx, id);
    if (!row.quarantined) return;
    await setDomain(tx, id, null);
    const data = { domain_id: id, host: row.host };
    this.deps.events.publish(tx, domainReleased, { owner_id: row.owner_id, data });
    await this.audit(tx, actor, row.owner_id, "domains.released", id, { host: row.host });
  }

  private async lockLink(tx: Writer, id: string): Promise<ListedRow> {
    const row = await lockOwned(tx, { id, ownerId: null });
    if (!row || row.deleted_at) throw unknownLink(id);
    return row;
  }

  private async setLink(tx: Writer, row: ListedRow, reason: string | null): Promise<void> {
    await tx.run`
      UPDATE links.links
      SET quarantined = ${reason}, updated_at = ${new Date(this.deps.clock.now())}
      WHERE id = ${row.id}`;
    announceChange(tx, "edit", row);
    tx.afterCommit(() => this.deps.targets.forget(row.domain_id, row.code));
  }

  /** Of an owner: links anywhere, and the domains. */
  private async forgetAll(tx: Writer): Promise<void> {
    announceChange(tx, "all", null);
    await tx.all`SELECT pg_notify(${domainsChannel}, '')`;
    tx.afterCommit(() => this.deps.targets.forgetAll());
  }

  private async audit(
    tx: Writer,
    actor: Actor,
    ownerId: string,
    action: string,
    target: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    await this.deps.accounts.audit(tx, { account_id: ownerId, actor, action, target, detail });
  }
}

/** Stoa's own domain, 0, cannot be stopped: its id is none that a caller can send. */
async function lockDomain(tx: Writer, id: string): Promise<DomainRow> {
  const row = await tx.one<DomainRow>`
    SELECT * FROM links.domains WHERE id = ${id} AND id <> 0 FOR UPDATE`;
  if (!row) throw new AppError("links.domain_not_found", `There is no domain ${id}.`);
  return row;
}

async function setDomain(tx: Writer, id: string, reason: string | null): Promise<void> {
  await tx.run`
    UPDATE links.domains SET quarantined = ${reason !== null}, quarantine_reason = ${reason}
    WHERE id = ${id}`;
  await tx.all`SELECT pg_notify(${domainsChannel}, '')`;
}
