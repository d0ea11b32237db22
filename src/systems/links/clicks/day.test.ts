import { expect, test } from "bun:test";
import fc from "fast-check";
import { HyperLogLog } from "../hll.ts";
import {
  Day,
  eachHourlyTerm,
  eachHourOfVisitors,
  eachTerm,
  hourFields,
  hoursOf,
  type PackedDay,
} from "./day.ts";
import { addVisitor, hourShift, kindShift, newVisitorBit, sketchOf } from "./traits.ts";

const empty: PackedDay = {
  hours: null,
  geos: null,
  clients: null,
  sources: null,
  hourly: null,
  visitors: null,
  hourly_visitors: null,
};

type Click = { geo: number; client: number; source: number; traits: number };

/** As PostgreSQL appends them. */
function logOf(clicks: Click[]): Uint8Array {
  const log = Buffer.alloc(clicks.length * 16);
  clicks.forEach(({ geo, client, source, traits }, i) => {
    log.writeInt32BE(geo, i * 16);
    log.writeInt32BE(client, i * 16 + 4);
    log.writeInt32BE(source, i * 16 + 8);
    log.writeInt32BE(traits, i * 16 + 12);
  });
  return log;
}

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const click = fc
  .record({
    geo: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    client: fc.integer({ min: 0, max: 3 }),
    source: fc.integer({ min: 0, max: 3 }),
    hour: fc.integer({ min: 0, max: 23 }),
    kind: fc.integer({ min: 0, max: 3 }),
    isNew: fc.boolean(),
    high: word,
    low: word,
  })
  .map(({ geo, client, source, hour, kind, isNew, high, low }): Click => {
    const sketch = kind === 0 ? sketchOf(high, low) : 0;
    const bits = (hour << hourShift) | (kind << kindShift) | (isNew ? newVisitorBit : 0);
    return { geo, client, source, traits: sketch | bits };
  });

test("a day packed in any steps says what its clicks say", () => {
  fc.assert(
    fc.property(fc.array(fc.array(click, { maxLength: 40 }), { maxLength: 6 }), (parts) => {
      let packed = empty;
      for (const part of parts) {
        const day = new Day(packed);
        day.addLog(logOf(part));
        packed = day.pack();
      }
      const all = parts.flat();
      const hours = hoursOf(packed.hours);
      for (let hour = 0; hour < 24; hour++) {
        const those = all.filter(({ traits }) => ((traits >> hourShift) & 31) === hour);
        const kind = (k: number) =>
          those.filter(({ traits }) => ((traits >> kindShift) & 3) === k).length;
        const news = those.filter(({ traits }) => (traits & newVisitorBit) !== 0).length;
        expect([...hours.subarray(hour * hourFields, (hour + 1) * hourFields)]).toEqual([
          those.length,
          kind(0),
          kind(1),
          kind(2),
          kind(3),
          news,
        ]);
      }
      const fields = [
        ["geo", packed.geos],
        ["client", packed.clients],
        ["source", packed.sources],
      ] as const;
      for (const [family, [field, bytes]] of fields.entries()) {
        const daily = new Map<number, [number, number]>();
        eachTerm(bytes, (id, clicks, humans) => daily.set(id, [clicks, humans]));
        const hourly = new Map<string, number>();
        eachHourlyTerm(packed.hourly, (hour, itsFamily, id, clicks) => {
          if (itsFamily === family) hourly.set(`${hour}:${id}`, clicks);
        });
        for (const id of new Set(all.map((c) => c[field]))) {
          const those = all.filter((c) => c[field] === id);
          const humans = those.filter(({ traits }) => ((traits >> kindShift) & 3) === 0).length;
          expect(daily.get(id)).toEqual([those.length, humans]);
          const sum = [...hourly].filter(([key]) => key.endsWith(`:${id}`));
          expect(sum.reduce((n, [, clicks]) => n + clicks, 0)).toBe(those.length);
        }
        expect(daily.size).toBe(new Set(all.map((c) => c[field])).size);
      }
      const visitors = new HyperLogLog();
      for (const { traits } of all) addVisitor(visitors, traits);
      if (packed.visitors) expect(packed.visitors).toEqual(visitors.toBytes());
      const union = new HyperLogLog();
      eachHourOfVisitors(packed.hourly_visitors, (_, set) => union.mergeBytes(set));
      expect(union.toBytes()).toEqual(visitors.toBytes());
    }),
    { numRuns: 200 },
  );
});

test("a visitor's sketch is all that HyperLogLog takes from its hash", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 50 }), (hashes) => {
      const whole = new HyperLogLog();
      const fromSketches = new HyperLogLog();
      for (const [high, low] of [...hashes, [0, 0], [0xfff0_0000, 1], [1, 0]] as const) {
        whole.add(high, low);
        addVisitor(fromSketches, sketchOf(high, low));
      }
      expect(fromSketches.toBytes()).toEqual(whole.toBytes());
    }),
  );
});
