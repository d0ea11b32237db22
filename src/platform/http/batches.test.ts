import { expect, test } from "bun:test";
import { AppError } from "../errors/errors.ts";
import { createBatches } from "./batches.ts";

/** Who shares a transaction with whom; the transaction itself is tested through the API. */
function setUp(refuses: (n: number) => unknown = () => null) {
  const batches: number[][] = [];
  const made = createBatches<number, { n: number }>(async (batch) => {
    batches.push(batch);
    await new Promise((resolve) => setImmediate(resolve));
    return batch.map((n) => {
      const refusal = refuses(n);
      if (refusal instanceof AppError) return refusal;
      if (refusal) throw refusal;
      return { n };
    });
  });
  return { made, batches };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

test("a lone create goes at once; those that come meanwhile share transactions", async () => {
  const { made, batches } = setUp();
  const rows = await Promise.all(numbers(500).map((n) => made.add(n)));
  expect(rows.map((row) => row.n)).toEqual(numbers(500));
  expect(batches.slice(0, 2)).toEqual([[0], numbers(33).slice(1)]);
  expect(batches.length).toBeLessThan(8);
  expect(batches.flat().toSorted((a, b) => a - b)).toEqual(numbers(500));
});

test("a refusal is only its own; a failure nobody foresaw fails nobody else", async () => {
  const taken = new AppError("links.alias_taken", "taken");
  const { made } = setUp((n) => (n === 7 ? taken : n === 9 ? new Error("poison") : null));
  const outcomes = await Promise.allSettled(numbers(20).map((n) => made.add(n)));
  const failed = outcomes.flatMap((outcome, n) => (outcome.status === "rejected" ? [n] : []));
  expect(failed).toEqual([7, 9]);
});

test("an outage is everybody's, and asked once", async () => {
  const away = new AppError("server.database_unavailable", "away");
  let asked = 0;
  const made = createBatches<number, { n: number }>(async () => {
    asked++;
    throw away;
  });
  const outcomes = await Promise.allSettled(numbers(50).map((n) => made.add(n)));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: away });
  expect(asked).toBeLessThanOrEqual(4);
});

test("those that are tried alone hold up nobody who comes later", async () => {
  const release = Promise.withResolvers<void>();
  const made = createBatches<string, { name: string }>(async ([name, ...more], shared) => {
    if (name === "stuck" && shared) throw new Error("waited too long");
    if (name === "stuck") await release.promise;
    return [name, ...more].map((one) => ({ name: one as string }));
  });
  const stuck = Array.from({ length: 4 }, () => made.add("stuck"));
  expect(await made.add("later")).toEqual({ name: "later" });
  release.resolve();
  expect(await Promise.all(stuck)).toHaveLength(4);
});
