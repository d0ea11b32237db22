import { HyperLogLog } from "../hll.ts";
import { addVisitor, hourOf, kindOf, newVisitorBit } from "./traits.ts";

/**
 * A subject's day as links.click_days holds it. Counts by hour, by place, client and source,
 * and visitors as HyperLogLog, all packed; and in front of that a log of clicks that are not
 * packed yet. Rolling up only appends to the log, which the database does by itself; a log that
 * has grown is packed here. So a link with few clicks costs 16 bytes a click and never a look at
 * what it had, and a busy one a few kilobytes a day.
 *
 * Numbers are 32-bit little-endian but for the log's, which PostgreSQL writes, big-endian:
 *
 *   log              place, client, source, traits
 *   hours            24 x (clicks, humans, bots, unfurlers, prefetches, new visitors)
 *   geos and so on   (id, clicks, humans), of the whole day
 *   hourly           (hour * 4 + family, id, clicks, humans)
 *   visitors         HyperLogLog of the whole day
 *   hourly_visitors  (hour, byte length, HyperLogLog padded to four bytes)
 */
export const hourFields = 6;
export const logEntryBytes = 16;
const hourCounts = 24 * hourFields;
const familyShift = 2 ** 31;

export type PackedDay = {
  hours: Uint8Array | null;
  geos: Uint8Array | null;
  clients: Uint8Array | null;
  sources: Uint8Array | null;
  hourly: Uint8Array | null;
  visitors: Uint8Array | null;
  hourly_visitors: Uint8Array | null;
};

export type LogEntry = { geo: number; client: number; source: number; traits: number };

/** The entry passed on is the same object each time. */
export function eachLogEntry(log: Uint8Array, visit: (entry: LogEntry) => void): void {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const entry = { geo: 0, client: 0, source: 0, traits: 0 };
  for (let at = 0; at + logEntryBytes <= log.length; at += logEntryBytes) {
    entry.geo = view.getInt32(at);
    entry.client = view.getInt32(at + 4);
    entry.source = view.getInt32(at + 8);
    entry.traits = view.getInt32(at + 12);
    visit(entry);
  }
}

type TermVisit = (id: number, clicks: number, humans: number) => void;

export function eachTerm(bytes: Uint8Array | null, visit: TermVisit): void {
  const words = wordsOf(bytes);
  for (let at = 0; at < words.length; at += 3) visit(words[at]!, words[at + 1]!, words[at + 2]!);
}

export function eachHourlyTerm(
  bytes: Uint8Array | null,
  visit: (hour: number, family: number, id: number, clicks: number, humans: number) => void,
): void {
  const words = wordsOf(bytes);
  for (let at = 0; at < words.length; at += 4) {
    const key = words[at]!;
    visit(key >>> 2, key & 3, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  }
}

export function eachHourOfVisitors(
  bytes: Uint8Array | null,
  visit: (hour: number, set: Uint8Array) => void,
): void {
  if (!bytes) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 4, true);
    visit(view.getUint32(at, true), bytes.subarray(at + 8, at + 8 + length));
    at += 8 + padded(length);
  }
}

export function hoursOf(bytes: Uint8Array | null): Uint32Array {
  return bytes ? wordsOf(bytes) : new Uint32Array(hourCounts);
}

/** Adds one click to a row of `hourFields` counts. */
export function countClick(counts: Uint32Array | Float64Array, at: number, traits: number): void {
  counts[at]!++;
  const kind = at + 1 + kindOf(traits);
  counts[kind]!++;
  if (traits & newVisitorBit) counts[at + 5]!++;
}

/** Takes a packed day apart, adds clicks, and packs it again. */
export class Day {
  private readonly hours: Uint32Array;
  private readonly slots = new Map<number, number>();
  private readonly counts: number[] = [];
  private readonly visitors = new Map<number, HyperLogLog>();

  constructor(packed: PackedDay) {
    this.hours = hoursOf(packed.hours);
    eachHourlyTerm(packed.hourly, (hour, family, id, clicks, humans) => {
      this.addTerm(hour, family, id, clicks, humans);
    });
    eachHourOfVisitors(packed.hourly_visitors, (hour, set) => {
      this.visitors.set(hour, HyperLogLog.fromBytes(set));
    });
  }

  addLog(log: Uint8Array): void {
    eachLogEntry(log, ({ geo, client, source, traits }) => {
      const hour = hourOf(traits);
      const human = kindOf(traits) === 0 ? 1 : 0;
      countClick(this.hours, hour * hourFields, traits);
      this.addTerm(hour, 0, geo, 1, human);
      this.addTerm(hour, 1, client, 1, human);
      this.addTerm(hour, 2, source, 1, human);
      let set = this.visitors.get(hour);
      if (!set) this.visitors.set(hour, (set = new HyperLogLog()));
      addVisitor(set, traits);
    });
  }

  pack(): PackedDay {
    const keys = [...this.slots.keys()].toSorted((a, b) => a - b);
    const hourly = new Uint32Array(keys.length * 4);
    const daily = [0, 1, 2].map(() => new Map<number, [clicks: number, humans: number]>());
    keys.forEach((key, index) => {
      const hourAndFamily = Math.floor(key / familyShift);
      const id = key % familyShift;
      const slot = this.slots.get(key)!;
      const clicks = this.counts[slot]!;
      const humans = this.counts[slot + 1]!;
      hourly.set([hourAndFamily, id, clicks, humans], index * 4);
      const sums = daily[hourAndFamily & 3]!;
      const sum = sums.get(id);
      if (!sum) sums.set(id, [clicks, humans]);
      else {
        sum[0] += clicks;
        sum[1] += humans;
      }
    });
    const [geos, clients, sources] = daily.map(packTerms) as [Uint8Array, Uint8Array, Uint8Array];
    return {
      hours: bytesOf(this.hours),
      geos,
      clients,
      sources,
      hourly: bytesOf(hourly),
      ...this.packVisitors(),
    };
  }

  private addTerm(hour: number, family: number, id: number, clicks: number, humans: number): void {
    const key = (hour * 4 + family) * familyShift + id;
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = this.counts.length;
      this.slots.set(key, slot);
      this.counts.push(0, 0);
    }
    this.counts[slot]! += clicks;
    this.counts[slot + 1]! += humans;
  }

  private packVisitors(): { visitors: Uint8Array; hourly_visitors: Uint8Array } {
    const day = new HyperLogLog();
    const parts: Uint8Array[] = [];
    for (const [hour, set] of [...this.visitors].toSorted((a, b) => a[0] - b[0])) {
      day.merge(set);
      const bytes = set.toBytes();
      const part = new Uint8Array(8 + padded(bytes.length));
      new DataView(part.buffer).setUint32(0, hour, true);
      new DataView(part.buffer).setUint32(4, bytes.length, true);
      part.set(bytes, 8);
      parts.push(part);
    }
    return { visitors: day.toBytes(), hourly_visitors: Buffer.concat(parts) };
  }
}

function packTerms(sums: Map<number, [number, number]>): Uint8Array {
  const words = new Uint32Array(sums.size * 3);
  let at = 0;
  for (const [id, [clicks, humans]] of sums) {
    words[at++] = id;
    words[at++] = clicks;
    words[at++] = humans;
  }
  return bytesOf(words);
}

/** Copied, because a value from the database need not be aligned. */
function wordsOf(bytes: Uint8Array | null): Uint32Array {
  return bytes ? new Uint32Array(new Uint8Array(bytes).buffer) : new Uint32Array();
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
