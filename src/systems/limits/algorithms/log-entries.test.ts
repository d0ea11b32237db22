import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LogEntries } from "./log-entries.ts";

test("keeps many queues apart while both ends come and go", () => {
  const queues = 5;
  const step = fc.record({
    queue: fc.nat(queues - 1),
    do: fc.constantFrom("append", "append", "append", "drop first", "drop last"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const entries = new LogEntries(1_000);
      const ends = Array.from({ length: queues }, () => ({ first: 0, last: 0 }));
      const models = Array.from({ length: queues }, (): number[] => []);
      for (const [at, { queue, do: what }] of steps.entries()) {
        const [end, model] = [ends[queue]!, models[queue]!];
        if (what === "append") {
          end.last = entries.append(end.last, at, at + 1);
          if (end.first === 0) end.first = end.last;
          model.push(at);
        } else if (model.length > 0) {
          if (what === "drop first") end.first = entries.dropFirst(end.first);
          else end.last = entries.dropLast(end.last);
          if (what === "drop first") model.shift();
          else model.pop();
          if (model.length === 0) end.first = end.last = 0;
        }
      }
      for (const [queue, { first, last }] of ends.entries()) {
        const there: number[] = [];
        for (let one = first; one !== 0; one = entries.next(one)) {
          expect(entries.cost(one)).toBe(entries.at(one) + 1);
          there.push(entries.at(one));
        }
        expect(there).toEqual(models[queue]!);
        const back: number[] = [];
        for (let one = last; one !== 0; one = entries.prev(one)) back.push(entries.at(one));
        expect(back.toReversed()).toEqual(there);
      }
      expect(entries.size).toBe(models.flat().length);
    }),
    { numRuns: 200 },
  );
});

test("uses freed entries again, over pages", () => {
  const entries = new LogEntries(20_000);
  const fill = () => {
    let last = 0;
    for (let at = 0; at < 20_000; at++) last = entries.append(last, at, 1);
    return last;
  };
  let last = fill();
  expect(entries.full).toBe(true);
  const { bytes } = entries;
  while (last !== 0) last = entries.dropLast(last);
  expect(entries.size).toBe(0);
  fill();
  expect(entries.bytes).toBe(bytes);
  expect(entries.bytes).toBeLessThanOrEqual(24 * (20_000 + 4_096));
});
