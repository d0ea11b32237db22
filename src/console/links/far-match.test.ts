import { expect, test } from "bun:test";
import type { World } from "../../../test/world.ts";
import { signIn } from "../browser.fixture.ts";
import { siteWith } from "../site.fixture.ts";

/** More than one page of the list looks at. */
const links = 13_000;
let world: World;

const site = siteWith(async (started) => {
  world = started;
  await world.db.write(
    (tx) => tx.run`
      INSERT INTO links.links (id, owner_id, code, url, url_host)
      SELECT n, ${world.bob.id}, 'seed-' || n,
        'https://example.com/' || CASE WHEN n = 1 THEN 'zq' ELSE 'page' END, 'example.com'
      FROM generate_series(1, ${links}::int) n`,
    { statementTimeoutMs: 60_000, timeoutMs: 60_000 },
  );
});

test("a search goes on by itself where the pages that come first are empty", async () => {
  const { page, complaints } = await site.stranger();
  await signIn(page, world, world.bob);
  // Two letters are too short for the index: the list is walked to its end.
  await site.open(page, "/links?search=zq");
  await page.getByText("seed-1", { exact: false }).first().waitFor();
  expect(await page.locator("[data-row]").count()).toBe(1);
  await site.open(page, "/links?search=qz");
  await page.getByText("Nothing matches", { exact: true }).waitFor();
  expect(complaints).toEqual([]);
}, 120_000);
