import type { Principal } from "../../platform/auth/principal.ts";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import { checkAlias } from "./aliases.ts";
import type { CodeBlocks } from "./code-blocks.ts";
import { linkCreated, type LinkFacts } from "./contract.ts";
import type { Domain, Domains } from "./domains.ts";
import { blankLink, checkLink } from "./draft.ts";
import { shortUrl, type Naming } from "./link.ts";
import type { UrlPolicy } from "./safety.ts";
import {
  announceChange,
  claimUrl,
  countAliases,
  findOwned,
  insertLinks,
  type ListedRow,
  type NewLinkRow,
} from "./store.ts";
import type { CreateLink } from "./wire.ts";

/** Making links: one, or many in one transaction where each has its own outcome. */
export type ShortenDeps = {
  clock: Clock;
  ids: Ids;
  codes: CodeBlocks;
  domains: Domains;
  events: Events;
  passwords: Passwords;
  naming: Naming;
  urlPolicy(): UrlPolicy;
  defaultTtlDays: number;
  aliasesPerOwnerMax: number;
  /** Makes this process forget which codes it took for unknown. */
  forgetUnknown(): void;
};

export type Draft = { row: NewLinkRow; domain: Domain; find: boolean; alias: boolean };

const dayMs = 86_400_000;
/** A generated code may meet an alias of the same shape; each try meets another. */
const codeTriesMax = 5;

export class Shorten {
  readonly aliasesPerOwnerMax: number;
  private readonly deps: ShortenDeps;

  constructor(deps: ShortenDeps) {
    this.deps = deps;
    this.aliasesPerOwnerMax = deps.aliasesPerOwnerMax;
  }

  /** Everything that can be refused without touching a row. */
  async draft(owner: Principal, wish: CreateLink): Promise<Draft> {
    const { alias, domain: host, ttl_days, find_or_create, ...fields } = wish;
    const now = this.deps.clock.now();
    if (fields.expires_at !== undefined && ttl_days !== undefined) {
      const message = "give expires_at or ttl_days, not both";
      throw new AppError("links.invalid", `ttl_days: ${message}`, {
        fields: [{ field: "ttl_days", message }],
      });
    }
    const domain = await this.deps.domains.forLinks(host, owner);
    if (fields.expires_at === undefined) fields.expires_at = this.endOfLife(now, ttl_days);
    const by = { policy: this.deps.urlPolicy(), now, passwords: this.deps.passwords };
    const checked = await checkLink(blankLink, fields, by);
    const named = alias === undefined ? null : acceptAlias(alias);
    const code = named?.alias ?? ((await this.deps.codes.take(domain.alphabet, 1))[0] as string);
    const at = new Date(now);
    const row: NewLinkRow = {
      ...checked,
      id: this.deps.ids.next(),
      owner_id: owner.account_id,
      domain_id: domain.id,
      code,
      skeleton: named?.skeleton ?? null,
      quarantined: null,
      created_at: at,
      updated_at: at,
    };
    return { row, domain, find: find_or_create ?? false, alias: named !== null };
  }

  private endOfLife(now: number, ttlDays: number | undefined): string | null {
    const days = ttlDays ?? this.deps.defaultTtlDays;
    return days === 0 ? null : new Date(now + days * dayMs).toISOString();
  }

  async create(tx: Writer, made: Draft): Promise<{ row: ListedRow; found: boolean }> {
    if (made.find) {
      const { owner_id: ownerId, domain_id: domainId, url, id: linkId } = made.row;
      const holder = await claimUrl(tx, { ownerId, domainId, url, linkId });
      if (holder !== linkId) {
        const row = await findOwned(tx, { id: holder, ownerId });
        if (row) return { row, found: true };
      }
    }
    if (made.alias) await this.requireAliasRoom(tx, made.row.owner_id, 1);
    for (let tries = 0; tries < codeTriesMax; tries++) {
      const inserted = await insertLinks(tx, [made.row]);
      if (inserted.size === 1) {
        await this.tell(tx, [made]);
        return { row: listed(made), found: false };
      }
      if (made.alias) throw aliasTaken(made.row.code);
      made.row.code = (await this.deps.codes.take(made.domain.alphabet, 1))[0] as string;
    }
    throw new Error("no free code after several tries");
  }

  /** Inserts all that can be; a draft that lost its alias comes back as an error in its place. */
  async createMany(tx: Writer, drafts: Draft[]): Promise<(ListedRow | AppError)[]> {
    const owner = drafts[0]?.row.owner_id;
    if (owner === undefined) return [];
    const aliases = drafts.filter((d) => d.alias).length;
    if (aliases > 0) await this.requireAliasRoom(tx, owner, aliases);
    const inserted = await insertLinks(
      tx,
      drafts.map((d) => d.row),
    );
    const outcomes: (ListedRow | AppError)[] = [];
    for (const made of drafts) {
      if (inserted.has(made.row.id)) outcomes.push(listed(made));
      else if (made.alias) outcomes.push(aliasTaken(made.row.code));
      else outcomes.push((await this.create(tx, { ...made, find: false })).row);
    }
    await this.tell(
      tx,
      drafts.filter((d) => inserted.has(d.row.id)),
    );
    return outcomes;
  }

  private async tell(tx: Writer, made: Draft[]): Promise<void> {
    // Only an alias can have been asked for, and cached as unknown, before it was made.
    if (made.some((d) => d.alias)) {
      await announceChange(tx, "alias", null);
      tx.afterCommit(this.deps.forgetUnknown);
    }
    const events = made.map((d) => ({
      owner_id: d.row.owner_id,
      data: factsOf(d.row, d.domain.host, this.deps.naming),
    }));
    await this.deps.events.publishAll(tx, linkCreated, events);
  }

  private async requireAliasRoom(tx: Writer, ownerId: string, wanted: number): Promise<void> {
    const max = this.aliasesPerOwnerMax;
    const held = await countAliases(tx, { ownerId, max });
    if (held + wanted <= max) return;
    throw new AppError("links.alias_limit", `alias: an owner may hold ${max} live aliases`, {
      fields: [{ field: "alias", message: `an owner may hold ${max} live aliases` }],
    });
  }
}

export function factsOf(
  row: { id: string; code: string; url: string },
  host: string,
  naming: Naming,
): LinkFacts {
  const domain = host === "" ? new URL(naming.publicUrl).host : host;
  const { id: link_id, code, url } = row;
  return { link_id, code, domain, short_url: shortUrl(naming, host, code), url };
}

function acceptAlias(alias: string): { alias: string; skeleton: string } {
  const checked = checkAlias(alias);
  if (checked.ok) return checked;
  const code = checked.reason === "reserved" ? "links.alias_reserved" : "links.invalid";
  throw new AppError(code, `alias: ${checked.message}`, {
    fields: [{ field: "alias", message: checked.message }],
  });
}

function aliasTaken(alias: string): AppError {
  const message = `"${alias}", or one that looks like it, is taken; choose another`;
  return new AppError("links.alias_taken", `alias: ${message}`, {
    fields: [{ field: "alias", message }],
  });
}

function listed(made: Draft): ListedRow {
  return {
    ...made.row,
    clicks_used: 0,
    dead_since: null,
    deleted_at: null,
    host: made.domain.host,
    clicks: null,
  };
}
