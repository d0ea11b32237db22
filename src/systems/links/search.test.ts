import { afterAll, beforeAll, expect, test } from "bun:test";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { migrations } from "../../migrations.ts";
import { platformMigrations } from "../../platform/platform.ts";
import { listLinks, type ListOptions } from "./list.ts";

/** More links than are looked at for a page, and more old ones than the index tells at once. */
const links = 16_000;
const old = 3_000;
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...migrations]);
  // Owner 2 has some too, so that what is found by the index is not all one's own.
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO links.links (id, owner_id, code, url, url_host, title, tags, expires_at)
      SELECT n * 10 + owner, owner, 'c' || owner || '-' || n,
        'https://example.com/' || CASE WHEN n <= ${old}::int THEN 'older' ELSE 'newer' END
          || '/' || n,
        'example.com',
        CASE WHEN n % 1000 = 7 THEN 'A rare Needle' WHEN n = 3000 THEN 'needless' END,
        CASE WHEN n IN (10, 3000, 15999) THEN ARRAY['needle'] ELSE '{}' END,
        date_trunc('day', now()) + make_interval(days => 2 + n % 500)
      FROM generate_series(1, ${links}::int) n, generate_series(1, 2) owner
      WHERE owner = 1 OR n > 13500`,
    { statementTimeoutMs: 60_000, timeoutMs: 60_000 },
  );
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO links.click_totals (link_id, owner_id, clicks, humans, last_click_at)
      SELECT id, owner_id, id % 97, 0, now() FROM links.links WHERE id % 3 = 0`,
  );
});
afterAll(() => database.drop());

/** The ids that `search` must find, told without the code that is tested. */
function expected(search: string): string[] {
  const out: string[] = [];
  for (let n = 1; n <= links; n++) {
    const age = n <= old ? "older" : "newer";
    const title = n % 1_000 === 7 ? "a rare needle" : n === 3_000 ? "needless" : "";
    const text = `c1-${n} https://example.com/${age}/${n} ${title}`;
    const tags = [10, 3_000, 15_999].includes(n) ? ["needle"] : [];
    const words = search.split(" ");
    if (words.every((word) => text.includes(word.toLowerCase()) || tags.includes(word))) {
      out.push(String(n * 10 + 1));
    }
  }
  return out;
}

type Asked = Pick<ListOptions, "search" | "sort" | "limit" | "tag">;

async function pages(options: Asked): Promise<string[]> {
  const out: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await listLinks(database.db, { ...options, cursor, ownerId: "1", state: "live" });
    out.push(...page.rows.map((row) => row.id));
    if (page.next_cursor === null) return out;
    expect(page.rows.length).toBeLessThanOrEqual(options.limit);
    cursor = page.next_cursor;
  }
}

const sorts = ["-created_at", "created_at", "-clicks", "expires_at"] as const;

test.each(sorts.flatMap((sort) => [["needle", sort] as const, ["RARE needle", sort] as const]))(
  "the few that match %j are all found, in pages, by %s",
  async (search, sort) => {
    const found = await pages({ search, sort, limit: 4 });
    expect(found.toSorted()).toEqual(expected(search).toSorted());
  },
);

test.each(sorts.flatMap((sort) => [["older", sort] as const, ["newer", sort] as const]))(
  "the many that match %j are all found, by %s",
  async (search, sort) => {
    const found = await pages({ search, sort, limit: 1_500 });
    expect(found).toHaveLength(search === "older" ? old : links - old);
    expect(found.toSorted()).toEqual(expected(search).toSorted());
  },
);

test.each(["10", "c1", "nothing of the kind", "/7 newer", "%"])(
  "%j is found as it is",
  async (s) => {
    const found = await pages({ search: s, sort: "-created_at", limit: 2_000 });
    expect(found).toEqual(expected(s).toReversed());
  },
);

test("a page ends where enough was looked at, and the next goes on there", async () => {
  const options = { ownerId: "1", state: "live", sort: "-created_at", limit: 10 } as const;
  // Too short for the index, and in no link that is near.
  const first = await listLinks(database.db, { ...options, search: "ol" });
  expect(first.rows).toEqual([]);
  const cursor = first.next_cursor ?? "";
  const second = await listLinks(database.db, { ...options, search: "ol", cursor });
  const newest = Array.from({ length: 10 }, (_, n) => String((old - n) * 10 + 1));
  expect(second.rows.map((row) => row.id)).toEqual(newest);
  // The index knows at once what a longer word means.
  const found = await listLinks(database.db, { ...options, search: "older" });
  expect(found.rows.map((row) => row.id)).toEqual(newest);
});

test("what the index tells at once is not all, where a filter picks from it", async () => {
  for (const sort of sorts) {
    const found = await pages({ search: "older", sort, limit: 10, tag: "needle" });
    expect(found.toSorted()).toEqual(["101", "30001"]);
  }
});

test("so does one of links that a filter leaves out", async () => {
  const options = { ownerId: "1", state: "ended", limit: 10 } as const;
  for (const sort of sorts) {
    const first = await listLinks(database.db, { ...options, sort });
    expect(first.rows).toEqual([]);
    let cursor = first.next_cursor;
    expect(cursor).not.toBeNull();
    let pagesRead = 1;
    for (; cursor !== null; pagesRead++) {
      const page = await listLinks(database.db, { ...options, sort, cursor });
      expect(page.rows).toEqual([]);
      cursor = page.next_cursor;
    }
    expect(pagesRead).toBeLessThan(5);
  }
});

test("pages are in the list's order", async () => {
  const newest = await pages({ search: "needle", sort: "-created_at", limit: 4 });
  const numbers = newest.map(Number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
  expect(await pages({ search: "needle", sort: "created_at", limit: 4 })).toEqual(
    newest.toReversed(),
  );
});
