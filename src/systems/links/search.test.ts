import { afterAll, beforeAll, expect, test } from "bun:test";
import { testDatabase, type TestDatabase } from "../../../test/database.ts";
import { migrations } from "../../migrations.ts";
import { platformMigrations } from "../../platform/platform.ts";
import { listLinks, type ListOptions } from "./list.ts";

/** More links than are looked at near a page's beginning, and more matches than are rare. */
const links = 9_000;
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase([...platformMigrations, ...migrations]);
  // Owner 2 has the same, so that what is found by the index is not all one's own.
  await database.db.write(
    (tx) => tx.run`
      INSERT INTO links.links (id, owner_id, code, url, url_host, title, tags, expires_at)
      SELECT n * 10 + owner, owner, 'c' || owner || '-' || n,
        'https://example.com/' || CASE WHEN n <= 5500 THEN 'older' ELSE 'newer' END || '/' || n,
        'example.com',
        CASE WHEN n % 1000 = 7 THEN 'A rare Needle' WHEN n = 3000 THEN 'needless' END,
        CASE WHEN n IN (10, 3000, 8999) THEN ARRAY['needle'] ELSE '{}' END,
        date_trunc('day', now()) + make_interval(days => 2 + n % 500)
      FROM generate_series(1, ${links}::int) n, generate_series(1, 2) owner`,
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
    const age = n <= 5_500 ? "older" : "newer";
    const title = n % 1_000 === 7 ? "a rare needle" : n === 3_000 ? "needless" : "";
    const text = `c1-${n} https://example.com/${age}/${n} ${title}`;
    const tags = [10, 3_000, 8_999].includes(n) ? ["needle"] : [];
    const words = search.split(" ");
    if (words.every((word) => text.includes(word.toLowerCase()) || tags.includes(word))) {
      out.push(String(n * 10 + 1));
    }
  }
  return out;
}

async function pages(options: Pick<ListOptions, "search" | "sort" | "limit">): Promise<string[]> {
  const out: string[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await listLinks(database.db, { ...options, cursor, ownerId: "1", state: "live" });
    out.push(...page.rows.map((row) => row.id));
    if (page.next_cursor === null) return out;
    expect(page.rows).toHaveLength(options.limit);
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
    expect(found).toHaveLength(search === "older" ? 5_500 : 3_500);
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

test("pages are in the list's order", async () => {
  const newest = await pages({ search: "needle", sort: "-created_at", limit: 4 });
  const numbers = newest.map(Number);
  expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
  expect(await pages({ search: "needle", sort: "created_at", limit: 4 })).toEqual(
    newest.toReversed(),
  );
});
