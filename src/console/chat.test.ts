import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { Person, World } from "../../test/world.ts";
import { faultsOf, phone, type Visitor } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** People who talk to each other, each at a browser of their own. */
let world: World;
const site = siteWith((started) => {
  world = started;
});

async function conversation(of: object, as = world.ada): Promise<string> {
  const made = await world.call("POST", "/api/v1/chat/conversations", { as, body: of });
  return (made.body as { id: string }).id;
}

let written = 0;
async function say(id: string, as: Person, text: string, more: object = {}): Promise<void> {
  const body = { client_msg_id: `message-${++written}`, body: { text, ...more } };
  const path = `/api/v1/chat/conversations/${id}/messages`;
  expect((await world.call("POST", path, { as, body })).status).toBeLessThan(300);
}

/** What somebody sees of a conversation, in its order. */
const textsOf = (page: Page) => page.locator("article .whitespace-pre-wrap").allInnerTexts();

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The message of this text, as its writer sees how far it came. */
async function untilStatus(page: Page, text: string, status: string): Promise<void> {
  const message = page.locator("article", { hasText: text });
  await message.locator(`[data-status=${status}]`).waitFor();
}

async function untilSeen(page: Page, texts: string[]): Promise<void> {
  for (const text of texts) await page.locator("article", { hasText: text }).waitFor();
}

const connected = ({ page }: Visitor) =>
  page.locator("[data-connection=online]").waitFor({ state: "attached" });

test("two people find each other, write, see each other type and read", async () => {
  const ada = await site.arrive(world.ada, "/chat");
  const bob = await site.arrive(world.bob, "/chat");
  await connected(bob);
  await ada.page.getByRole("button", { name: "Start a conversation" }).click();
  const dialog = ada.page.getByRole("dialog", { name: "New conversation" });
  await dialog.getByLabel("With whom").fill("bob@stoa.test");
  await dialog.getByRole("list", { name: "People found" }).getByRole("button").first().click();
  await dialog.getByRole("button", { name: "Write" }).click();
  await ada.page.getByRole("heading", { name: "bob", level: 1 }).waitFor();
  await ada.page.getByText("online", { exact: true }).waitFor();
  await write(ada.page, "Are there olives?");

  const row = bob.page.locator("[data-conversation]", { hasText: "ada" });
  await row.getByText("1 new message").waitFor();
  await untilStatus(ada.page, "Are there olives?", "delivered");
  await row.getByRole("link").click();
  await untilSeen(bob.page, ["Are there olives?"]);
  await untilStatus(ada.page, "Are there olives?", "read");
  expect(await row.getByText("new message").count()).toBe(0);

  await bob.page.getByLabel("Message", { exact: true }).pressSequentially("Plen");
  await ada.page.getByText("bob is typing…").first().waitFor();
  await bob.page.keyboard.type("ty.");
  await bob.page.keyboard.press("Shift+Enter");
  await bob.page.keyboard.type("Come on Saturday.");
  await bob.page.keyboard.press("Enter");
  await untilSeen(ada.page, ["Plenty."]);
  expect(await textsOf(ada.page)).toEqual(["Are there olives?", "Plenty.\nCome on Saturday."]);
  await ada.page.locator("[data-announced]", { hasText: "bob: Plenty." }).waitFor();
  for (const { complaints } of [ada, bob]) expect(complaints).toEqual([]);
}, 120_000);

test("a group is made, people in it are named, answered, and it is run by its owner", async () => {
  const ada = await site.arrive(world.ada, "/chat");
  const bob = await site.arrive(world.bob, "/chat");
  await ada.page.getByRole("button", { name: "New conversation" }).click();
  const dialog = ada.page.getByRole("dialog");
  await dialog.getByText("Group", { exact: true }).click();
  await dialog.getByLabel("Title").fill("Harvest crew");
  for (const name of ["bob@stoa.test", "root@stoa.test"]) {
    await dialog.getByLabel("People to begin with").fill(name);
    await dialog.getByRole("list", { name: "People found" }).getByRole("button").waitFor();
    await dialog.getByLabel("People to begin with").press("Enter");
  }
  await dialog.getByRole("button", { name: "Make it" }).click();
  await ada.page.getByRole("heading", { name: "Harvest crew" }).waitFor();
  await ada.page.getByLabel("Message", { exact: true }).pressSequentially("Can @bo");
  await ada.page.getByRole("option", { name: "bob" }).waitFor();
  // As on a slow machine, which draws when the next keys have come.
  await ada.page.evaluate(() => {
    globalThis.requestAnimationFrame = (draw) => {
      const late = setTimeout(draw, 200);
      return late as unknown as number;
    };
  });
  await ada.page.keyboard.press("Enter");
  await ada.page.keyboard.type("bring nets?", { delay: 50 });
  await ada.page.keyboard.press("Enter");

  await bob.page.getByRole("link", { name: /Harvest crew/ }).click();
  await bob.page.locator("article b", { hasText: "@bob" }).waitFor();
  // By the keyboard: to the message, and to what can be done with it.
  await bob.page.getByRole("log").focus();
  await bob.page.keyboard.press("ArrowUp");
  await bob.page.keyboard.press("Tab");
  await bob.page.keyboard.press("Enter");
  await bob.page.getByText("Answering ada").waitFor();
  await bob.page.keyboard.insertText("Two of them.");
  await bob.page.keyboard.press("Enter");
  const answer = ada.page.locator("article", { hasText: "Two of them." });
  await answer.getByText("Can @bob bring nets?").waitFor();

  await ada.page.getByRole("button", { name: "Settings" }).click();
  const settings = ada.page.getByRole("complementary", { name: "Settings" });
  await settings.getByLabel("Title").fill("Olive crew");
  await settings.getByLabel("Who writes here").selectOption("admins");
  await settings.getByRole("button", { name: "Save" }).click();
  const log = bob.page.getByRole("log");
  await log.getByText("ada changed the title to “Olive crew”").waitFor();
  await bob.page.getByText("Only those who run this conversation write here.").waitFor();
  // A draft that a slow machine told before it was sent is taken back before its writer is gone.
  const id = new URL(bob.page.url()).pathname.split("/").at(-1);
  const path = `/api/v1/chat/conversations/${id}`;
  const draft = async () =>
    ((await world.call("GET", path, { as: world.bob })).body as { own: { draft: unknown } }).own
      .draft;
  while ((await draft()) !== null) await Bun.sleep(20);
  await settings.getByRole("button", { name: "Actions for bob" }).click();
  await settings.getByRole("button", { name: "Remove" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await bob.page.getByText("There is no such conversation").waitFor();
  for (const { complaints } of [ada, bob]) expect(complaints).toEqual([]);
}, 120_000);

test("one who was offline comes back: both have one order, and nothing doubled", async () => {
  const id = await conversation({ kind: "direct", account_id: world.bob.id });
  await say(id, world.ada, "before");
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const bob = await site.arrive(world.bob, "/chat");
  await bob.page.getByRole("link", { name: /ada/ }).click();
  await untilSeen(bob.page, ["before"]);
  await connected(bob);

  await bob.context.setOffline(true);
  await bob.page.getByText("You are offline.").waitFor();
  for (const text of ["bob 1", "bob 2", "bob 3"]) await write(bob.page, text);
  await bob.page.getByText("3 messages will be sent then.").waitFor();
  await untilStatus(bob.page, "bob 3", "pending");
  for (const text of ["ada 1", "ada 2", "ada 3"]) await write(ada.page, text);
  await untilStatus(ada.page, "ada 3", "sent");
  // The browser says that it has no line, so an answer is missed within seconds.
  const lost = bob.page.locator("[data-connection]:not([data-connection=online])");
  await lost.waitFor({ state: "attached", timeout: 6_000 });
  expect(await textsOf(ada.page)).not.toContain("bob 1");
  expect(await textsOf(bob.page)).not.toContain("ada 1");

  await bob.context.setOffline(false);
  await untilSeen(ada.page, ["bob 1", "bob 2", "bob 3"]);
  await untilSeen(bob.page, ["ada 1", "ada 2", "ada 3"]);
  await untilStatus(bob.page, "bob 3", "read");
  await untilStatus(ada.page, "ada 3", "read");
  expect(await bob.page.getByText("You are offline.").count()).toBe(0);
  const both = await Promise.all([textsOf(ada.page), textsOf(bob.page)]);
  expect(both[0]).toEqual(both[1]);
  const later = both[0].slice(both[0].lastIndexOf("before") + 1);
  expect(later).toEqual([..."123"].flatMap((n) => `ada ${n}`).concat(["bob 1", "bob 2", "bob 3"]));
}, 90_000);

test("what others wrote is shown as text, and a refused message says why", async () => {
  const hostile = `<img src=x onerror="document.title='owned'">`;
  const id = await conversation({ kind: "group", title: hostile, account_ids: [world.bob.id] });
  await say(id, world.bob, `${hostile} javascript:alert(1) https://example.com/<b>`);
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  await untilSeen(ada.page, [hostile]);
  expect(await ada.page.locator("img").count()).toBe(0);
  expect(await ada.page.locator("article a").allInnerTexts()).toEqual(["https://example.com/"]);

  const filter = { text: "vinegar", action: "refuse" };
  await world.call("POST", "/api/v1/chat/admin/filters", { as: world.admin, body: filter });
  await write(ada.page, "No vinegar here");
  await untilStatus(ada.page, "No vinegar here", "failed");
  await ada.page.getByRole("button", { name: "Discard" }).click();
  await ada.page.locator("article", { hasText: "No vinegar" }).waitFor({ state: "detached" });
  expect(await ada.page.title()).not.toBe("owned");
  expect(ada.complaints).toEqual([]);
}, 120_000);

describe("every page of chat", () => {
  test("passes WCAG AA in light and dark, fits a phone, and keeps to its policy", async () => {
    const people = { account_ids: [world.bob.id, world.admin.id] };
    const id = await conversation({ kind: "group", title: "A crew", ...people }, world.admin);
    await say(id, world.bob, "Is it true? https://example.com/there");
    await say(id, world.admin, "It is.", { mentions: [world.bob.id] });
    const poll = { question: "When?", options: ["Saturday", "Sunday"] };
    await say(id, world.bob, "", { poll });
    const report = { reason: "abuse", comment: "Rude" };
    const reported = `/api/v1/chat/conversations/${id}/messages/2/report`;
    await world.call("POST", reported, { as: world.admin, body: report });
    const invite = await world.call("POST", `/api/v1/chat/conversations/${id}/invites`, {
      as: world.admin,
      body: {},
    });
    const { token } = invite.body as { token: string };

    const admin = await site.arrive(world.admin, "/");
    const paths = ["/chat", `/chat/${id}`, `/chat/join/${token}`];
    paths.push(...["open", "bans", "filters"].map((view) => `/moderation?view=${view}`));
    expect(await site.faultsOfAll(admin, paths)).toEqual([]);

    await site.open(admin.page, `/chat/${id}`);
    for (const [name, panel] of [
      ["Settings", "Settings"],
      ["Search this conversation", "Search"],
      ["Pinned messages", "Pinned messages"],
    ] as const) {
      await admin.page.getByRole("button", { name, exact: true }).click();
      await admin.page.getByRole("complementary", { name: panel }).waitFor();
      expect(await faultsOf(admin.page, panel)).toEqual([]);
      await admin.page.keyboard.press("Escape");
      await admin.page.getByRole("complementary", { name: panel }).waitFor({ state: "detached" });
    }
    await admin.page.getByRole("button", { name: "Message actions" }).last().focus();
    await admin.page.keyboard.press("Enter");
    await admin.page.getByRole("button", { name: "React: thumbs up" }).waitFor();
    expect(await faultsOf(admin.page, "menu")).toEqual([]);
    expect(admin.complaints).toEqual([]);
  }, 120_000);

  test("leads on a phone from the list to a conversation and back", async () => {
    const id = await conversation({ kind: "direct", account_id: world.bob.id });
    await say(id, world.bob, "On the phone");
    const { page, complaints } = await site.arrive(world.ada, "/", phone);
    await page.getByRole("navigation", { name: "Quick" }).getByText("Chat").click();
    await page.getByRole("heading", { name: "Chat", level: 1 }).waitFor();
    await page.getByRole("link", { name: /^bob/ }).click();
    await untilSeen(page, ["On the phone"]);
    expect(await page.getByRole("navigation", { name: "Conversations" }).isVisible()).toBe(false);
    await write(page, "Got it");
    await untilStatus(page, "Got it", "sent");
    await page.getByRole("link", { name: "All conversations" }).click();
    await page.getByRole("heading", { name: "Chat", level: 1 }).waitFor();
    expect(complaints).toEqual([]);
  }, 120_000);
});

test("administrators decide reports, ban, and filter words", async () => {
  const id = await conversation({ kind: "direct", account_id: world.bob.id });
  await say(id, world.bob, "Something very rude");
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const message = ada.page.locator("article", { hasText: "Something very rude" });
  await message.hover();
  await message.getByRole("button", { name: "Message actions" }).click();
  await ada.page.getByRole("button", { name: "Report" }).click();
  await ada.page.getByRole("dialog").getByLabel("What is wrong").selectOption("abuse");
  await ada.page.getByRole("dialog").getByRole("button", { name: "Report" }).click();
  await ada.page.getByText("Reported.").waitFor();

  const { page, complaints } = await site.arrive(world.admin, "/moderation");
  const report = page.getByRole("listitem").filter({ hasText: "Something very rude" });
  await report.getByRole("button", { name: "Uphold" }).click();
  await page.getByLabel("Keep bob from writing").selectOption("7");
  await page.getByRole("dialog").getByRole("button", { name: "Uphold" }).click();
  await page.getByText("The report is upheld").waitFor();
  await message.waitFor({ state: "detached" });
  await ada.page.getByRole("log").getByText("This message was deleted.").waitFor();
  await page.getByText("Bans", { exact: true }).click();
  await page.getByRole("button", { name: "Lift the ban of bob" }).click();
  await page.getByText("Nobody is banned").waitFor();
  await page.getByText("Word filters").click();
  await page.getByLabel("Word or phrase").fill("turnip");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Allow turnip again" }).waitFor();
  await say(id, world.bob, "A turnip");
  await untilSeen(ada.page, ["A ******"]);
  expect(complaints).toEqual([]);
  const { page: other } = await site.arrive(world.bob, "/");
  await site.open(other, "/moderation");
  await other.getByText("There is no such page").waitFor();
}, 120_000);
