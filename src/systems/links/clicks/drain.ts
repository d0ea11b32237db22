import { rmSync } from "node:fs";
import type { Db, Writer } from "../../../platform/db/db.ts";
import type { Log } from "../../../platform/log/log.ts";
import { CopyRows, copyColumns } from "./copy-rows.ts";
import { otherId, type Dictionary } from "./dictionary.ts";
import { firstIndex, overflowIndex, unknownIndex } from "./frames.ts";
import { clicksPartition, type Partitions } from "./partitions.ts";
import { SegmentReader, type Stretch } from "./reading.ts";
import { segmentsOf } from "./spool-folder.ts";
import { dayMs } from "./traits.ts";

/**
 * Moves one spool into the database, batch by batch. A batch's rows and the spool's new position
 * are committed together, and the position only moves from where this drainer began: so however
 * often it is killed, and whoever else drains the same spool, every click is stored once.
 */
const drainClicksMax = 100_000;
const drainTimeoutMs = 60_000;

export type DrainDeps = {
  db: Db;
  log: Log;
  dictionary: Dictionary;
  partitions: Partitions;
  /** Clicks in one transaction, about; tests take fewer. */
  batchClicksMax?: number;
};

export type Drained = { clicks: number; lastAt: number };

type Orphan = { at: string; code: string; geo_id: number; client_id: number; source_id: number };

/** The spool moved while this drainer worked: somebody else drained it. */
class Overtaken extends Error {}

export class SpoolDrain {
  /** Bytes of segments deleted so far. */
  removedBytes = 0;
  /** Bytes that no frame could be made of. */
  tornBytes = 0;
  readonly folder: string;
  private readonly deps: DrainDeps;
  private readonly spool: string;
  private readonly chunk: Uint8Array<ArrayBuffer> | undefined;
  private reader: SegmentReader | null = null;
  /** The position in the database: everything before it is stored. */
  private stored: { segment: number; position: number } | null = null;
  private ids: [number[], number[], number[]] = [[], [], []];

  constructor(deps: DrainDeps, folder: string, spool: string, chunk?: Uint8Array<ArrayBuffer>) {
    this.deps = deps;
    this.folder = folder;
    this.spool = spool;
    this.chunk = chunk;
  }

  /**
   * Drains one batch; null when there is nothing (more) to drain. `closed` says that nobody
   * writes here any more, so that what is no whole frame by now never will be.
   */
  async step(closed: boolean): Promise<Drained | null> {
    try {
      for (;;) {
        const reader = await this.current();
        if (reader === null) return null;
        const stretch = reader.peek(this.deps.batchClicksMax ?? drainClicksMax);
        if (stretch !== null) return await this.store(reader, stretch);
        const next = segmentsOf(this.folder).find((segment) => segment > reader.segment);
        if (next === undefined && !closed) return null;
        this.finishSegment(reader);
        if (next === undefined) return null;
      }
    } catch (error) {
      this.reset();
      // Another drainer was faster, or removed the segment that was about to be opened.
      const gone = (error as { code?: unknown }).code === "ENOENT";
      if (gone || error instanceof Overtaken) return { clicks: 0, lastAt: 0 };
      throw error;
    }
  }

  /** Where this drainer stands; everything before is stored. */
  position(): { segment: number; position: number } | null {
    return this.reader ? { segment: this.reader.segment, position: this.reader.position } : null;
  }

  /** Removes the folder and the spool's row. Only once it is drained and has no writer. */
  async remove(): Promise<void> {
    this.reset();
    rmSync(this.folder, { recursive: true, force: true });
    await this.deps.db.write(
      (tx) => tx.run`DELETE FROM links.click_spools WHERE spool = ${this.spool}::uuid`,
    );
  }

  reset(): void {
    this.reader?.close();
    this.reader = null;
    this.stored = null;
    this.deps.partitions.forget();
  }

  private async current(): Promise<SegmentReader | null> {
    if (this.reader) return this.reader;
    this.stored ??= await this.register();
    const { segment, position } = this.stored;
    const first = segmentsOf(this.folder).find((n) => n >= segment);
    if (first === undefined) return null;
    const reader = new SegmentReader(this.folder, first, this.chunk);
    this.ids = [[], [], []];
    this.reader = reader;
    if (first === segment && !reader.skipTo(position)) {
      this.deps.log.error("a click spool cannot be read up to where it was drained", {
        path: reader.path,
        position,
      });
      reader.position = Math.max(position, reader.position + reader.rest());
    }
    return reader;
  }

  private async register(): Promise<{ segment: number; position: number }> {
    const row = await this.deps.db.write(
      (tx) => tx.one<{ segment: number; position: string }>`
        INSERT INTO links.click_spools (spool, segment, position) VALUES (${this.spool}::uuid, 0, 0)
        ON CONFLICT (spool) DO UPDATE SET updated_at = now()
        RETURNING segment, position`,
    );
    return { segment: row?.segment ?? 0, position: Number(row?.position ?? 0) };
  }

  private finishSegment(reader: SegmentReader): void {
    const rest = reader.rest();
    if (rest > 0) {
      this.tornBytes += rest;
      this.deps.log.warn("ignoring the torn end of a click spool", {
        path: reader.path,
        bytes: rest,
      });
    }
    this.removedBytes += reader.remove();
    this.reader = null;
  }

  private async store(reader: SegmentReader, stretch: Stretch): Promise<Drained> {
    const { db, partitions } = this.deps;
    reader.take(stretch);
    await this.resolveTerms(reader);
    const span = spanOf(reader, stretch);
    await partitions.ensure(span.days);
    const before = this.stored!;
    const { base } = reader;
    const after = { segment: reader.segment, position: stretch.end };
    await db.write(
      async (tx) => {
        // A transaction given up on must not come back with what the buffers hold by then.
        if (this.reader !== reader) throw new Overtaken();
        reader.base = base;
        const batch = await this.advance(tx, before, after, span);
        const rows = this.rowsOf(reader, stretch, batch);
        for (const [day, copy] of rows.days) {
          const target = `${clicksPartition(day)} (${copyColumns})`;
          const statement = `COPY ${target} FROM STDIN (FORMAT binary)`;
          await tx.copyIn(statement, [copy.finish()]);
        }
        if (rows.orphans.length > 0) await insertOrphans(tx, rows.orphans);
      },
      { statementTimeoutMs: drainTimeoutMs, timeoutMs: drainTimeoutMs },
    );
    this.stored = after;
    return { clicks: span.clicks, lastAt: span.lastAt };
  }

  /** Moves the spool's position and opens a batch, or finds that somebody else did. */
  private async advance(
    tx: Writer,
    before: { segment: number; position: number },
    after: { segment: number; position: number },
    span: Span,
  ): Promise<bigint> {
    const row = await tx.one<{ id: string }>`
      WITH moved AS (
        UPDATE links.click_spools
        SET segment = ${after.segment}, position = ${after.position}, updated_at = now()
        WHERE spool = ${this.spool}::uuid
          AND segment = ${before.segment} AND position = ${before.position}
        RETURNING spool)
      INSERT INTO links.click_batches (clicks, first_at, last_at)
      SELECT ${span.clicks}, ${new Date(span.firstAt)}, ${new Date(span.lastAt)} FROM moved
      RETURNING id`;
    if (!row) throw new Overtaken();
    return BigInt(row.id);
  }

  private rowsOf(reader: SegmentReader, stretch: Stretch, batch: bigint) {
    const high = Number(batch >> 32n);
    const low = Number(batch & 0xffff_ffffn);
    const days = new Map<number, CopyRows>();
    const orphans: Orphan[] = [];
    const ids = { geo: 0, client: 0, source: 0 };
    let day = Number.NaN;
    let rows: CopyRows | undefined;
    reader.walk(stretch, {
      click: (words, at, base) => {
        const time = base + words[at + 3]!;
        const clickDay = Math.floor(time / dayMs);
        if (clickDay !== day) {
          day = clickDay;
          rows = days.get(day) ?? new CopyRows(stretch.clicks);
          days.set(day, rows);
        }
        ids.geo = this.id(0, words[at + 4]!);
        ids.client = this.id(1, words[at + 5]!);
        ids.source = this.id(2, words[at + 6]!);
        rows!.add(words, at, time, high, low, ids);
      },
      orphan: (words, at, base, code) => {
        orphans.push({
          at: new Date(base + words[at + 1]!).toISOString(),
          code: code.replaceAll("\0", ""),
          geo_id: this.id(0, words[at + 2]!),
          client_id: this.id(1, words[at + 3]!),
          source_id: this.id(2, words[at + 4]!),
        });
      },
    });
    return { days, orphans };
  }

  private id(family: 0 | 1 | 2, index: number): number {
    if (index === unknownIndex) return 0;
    if (index === overflowIndex) return otherId(family);
    return this.ids[family][index - firstIndex] ?? 0;
  }

  private async resolveTerms(reader: SegmentReader): Promise<void> {
    for (const family of [0, 1, 2] as const) {
      const known = this.ids[family];
      const fresh = reader.terms[family].slice(known.length);
      if (fresh.length > 0) known.push(...(await this.deps.dictionary.idsOf(family, fresh)));
    }
  }
}

type Span = { clicks: number; firstAt: number; lastAt: number; days: Set<number> };

/** A look through the batch before anything is written. */
function spanOf(reader: SegmentReader, stretch: Stretch): Span {
  const base = reader.base;
  const span: Span = { clicks: 0, firstAt: Infinity, lastAt: -Infinity, days: new Set() };
  let day = Number.NaN;
  const see = (time: number) => {
    if (time < span.firstAt) span.firstAt = time;
    if (time > span.lastAt) span.lastAt = time;
    const itsDay = Math.floor(time / dayMs);
    if (itsDay !== day) span.days.add((day = itsDay));
  };
  reader.walk(stretch, {
    click(words, at, from) {
      see(from + words[at + 3]!);
      span.clicks++;
    },
    orphan: (words, at, from) => see(from + words[at + 1]!),
  });
  reader.base = base;
  return span;
}

async function insertOrphans(tx: Writer, orphans: Orphan[]): Promise<void> {
  await tx.run`
    INSERT INTO links.orphans (at, code, geo_id, client_id, source_id)
    SELECT at, code, geo_id, client_id, source_id
    FROM jsonb_to_recordset(${tx.json(orphans)})
      AS t (at timestamptz, code text, geo_id int, client_id int, source_id int)`;
}
