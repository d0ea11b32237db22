import type { Principal } from "../../platform/auth/principal.ts";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import { acceptAlias, aliasTaken } from "./alias-refusals.ts";
import type { AliasRoom } from "./alias-room.ts";
import type { CodeBlocks } from "./code-blocks.ts";
import { linkCreated, type LinkFacts } from "./contract.ts";
import type { Domain, Domains } from "./domains.ts";
import { blankLink, checkLink, hashOf } from "./draft.ts";
import { shortUrl, type Naming } from "./link.ts";
import type { UrlPolicy } from "./safety.ts";
import {
  announceChange,
  claimUrl,
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
  aliasRoom: AliasRoom;
  urlPolicy(): UrlPolicy;
  defaultTtlDays: number;
  /** Makes this process forget which codes it took for unknown. */
  forgetUnknown(): void;
};

export type Outcome = ListedRow | AppError;

export type Draft = {
  row: NewLinkRow;
  domain: Domain;
  find: boolean;
  alias: boolean;
  /** The owner's plan. */
  tier: string;
};

const dayMs = 86_400_000;
/** A generated code may meet an alias of the same shape; each try meets another. */
const codeTriesMax = 5;

export class Shorten {
  readonly aliasRoom: AliasRoom;
  private readonly deps: ShortenDeps;

  constructor(deps: ShortenDeps) {
    this.deps = deps;
    this.aliasRoom = deps.aliasRoom;
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
    const checked = checkLink(blankLink, fields, { policy: this.deps.urlPolicy(), now });
    const named = alias === undefined ? null : acceptAlias(alias);
    const passwordHash = await hashOf(fields.password, this.deps.passwords);
    const code = named?.alias ?? ((await this.deps.codes.take(domain.alphabet, 1))[0] as string);
    const at = new Date(now);
    const row: NewLinkRow = {
      ...checked,
      password_hash: passwordHash ?? null,
      id: this.deps.ids.next(),
      owner_id: owner.account_id,
      domain_id: domain.id,
      code,
      skeleton: named?.skeleton ?? null,
      quarantined: null,
      created_at: at,
      updated_at: at,
    };
    const { tier } = owner;
    return { row, domain, find: find_or_create ?? false, alias: named !== null, tier };
  }

  private endOfLife(now: number, ttlDays: number | undefined): string | null {
    const days = ttlDays ?? this.deps.defaultTtlDays;
    return days === 0 ? null : new Date(now + days * dayMs).toISOString();
  }

  /** The owner's living link to this URL, else this new one. */
  async findOrCreate(tx: Writer, made: Draft): Promise<{ row: ListedRow; found: boolean }> {
    const { owner_id: ownerId, domain_id: domainId, url, id: linkId } = made.row;
    const holder = await claimUrl(tx, { ownerId, domainId, url, linkId });
    if (holder !== linkId) {
      const row = await findOwned(tx, { id: holder, ownerId });
      if (row) return { row, found: true };
    }
    const [outcome] = await this.createEach(tx, [made]);
    if (outcome instanceof AppError) throw outcome;
    return { row: outcome as ListedRow, found: false };
  }

  /** Makes all of the drafts for whose aliases there is room, or none of them. */
  async createMany(tx: Writer, drafts: Draft[]): Promise<Outcome[]> {
    const outcomes = await this.createEach(tx, drafts);
    for (const outcome of outcomes) {
      if (outcome instanceof AppError && outcome.code === "links.alias_limit") throw outcome;
    }
    return outcomes;
  }

  /** Makes drafts of any owners; what becomes of one is nothing to the others. */
  async createEach(tx: Writer, drafts: Draft[]): Promise<Outcome[]> {
    const refused = await this.aliasRoom.beyond(tx, drafts);
    const accepted = drafts.filter((d) => !refused.has(d));
    const made = (await this.insert(tx, accepted)).values();
    return drafts.map((d) => refused.get(d) ?? (made.next().value as Outcome));
  }

  /** Inserts all that can be; a draft that lost its alias comes back as an error in its place. */
  private async insert(tx: Writer, drafts: Draft[]): Promise<Outcome[]> {
    const outcomes = new Map<string, Outcome>();
    let left = drafts;
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === codeTriesMax) throw new Error("no free code after several tries");
      const inserted = await insertLinks(
        tx,
        left.map((d) => d.row),
      );
      const made = left.filter((d) => inserted.has(d.row.id));
      const lost = left.filter((d) => !inserted.has(d.row.id));
      for (const draft of made) outcomes.set(draft.row.id, listed(draft));
      for (const { alias, row } of lost) if (alias) outcomes.set(row.id, aliasTaken(row.code));
      this.tell(tx, made);
      left = await Promise.all(lost.filter((d) => !d.alias).map((d) => this.withNewCode(d)));
    }
    return drafts.map((d) => outcomes.get(d.row.id) as Outcome);
  }

  private async withNewCode(draft: Draft): Promise<Draft> {
    const [code] = await this.deps.codes.take(draft.domain.alphabet, 1);
    return { ...draft, row: { ...draft.row, code: code as string } };
  }

  private tell(tx: Writer, made: Draft[]): void {
    if (made.length === 0) return;
    // Only an alias can have been asked for, and cached as unknown, before it was made.
    if (made.some((d) => d.alias)) {
      announceChange(tx, "alias", null);
      tx.afterCommit(this.deps.forgetUnknown);
    }
    const events = made.map((d) => ({
      owner_id: d.row.owner_id,
      data: factsOf(d.row, d.domain.host, this.deps.naming),
    }));
    this.deps.events.publishAll(tx, linkCreated, events);
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

/** As it will be read once it is stored. */
export function listed(made: Draft): ListedRow {
  return {
    ...made.row,
    clicks_used: 0,
    dead_since: null,
    deleted_at: null,
    host: made.domain.host,
    clicks: null,
    domain_quarantine: made.domain.quarantine_reason,
    owner_quarantine: made.domain.owner_quarantine,
  };
}
