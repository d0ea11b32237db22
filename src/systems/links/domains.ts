import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Reader, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { Accounts } from "../accounts/contract.ts";
import { ownerScope } from "./edit.ts";
import type { CodeAlphabet } from "./codes.ts";
import { type Domain, type DomainRow, domainsChannel, domainTaken, noteDomain } from "./domain.ts";
import { newToken } from "./domain-proof.ts";
import { normalHost, requireHost } from "./host-name.ts";
import { proveDomain } from "./prove-domain.ts";

/**
 * Hosts that serve links. Stoa's own is domain 0. An owner adds another and proves it by a DNS
 * record or a file; until then it serves nothing and holds nobody else off. All proved hosts are
 * kept in memory, because every redirect asks for one.
 */
export type { Domain } from "./domain.ts";

export type DomainDeps = {
  db: Db;
  clock: Clock;
  ids: Ids;
  events: Events;
  accounts: Accounts;
  outbound: Outbound;
  perOwnerMax: number;
  /** Of codes on Stoa's own host. */
  ownAlphabet: CodeAlphabet;
  publicHost: string;
};

/** What its owner may choose, at first and later. */
type Choices = Pick<Domain, "alphabet" | "root_url" | "not_found_url">;

export class Domains {
  private readonly deps: DomainDeps;
  private byHost = new Map<string, Domain>();
  /** Owners who are stopped, and why. */
  private stopped = new Map<string, string>();
  private readonly reloads = { asked: 0, answered: 0 };

  constructor(deps: DomainDeps) {
    this.deps = deps;
  }

  /** Bound, as `ownsHost` is, because others take it without its object. */
  readonly reload = async (): Promise<void> => {
    const mine = ++this.reloads.asked;
    const { db } = this.deps;
    const rows = await db.all<DomainRow>`
      SELECT d.*, ${ownerQuarantine(db)} FROM links.domains d WHERE verified_at IS NOT NULL`;
    const owners = await db.all<{ owner_id: string; reason: string }>`
      SELECT owner_id, reason FROM links.quarantined_owners`;
    // Of two at once, the one that asked later knows more.
    if (mine < this.reloads.answered) return;
    this.reloads.answered = mine;
    for (const row of rows) if (row.host === "") row.alphabet = this.deps.ownAlphabet;
    this.byHost = new Map(rows.map((row) => [row.host, served(row)]));
    this.stopped = new Map(owners.map((row) => [row.owner_id, row.reason]));
  };

  readonly ownsHost = (host: string): boolean => {
    return host === this.deps.publicHost || this.byHost.has(host);
  };

  /** The domain that serves a host, or null for Stoa's own and unknown ones. */
  serving(host: string): Domain | null {
    return this.byHost.get(host) ?? null;
  }

  /** For the short way to a link, which leads nowhere on a domain that is stopped. */
  idOf(host: string): string {
    const domain = this.byHost.get(host);
    return domain?.quarantined ? "stopped" : (domain?.id ?? "0");
  }

  get count(): number {
    return this.byHost.size - 1;
  }

  get own(): Domain {
    return this.byHost.get("") as Domain;
  }

  /** The domain a new link goes to: the caller's own proved one, or Stoa's. */
  async forLinks(host: string | undefined, owner: Principal): Promise<Domain> {
    if (host === undefined || host === this.deps.publicHost) {
      const owner_quarantine = this.stopped.get(owner.account_id);
      return owner_quarantine === undefined ? this.own : { ...this.own, owner_quarantine };
    }
    const domain = this.byHost.get(normalHost(host) ?? "?");
    if (domain && domain.owner_id === owner.account_id) return domain;
    const message = `"${host}" is not a proved domain of yours; add it under /api/v1/domains`;
    throw new AppError("links.domain_unverified", `domain: ${message}`, {
      fields: [{ field: "domain", message }],
    });
  }

  async list(reader: Reader, owner: Principal): Promise<DomainRow[]> {
    return await reader.all<DomainRow>`
      SELECT d.*, ${ownerQuarantine(reader)} FROM links.domains d
      WHERE owner_id = ${owner.account_id} ORDER BY id`;
  }

  async owned(reader: Reader, by: Principal, id: string): Promise<DomainRow> {
    const ownerId = ownerScope(by);
    const row = await reader.one<DomainRow>`
      SELECT d.*, ${ownerQuarantine(reader)} FROM links.domains d WHERE id = ${id} AND id <> 0
        AND (${ownerId}::bigint IS NULL OR owner_id = ${ownerId})`;
    if (!row) throw new AppError("links.domain_not_found", `There is no domain ${id} of yours.`);
    return row;
  }

  async add(tx: Writer, owner: Principal, wish: Choices & { host: string }): Promise<DomainRow> {
    const { ids, perOwnerMax, publicHost } = this.deps;
    const host = requireHost(wish.host, publicHost);
    const [held] = await tx.all<{ n: string }>`
      SELECT count(*) AS n FROM links.domains WHERE owner_id = ${owner.account_id}`;
    if (Number(held?.n) >= perOwnerMax) {
      throw new AppError("links.domain_limit", `An owner may add ${perOwnerMax} domains.`);
    }
    const row = await tx.one<DomainRow>`
      INSERT INTO links.domains AS d
        (id, owner_id, host, alphabet, token, root_url, not_found_url)
      VALUES (${ids.next()}, ${owner.account_id}, ${host}, ${wish.alphabet}, ${newToken()},
        ${wish.root_url}, ${wish.not_found_url})
      ON CONFLICT DO NOTHING RETURNING d.*, ${ownerQuarantine(tx)}`;
    if (!row) throw domainTaken(host, "you have added it already");
    await this.note(tx, owner, row, "domains.added");
    return row;
  }

  async verify(by: Principal, id: string): Promise<DomainRow> {
    const row = await this.owned(this.deps.db, by, id);
    if (row.verified_at) return row;
    const proof = await proveDomain(this.deps, by, row);
    await this.settled();
    return proof;
  }

  /**
   * After a change has been committed and before it is answered, so that the very next link or
   * visitor meets it. Where the database has gone away just then, the notification does it later.
   */
  async settled(): Promise<void> {
    await this.reload().catch(() => {});
  }

  async update(tx: Writer, by: Principal, id: string, wish: Partial<Choices>): Promise<DomainRow> {
    const row = { ...(await this.owned(tx, by, id)), ...wish };
    await tx.run`
      UPDATE links.domains SET alphabet = ${row.alphabet}, root_url = ${row.root_url},
        not_found_url = ${row.not_found_url}
      WHERE id = ${row.id}`;
    await this.note(tx, by, row, "domains.updated");
    await this.changed(tx);
    return row;
  }

  async remove(tx: Writer, by: Principal, id: string): Promise<void> {
    const row = await this.owned(tx, by, id);
    const used = await tx.one`SELECT 1 FROM links.links WHERE domain_id = ${id} LIMIT 1`;
    if (used) {
      throw new AppError(
        "links.domain_in_use",
        `${row.host} has links, and a code is never given twice; it cannot be removed.`,
      );
    }
    await tx.run`DELETE FROM links.domains WHERE id = ${id}`;
    await this.note(tx, by, row, "domains.removed");
    await this.changed(tx);
  }

  private async changed(tx: Writer): Promise<void> {
    await tx.all`SELECT pg_notify(${domainsChannel}, '')`;
  }

  private async note(tx: Writer, actor: Principal, row: DomainRow, action: string): Promise<void> {
    await noteDomain(tx, this.deps.accounts, { actor, row, action });
  }
}

/** A domain that is stopped, or whose owner is, sends nobody anywhere. */
function served(row: DomainRow): DomainRow {
  if (!row.quarantined && row.owner_quarantine === null) return row;
  return { ...row, quarantined: true, root_url: null, not_found_url: null };
}

function ownerQuarantine(reader: Reader): unknown {
  return reader.sql`
    (SELECT q.reason FROM links.quarantined_owners q WHERE q.owner_id = d.owner_id)
      AS owner_quarantine`;
}
