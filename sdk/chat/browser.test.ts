import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { buildSdk } from "../../bin/sdk-build.ts";
import { openBrowser, startReachableWorld } from "../../src/console/browser.fixture.ts";
import type { World } from "../../test/world.ts";
import type { ChatClient } from "./client.ts";

/** The package as it is installed, in a browser: IndexedDB, and several pages of one person. */
let world: World;
let browser: Browser;
let context: BrowserContext;
let script: string;
let conversation: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "stoa-sdk-"));
  await buildSdk(join(folder, "dist"));
  script = await Bun.file(join(folder, "dist/stoa.js")).text();
  await rm(folder, { recursive: true });
  [world, browser] = await Promise.all([startReachableWorld(), openBrowser()]);
  context = await browser.newContext();
  const made = await world.call("POST", "/api/v1/chat/conversations", {
    body: { kind: "group", title: "Plans", account_ids: [world.bob.id] },
  });
  conversation = (made.body as { id: string }).id;
}, 90_000);

afterAll(async () => {
  await browser.close();
  await world.stop();
}, 120_000);

type Sdk = { createChat(options: { apiKey: string }): ChatClient };
type Tab = { chat: ChatClient };

/** A page that has nothing but the client in it. */
async function openTab(): Promise<Page> {
  const page = await context.newPage();
  const body = "<!doctype html><title>chat</title>";
  await page.route("**/tab", (route) => route.fulfill({ contentType: "text/html", body }));
  await page.route("**/stoa.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: script }),
  );
  await page.goto(`${world.url}/tab`);
  await page.evaluate(
    async ({ apiKey, id }) => {
      const { createChat } = (await import(`${location.origin}/stoa.js`)) as Sdk;
      const chat = createChat({ apiKey });
      Object.assign(globalThis, { chat });
      chat.connect();
      chat.conversation(id).open();
    },
    { apiKey: world.ada.key, id: conversation },
  );
  return page;
}

const say = (page: Page, text: string) =>
  page.evaluate(
    (given) => {
      const { chat } = globalThis as unknown as Tab;
      chat.conversation(given.id).send({ text: given.text });
    },
    { id: conversation, text },
  );

/** Waits until a text is shown, with a status that fits. */
const shows = (page: Page, text: string, statuses: string[]) =>
  page.waitForFunction(
    (given) => {
      const { chat } = globalThis as unknown as Tab;
      const { messages } = chat.conversation(given.id).getSnapshot();
      const found = messages.find((message) => message.body?.text === given.text);
      return found !== undefined && given.statuses.includes(found.status);
    },
    { id: conversation, text, statuses },
    { timeout: 20_000 },
  );
/** Waits until what begins with a name in the page's storage has a text in it. */
const stored = (page: Page, prefix: string, text: string) =>
  page.evaluate(
    async (given) => {
      const [database] = await indexedDB.databases();
      const opening = indexedDB.open(database?.name ?? "");
      const opened = await new Promise<IDBDatabase>((resolve) => {
        opening.addEventListener("success", () => resolve(opening.result));
      });
      const read = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve) => {
          request.addEventListener("success", () => resolve(request.result));
        });
      for (let found = false; !found;) {
        const records = opened.transaction("records").objectStore("records");
        const [keys, values] = await Promise.all([
          read(records.getAllKeys()),
          read(records.getAll()),
        ]);
        found = values.some((value, i) => {
          return String(keys[i]).startsWith(given.prefix) && holds(value, given.text);
        });
      }
      opened.close();

      /** In the messages of a conversation, or as what is to be sent; not in the list alone. */
      function holds(value: unknown, wanted: string): boolean {
        const { messages } = value as { messages?: unknown };
        return JSON.stringify(messages ?? value).includes(wanted);
      }
    },
    { prefix, text },
  );
const sent = ["sent", "delivered", "read"];

test("what a page wrote offline is sent by the next, once, while another lives", async () => {
  const [first, second] = [await openTab(), await openTab()];
  await say(first, "from the first");
  await shows(second, "from the first", sent);
  await shows(first, "from the first", sent);

  await first.route("**/api/**", (route) => route.abort());
  await first.routeWebSocket("**/socket", (socket) => socket.close());
  await context.setOffline(true);
  await say(first, "written offline");
  await shows(first, "written offline", ["pending"]);
  await stored(first, "outbox/", "written offline");
  await first.close();
  await context.setOffline(false);

  const third = await openTab();
  await shows(third, "written offline", sent);
  await shows(second, "written offline", sent);
  const page = await world.call("GET", `/api/v1/chat/conversations/${conversation}/messages`);
  const { items } = page.body as { items: { body: { text: string } | null }[] };
  const texts = items.map((item) => item.body?.text);
  expect(texts.filter((text) => text === "written offline")).toHaveLength(1);
}, 120_000);

test("a page that opens without a network shows what was there", async () => {
  const before = await openTab();
  await say(before, "to be kept");
  await shows(before, "to be kept", sent);
  await stored(before, "conversation/", "to be kept");
  await before.close();
  await context.route("**/api/**", (route) => route.abort());
  await context.routeWebSocket("**/socket", (socket) => socket.close());
  const after = await openTab();
  await shows(after, "to be kept", sent);
  const state = await after.evaluate(() => {
    const { chat } = globalThis as unknown as Tab;
    return chat.getSnapshot().connection.state;
  });
  expect(state).not.toBe("online");
}, 120_000);
