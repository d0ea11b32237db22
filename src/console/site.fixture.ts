import { afterAll, afterEach, beforeAll } from "bun:test";
import type { Browser, Page } from "playwright-core";
import type { Person, World } from "../../test/world.ts";
import {
  desk,
  faultsOf,
  open,
  openBrowser,
  signIn,
  startReachableWorld,
  visitor,
  type Visitor,
} from "./browser.fixture.ts";

/** One started Stoa and one browser for all tests of a file; what a test opened closes after it. */
export type Site = {
  /** Someone at a window of this size, who has not been anywhere yet. */
  stranger(viewport?: typeof desk): Promise<Visitor>;
  /** Someone who has signed in and gone to a page. */
  arrive(person: Person, path: string, viewport?: typeof desk): Promise<Visitor>;
  /** Goes to a page and waits until everything on it has been loaded. */
  open(page: Page, path: string): Promise<void>;
  /**
   * What is wrong with each of these pages: barriers in both themes, no room on a phone, and
   * whatever it complained about since the visitor arrived.
   */
  faultsOfAll(visitor: Visitor, paths: string[]): Promise<string[]>;
};

/** Call it once, at the top of a test file; `prepare` makes what the tests find there. */
export function siteWith(
  prepare: (world: World) => void | Promise<void>,
  options: { sound?: boolean } = {},
): Site {
  let world: World;
  let browser: Browser;
  const visitors: Visitor[] = [];

  beforeAll(async () => {
    [world, browser] = await Promise.all([startReachableWorld(), openBrowser(options)]);
    await prepare(world);
  }, 120_000);
  afterEach(async () => {
    for (const { context } of visitors.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  }, 120_000);

  async function stranger(viewport = desk): Promise<Visitor> {
    const arrived = await visitor(browser, viewport);
    visitors.push(arrived);
    return arrived;
  }
  return {
    stranger,
    async arrive(person, path, viewport) {
      const arrived = await stranger(viewport);
      await signIn(arrived.page, world, person);
      if (path !== "/") await open(arrived.page, world, path);
      return arrived;
    },
    open: (page, path) => open(page, world, path),
    async faultsOfAll({ page, complaints }, paths) {
      const found: string[] = [];
      for (const path of paths) {
        await open(page, world, path);
        found.push(...(await faultsOf(page, path)));
        found.push(...complaints.splice(0).map((text) => `${path}: ${text}`));
      }
      return found;
    },
  };
}
