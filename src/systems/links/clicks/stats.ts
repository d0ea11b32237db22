import type { z } from "zod";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Reader } from "../../../platform/db/db.ts";
import { invalid } from "./refusal.ts";
import { HyperLogLog } from "../hll.ts";
import type { statsQuery, statsReply } from "./wire.ts";
import {
  countClick,
  eachHourlyTerm,
  eachHourOfVisitors,
  eachLogEntry,
  eachTerm,
  hourFields,
  hoursOf,
  type PackedDay,
} from "./day.ts";
import type { TermNames } from "./dictionary.ts";
import { dayName } from "./partitions.ts";
import { addVisitor, dayMs, hourMs, hourOf, kindOf, kinds } from "./traits.ts";

/**
 * Answers from the roll-ups: one row a day, whole days from what is packed for the day, the
 * days at the ends and hourly curves from what is packed for each hour. Ten million clicks of a
 * month are thirty rows.
 */
export type StatsQuery = z.infer<typeof statsQuery>;
export type StatsReply = z.infer<typeof statsReply>;
type Group = StatsQuery["group_by"];

const defaultDays = 30;
/** A range of ten years by day; finer curves need a shorter range. */
export const bucketsMax = 4_000;

/** Which dictionary family a group is in, and its place among the fields. */
const fieldOf: Partial<Record<Group, [family: 0 | 1 | 2, field: number]>> = {
  country: [0, 0],
  city: [0, 1],
  device: [1, 0],
  browser: [1, 1],
  os: [1, 2],
  referrer: [2, 0],
  utm_source: [2, 1],
  utm_medium: [2, 2],
  utm_campaign: [2, 3],
};
const columns = ["geos", "clients", "sources"] as const;

type DayRow = PackedDay & {
  day: string;
  clicks: string;
  humans: string;
  bots: string;
  unfurlers: string;
  prefetches: string;
  new_visitors: string;
  log: Uint8Array;
};

type Range = { from: number; to: number };

export class Stats {
  private readonly clock: Clock;
  private readonly names: TermNames;

  constructor(clock: Clock, names: TermNames) {
    this.clock = clock;
    this.names = names;
  }

  /** Throws request.invalid for a range that makes no sense. The link's owner was checked. */
  async ofLink(reader: Reader, linkId: string, query: StatsQuery): Promise<StatsReply> {
    return await this.of(reader, BigInt(linkId), query);
  }

  /** All links of an owner, deleted ones too. */
  async ofOwner(reader: Reader, ownerId: string, query: StatsQuery): Promise<StatsReply> {
    return await this.of(reader, -BigInt(ownerId), query);
  }

  private async of(reader: Reader, subject: bigint, query: StatsQuery): Promise<StatsReply> {
    const now = this.clock.now();
    const range = rangeOf(query, now);
    const byHour = query.group_by === "time" && query.interval === "hour";
    const [rows, asOf] = await Promise.all([
      readDays(reader, subject, range, now, query.group_by, byHour),
      readAsOf(reader, now),
    ]);
    const sum = new Sum(query, range, now, byHour);
    for (const row of rows) sum.add(row);
    return {
      from: new Date(range.from).toISOString(),
      to: new Date(range.to).toISOString(),
      interval: query.interval,
      group_by: query.group_by,
      as_of: asOf.toISOString(),
      totals: sum.totals(),
      rows: await this.rows(reader, query, sum),
    };
  }

  private async rows(reader: Reader, query: StatsQuery, sum: Sum): Promise<StatsReply["rows"]> {
    if (query.group_by === "time") return sum.curve();
    if (query.group_by === "kind") return sum.byKind();
    const [, field] = fieldOf[query.group_by]!;
    const names = await this.names.of(reader, sum.terms.keys());
    const byKey = new Map<string, number>();
    for (const [id, clicks] of sum.terms) {
      const fields = names.get(id) ?? [];
      const key = keyOf(query.group_by, fields, field);
      byKey.set(key, (byKey.get(key) ?? 0) + clicks);
    }
    return [...byKey]
      .filter(([, clicks]) => clicks > 0)
      .toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .slice(0, query.limit)
      .map(([key, clicks]) => ({ key, clicks, unique_visitors: null }));
  }
}

function keyOf(group: Group, fields: string[], field: number): string {
  const value = fields[field] ?? "";
  // There is a Berlin in many countries.
  return group === "city" && value !== "" ? `${value}, ${fields[0]}` : value;
}

/** Whole hours, because that is what is kept. */
function rangeOf(query: StatsQuery, now: number): Range {
  const to = Math.ceil((query.to ? Date.parse(query.to) : now + 1) / hourMs) * hourMs;
  const given = query.from ? Date.parse(query.from) : to - defaultDays * dayMs;
  const from = Math.floor(given / hourMs) * hourMs;
  if (from >= to) throw invalid("from", "an instant before `to`");
  const step = { hour: hourMs, day: dayMs, week: 7 * dayMs, month: 28 * dayMs }[query.interval];
  if (query.group_by === "time" && (to - from) / step > bucketsMax) {
    throw invalid("interval", `one that divides the range into at most ${bucketsMax} parts`);
  }
  return { from, to };
}

/** Whether a day lies wholly within the range, as far as it has happened. */
function isWhole(dayStart: number, range: Range, now: number): boolean {
  const end = dayStart + dayMs;
  return range.from <= dayStart && (range.to >= end || range.to > now);
}

async function readDays(
  reader: Reader,
  subject: bigint,
  range: Range,
  now: number,
  group: Group,
  byHour: boolean,
): Promise<DayRow[]> {
  const first = Math.floor(range.from / dayMs);
  const last = Math.floor((range.to - 1) / dayMs);
  const parts = [...new Set([first, last])].filter((day) => !isWhole(day * dayMs, range, now));
  const partDays = reader.array(parts.map(dayName), "date");
  const family = fieldOf[group]?.[0];
  const none = reader.sql`NULL::bytea`;
  const when = (wanted: boolean, column: unknown, inParts: boolean) => {
    if (byHour && inParts) return column;
    const condition = inParts
      ? reader.sql`day = ANY(${partDays})`
      : reader.sql`NOT day = ANY(${partDays})`;
    return wanted ? reader.sql`CASE WHEN ${condition} THEN ${column} END` : none;
  };
  const daily = (index: 0 | 1 | 2, column: unknown) => when(family === index, column, false);
  return await reader.all<DayRow>`
    SELECT day::text AS day, clicks, humans, bots, unfurlers, prefetches, new_visitors, log,
      ${when(true, reader.sql`hours`, true)} AS hours,
      ${daily(0, reader.sql`geos`)} AS geos,
      ${daily(1, reader.sql`clients`)} AS clients,
      ${daily(2, reader.sql`sources`)} AS sources,
      ${family === undefined ? none : when(true, reader.sql`hourly`, true)} AS hourly,
      ${byHour ? none : when(true, reader.sql`visitors`, false)} AS visitors,
      ${when(true, reader.sql`hourly_visitors`, true)} AS hourly_visitors
    FROM links.click_days
    WHERE subject_id = ${String(subject)}::bigint
      AND day BETWEEN ${dayName(first)}::date AND ${dayName(last)}::date
    ORDER BY day`;
}

/** Clicks stored but not rolled up yet are what the numbers lack. */
async function readAsOf(reader: Reader, now: number): Promise<Date> {
  const row = await reader.one<{ first_at: Date | null }>`
    SELECT min(first_at) AS first_at FROM links.click_batches`;
  return row?.first_at ?? new Date(now);
}

/** Adds up days into what a query asks for. */
class Sum {
  readonly terms = new Map<number, number>();
  private readonly query: StatsQuery;
  private readonly range: Range;
  private readonly now: number;
  private readonly byHour: boolean;
  private readonly family: number;
  private readonly counts = new Float64Array(hourFields);
  private readonly visitors = new HyperLogLog();
  private readonly buckets = new Map<number, { clicks: number; visitors: HyperLogLog }>();

  constructor(query: StatsQuery, range: Range, now: number, byHour: boolean) {
    this.query = query;
    this.range = range;
    this.now = now;
    this.byHour = byHour;
    this.family = fieldOf[query.group_by]?.[0] ?? -1;
  }

  add(row: DayRow): void {
    const start = Date.parse(row.day);
    if (this.byHour || !isWhole(start, this.range, this.now)) return this.addHours(row, start);
    const { clicks, humans, bots, unfurlers, prefetches, new_visitors } = row;
    const counts = [clicks, humans, bots, unfurlers, prefetches, new_visitors].map(Number);
    const visitors = row.visitors ? HyperLogLog.fromBytes(row.visitors) : new HyperLogLog();
    const column = columns[this.family];
    if (column) {
      eachTerm(row[column], (id, all, people) => this.addTerm(id, all, people));
    }
    eachLogEntry(row.log, (entry) => {
      addVisitor(visitors, entry.traits);
      if (this.family >= 0) this.addLogTerm(entry);
    });
    this.addCounts(counts, start, visitors);
  }

  totals(): StatsReply["totals"] {
    const [clicks, humans, bots, unfurlers, prefetches, newVisitors] = this.counts;
    return {
      clicks: clicks!,
      humans: humans!,
      bots: bots!,
      unfurlers: unfurlers!,
      prefetches: prefetches!,
      unique_visitors: this.visitors.estimate(),
      new_visitors: newVisitors!,
    };
  }

  byKind(): StatsReply["rows"] {
    return kinds
      .map((key, index) => ({ key, clicks: this.counts[index + 1]!, unique_visitors: null }))
      .toSorted((a, b) => b.clicks - a.clicks);
  }

  /** Every interval of the range, empty ones too. */
  curve(): StatsReply["rows"] {
    const rows: StatsReply["rows"] = [];
    let at = bucketOf(this.range.from, this.query.interval);
    while (at < this.range.to) {
      const bucket = this.buckets.get(at);
      rows.push({
        key: new Date(at).toISOString(),
        clicks: bucket?.clicks ?? 0,
        unique_visitors: bucket?.visitors.estimate() ?? 0,
      });
      at = nextBucket(at, this.query.interval);
    }
    return rows;
  }

  private addHours(row: DayRow, start: number): void {
    const inRange = (hour: number) => {
      const at = start + hour * hourMs;
      return at >= this.range.from && at < this.range.to;
    };
    const hours = hoursOf(row.hours);
    const visitors = Array.from({ length: 24 }, () => new HyperLogLog());
    eachHourOfVisitors(row.hourly_visitors, (hour, set) => visitors[hour]!.mergeBytes(set));
    eachLogEntry(row.log, (entry) => {
      const hour = hourOf(entry.traits);
      countClick(hours, hour * hourFields, entry.traits);
      addVisitor(visitors[hour]!, entry.traits);
      if (this.family >= 0 && inRange(hour)) this.addLogTerm(entry);
    });
    if (this.family >= 0) {
      eachHourlyTerm(row.hourly, (hour, family, id, all, people) => {
        if (family === this.family && inRange(hour)) this.addTerm(id, all, people);
      });
    }
    for (let hour = 0; hour < 24; hour++) {
      if (!inRange(hour)) continue;
      const counts = hours.subarray(hour * hourFields, (hour + 1) * hourFields);
      if (counts[0] !== 0) this.addCounts(counts, start + hour * hourMs, visitors[hour]!);
    }
  }

  private addCounts(counts: ArrayLike<number>, at: number, visitors: HyperLogLog): void {
    for (let i = 0; i < hourFields; i++) this.counts[i]! += counts[i]!;
    this.visitors.merge(visitors);
    if (this.query.group_by !== "time") return;
    const key = bucketOf(at, this.query.interval);
    const clicks = counts[this.query.traffic === "human" ? 1 : 0]!;
    const bucket = this.buckets.get(key);
    if (!bucket) this.buckets.set(key, { clicks, visitors });
    else {
      bucket.clicks += clicks;
      bucket.visitors.merge(visitors);
    }
  }

  private addLogTerm(entry: { geo: number; client: number; source: number; traits: number }) {
    const id = this.family === 0 ? entry.geo : this.family === 1 ? entry.client : entry.source;
    this.addTerm(id, 1, kindOf(entry.traits) === 0 ? 1 : 0);
  }

  private addTerm(id: number, all: number, people: number): void {
    const clicks = this.query.traffic === "human" ? people : all;
    this.terms.set(id, (this.terms.get(id) ?? 0) + clicks);
  }
}

/** UTC; weeks begin on Monday. */
function bucketOf(at: number, interval: StatsQuery["interval"]): number {
  if (interval === "hour") return at - (at % hourMs);
  const day = Math.floor(at / dayMs);
  if (interval === "day") return day * dayMs;
  // 1970-01-01 was a Thursday.
  if (interval === "week") return (day - ((((day + 3) % 7) + 7) % 7)) * dayMs;
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function nextBucket(at: number, interval: StatsQuery["interval"]): number {
  if (interval === "hour") return at + hourMs;
  if (interval === "day") return at + dayMs;
  if (interval === "week") return at + 7 * dayMs;
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
