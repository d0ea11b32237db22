import { expect, test } from "bun:test";
import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { createBatches } from "./create-batches.ts";
import type { Draft } from "./shorten.ts";
import type { ListedRow } from "./store.ts";

/** The transaction and its rows are tested through the API; here is who shares which one. */
const draft = (code: string) => ({ row: { code } }) as Draft;
const db = { write: (work: (tx: never) => Promise<unknown>) => work(undefined as never) } as Db;

function setUp(refuses: (code: string) => unknown = () => null) {
  const batches: string[][] = [];
  const made = createBatches(db, {
    async createMany(_, drafts) {
      batches.push(drafts.map((d) => d.row.code));
      await Bun.sleep(1);
      return drafts.map((d) => {
        const refusal = refuses(d.row.code);
        if (refusal instanceof AppError) return refusal;
        if (refusal) throw refusal;
        return { code: d.row.code } as ListedRow;
      });
    },
  });
  return { made, batches };
}

test("a lone create goes at once; those that come meanwhile share the next transactions", async () => {
  const { made, batches } = setUp();
  const codes = Array.from({ length: 500 }, (_, i) => `c${i}`);
  const rows = await Promise.all(codes.map((code) => made.add(draft(code))));
  expect(rows.map((row) => row.code)).toEqual(codes);
  expect(batches.slice(0, 2)).toEqual([["c0"], ["c1"]]);
  expect(batches.length).toBeLessThan(8);
  expect(batches.flat().toSorted()).toEqual(codes.toSorted());
});

test("a refusal is only its own; a failure nobody foresaw fails nobody else", async () => {
  const taken = new AppError("links.alias_taken", "taken");
  const { made } = setUp((code) =>
    code === "c7" ? taken : code === "c9" ? new Error("poison") : null,
  );
  const all = Array.from({ length: 20 }, (_, i) => made.add(draft(`c${i}`)));
  const outcomes = await Promise.allSettled(all);
  const failed = outcomes.flatMap((outcome, i) => (outcome.status === "rejected" ? [i] : []));
  expect(failed).toEqual([7, 9]);
});

test("an outage is everybody's, and asked once", async () => {
  const away = new AppError("server.database_unavailable", "away");
  let asked = 0;
  const failing = {
    write: async () => {
      asked++;
      throw away;
    },
  } as unknown as Db;
  const made = createBatches(failing, { createMany: async () => [] });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => made.add(draft(`c${i}`))),
  );
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: away });
  expect(asked).toBeLessThanOrEqual(4);
});
