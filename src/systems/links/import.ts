/**
 * Imports links from CSV. Rows go through in batches, each a transaction of its own, so that a
 * large file neither holds memory nor locks, and what was imported before an interruption stays.
 * Importing again is the way to resume: a row whose code leads its owner to the same URL already,
 * or that has no code and whose URL was imported before, is skipped.
 *
 * The short code of the other program becomes an alias. Other programs count their codes up or
 * tell upper from lower case, so many of one owner's look alike; the second of those keeps its
 * code without being an alias, and so does one of one or two characters where nobody else is
 * deprived of it. A code that cannot be kept is replaced and the row listed with the new one,
 * because the link is still worth having; one that is taken is left to a person to decide.
 */
import type { Principal } from "../../platform/auth/principal.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { AppError, type FieldError } from "../../platform/errors/errors.ts";
import { type CsvFormat, type RecognisedFormat, recogniseFormat } from "./csv-formats.ts";
import { type CsvRow, readRows } from "./csv-rows.ts";
import { type Kept, type RowRules, type Wanted, wantedOf } from "./import-rows.ts";
import type { Naming } from "./link.ts";
import type { Draft, Shorten } from "./shorten.ts";
import type { ListedRow } from "./store.ts";
import { findDomains, findHolders, findImported, type Holder } from "./transfer-store.ts";

export const importRowsMax = 100_000;
/** The rest is only counted. */
export const importErrorsListedMax = 1_000;
const batchRows = 1_000;
/** Checking URLs takes the processor; redirects of this process go on in between. */
const rowsAtOnce = 50;

export type ImportOptions = {
  db: Db;
  shorten: Shorten;
  naming: Naming;
  owner: Principal;
  format: CsvFormat | "auto";
  domain: string | undefined;
  /** Says what would happen and changes nothing. */
  dryRun: boolean;
  write<T>(work: (tx: Writer) => Promise<T>): Promise<T>;
  signal: AbortSignal;
};

export type Progress = { rows: number; created: number; skipped: number };
type RowError = FieldError & { row: number };
export type Imported = Progress & { format: CsvFormat; errors: RowError[] };

type Drafted = Wanted & { draft: Draft };
type Opened = { rows: AsyncGenerator<CsvRow>; rules: RowRules; room: number };

/** Reads the heading, so that a file of the wrong kind is refused before anything else. */
export async function openImport(options: ImportOptions, bytes: Uint8Array): Promise<Import> {
  const { db, owner, shorten, naming, domain } = options;
  const rows = readRows(bytes);
  const recognised = await headingOf(rows, options.format);
  const domains = await findDomains(db, owner.account_id);
  const room = await shorten.aliasRoom.left(db, owner);
  const mayKeepShort = owner.role === "admin";
  const rules = { recognised, naming, domain, domains, mayKeepShort };
  return new Import(options, { rows, room, rules });
}

export class Import {
  private readonly options: ImportOptions;
  private readonly rows: AsyncGenerator<CsvRow>;
  private readonly rules: RowRules;
  private readonly out: Imported;
  /** How many aliases the owner may still make. */
  private room: number;
  /** What the rows so far lead to, so that a dry run sees repeats as a real one does. */
  private readonly seen = new Map<string, string>();

  constructor(options: ImportOptions, { rows, rules, room }: Opened) {
    this.options = options;
    this.rows = rows;
    this.rules = rules;
    this.room = room;
    const { format } = rules.recognised;
    this.out = { format, rows: 0, created: 0, skipped: 0, errors: [] };
  }

  /** Yields after every batch and returns what came of all. */
  async *run(): AsyncGenerator<Progress, Imported> {
    const { out } = this;
    let batch: Wanted[] = [];
    for await (const csv of this.rows) {
      if (this.options.signal.aborted) break;
      if ("cells" in csv && csv.cells.every((cell) => cell.trim() === "")) continue;
      if (out.rows === importRowsMax) {
        const message = `more than ${importRowsMax} rows; the rest was not read`;
        this.list(csv.row, [{ field: "file", message }]);
        break;
      }
      out.rows++;
      const wanted = wantedOf(csv, this.rules);
      if (Array.isArray(wanted)) this.list(csv.row, wanted);
      else batch.push(wanted);
      if (out.rows % batchRows !== 0) continue;
      await this.take(batch);
      batch = [];
      yield { rows: out.rows, created: out.created, skipped: out.skipped };
    }
    await this.take(batch);
    return out;
  }

  private list(row: number, fields: FieldError[]): void {
    const left = importErrorsListedMax - this.out.errors.length;
    this.out.errors.push(...fields.slice(0, left).map((field) => ({ row, ...field })));
  }

  private async take(batch: Wanted[]): Promise<void> {
    const drafts: Drafted[] = [];
    for (const [i, wanted] of (await this.withoutHeld(batch)).entries()) {
      if (i % rowsAtOnce === 0) await new Promise(setImmediate);
      const draft = await this.draftOf(wanted);
      if (draft) drafts.push({ ...wanted, draft });
    }
    const once = drafts.filter(({ draft: { alias, row } }) => {
      return alias || this.firstUrl(`url ${row.domain_id} ${row.url}`, row.url) === null;
    });
    this.out.skipped += drafts.length - once.length;
    if (once.length === 0) return;
    await (this.options.dryRun ? this.foresee(once) : this.create(once));
  }

  /** Leaves out rows whose code is in use, for this URL (skipped) or another (an error). */
  private async withoutHeld(batch: Wanted[]): Promise<Wanted[]> {
    const named = batch.flatMap(({ domainId, kept, ...rest }) => {
      return domainId === null || kept === null ? [] : [{ ...rest, domainId, kept, ...kept }];
    });
    const holders = await findHolders(this.options.db, named);
    const taken = new Set<number>();
    for (const [place, { row, wish, domainId, kept }] of named.entries()) {
      const holder = holders.get(place) ?? this.heldInFile(domainId, kept, wish.url);
      if (holder === null) continue;
      const own = holder.owner_id === this.options.owner.account_id && !holder.deleted;
      if (own && sameUrl(holder.url, wish.url)) this.out.skipped++;
      else if (own && !holder.exact) {
        kept.skeleton = null;
        continue;
      } else this.list(row, [{ field: "alias", message: takenMessage(kept.code) }]);
      taken.add(row);
    }
    return batch.filter((wanted) => !taken.has(wanted.row));
  }

  /** What an earlier row of this file took, as if it were in the database already. */
  private heldInFile(domainId: string, { code, skeleton }: Kept, url: string): Holder | null {
    const mine = { owner_id: this.options.owner.account_id, deleted: false };
    const same = this.firstUrl(`code ${domainId} ${code}`, url);
    if (same !== null) return { ...mine, url: same, exact: true };
    const alike = skeleton && this.firstUrl(`alias ${domainId} ${skeleton}`, url);
    return alike ? { ...mine, url: alike, exact: false } : null;
  }

  /** Null for the first of its kind in this file, else the URL of that first one. */
  private firstUrl(key: string, url: string): string | null {
    const before = this.seen.get(key);
    if (before !== undefined) return before;
    this.seen.set(key, url);
    return null;
  }

  private async draftOf({ row, wish, kept }: Wanted): Promise<Draft | null> {
    const { shorten, owner } = this.options;
    try {
      const draft = await shorten.draft(owner, wish);
      return kept ? { ...draft, alias: true, row: { ...draft.row, ...kept } } : draft;
    } catch (error) {
      if (!(error instanceof AppError) || error.fields.length === 0) throw error;
      this.list(row, error.fields);
      return null;
    }
  }

  private async foresee(drafts: Drafted[]): Promise<void> {
    const imported = await findImported(this.options.db, codeless(drafts), false);
    this.out.skipped += imported.size;
    for (const made of this.withRoom(drafts)) {
      if (!imported.has(made.draft.row.id)) this.count(made, "a new code");
    }
  }

  private async create(drafts: Drafted[]): Promise<void> {
    const { write, db, shorten, owner } = this.options;
    const wanted = this.withRoom(drafts);
    try {
      const { imported, made, results } = await write((tx) => insert(tx, shorten, wanted));
      this.out.skipped += imported;
      for (const [i, result] of results.entries()) {
        const drafted = made[i] as Drafted;
        if (result instanceof AppError) this.list(drafted.row, result.fields);
        else this.count(drafted, `the code ${result.code}`);
      }
    } catch (error) {
      if (!(error instanceof AppError && error.code === "links.alias_limit")) throw error;
      // Somebody else made aliases meanwhile: again with the room there is now, which shrinks.
      const named = wanted.filter((d) => d.draft.alias).length;
      this.room = Math.min(await shorten.aliasRoom.left(db, owner), named - 1);
      await this.create(wanted);
    }
  }

  private withRoom(drafts: Drafted[]): Drafted[] {
    const { shorten, owner } = this.options;
    let left = this.room;
    return drafts.filter(({ row, draft }) => {
      if (!draft.alias || left-- > 0) return true;
      const message = `an owner may hold ${shorten.aliasRoom.max(owner)} live aliases`;
      this.list(row, [{ field: "alias", message }]);
      return false;
    });
  }

  private count({ row, draft, note }: Drafted, code: string): void {
    this.out.created++;
    if (draft.alias) this.room--;
    if (note !== null) this.list(row, [{ field: "alias", message: `${note}; it has ${code}` }]);
  }
}

async function insert(tx: Writer, shorten: Shorten, drafts: Drafted[]) {
  const imported = await findImported(tx, codeless(drafts), true);
  const made = drafts.filter((d) => !imported.has(d.draft.row.id));
  const results: (ListedRow | AppError)[] = await shorten.createMany(
    tx,
    made.map((d) => d.draft),
  );
  return { imported: imported.size, made, results };
}

function codeless(drafts: Drafted[]) {
  return drafts.filter((d) => !d.draft.alias).map((d) => d.draft.row);
}

async function headingOf(
  rows: AsyncGenerator<CsvRow>,
  format: CsvFormat | "auto",
): Promise<RecognisedFormat> {
  for (;;) {
    const { value, done } = await rows.next();
    const heading = done ? [] : "cells" in value ? value.cells : [];
    if (done || heading.some((cell) => cell.trim() !== "")) return recogniseFormat(heading, format);
  }
}

function sameUrl(stored: string, given: string): boolean {
  return stored === given || stored === URL.parse(given.trim())?.href;
}

function takenMessage(alias: string): string {
  return `"${alias}", or one that looks like it, is taken for another URL`;
}
