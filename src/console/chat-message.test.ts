import { expect, test } from "bun:test";
import type { Locator, Page } from "playwright-core";
import sharp from "sharp";
import type { World } from "../../test/world.ts";
import { faultsOf } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** What two people do with a message, each seen by the other. */
let world: World;
let id: string;
let other: string;
const site = siteWith(async (started) => {
  world = started;
  const account_ids = [world.bob.id];
  const make = async (title: string) => {
    const body = { kind: "group", title, account_ids };
    const made = await world.call("POST", "/api/v1/chat/conversations", { body });
    return (made.body as { id: string }).id;
  };
  id = await make("Harvest crew");
  other = await make("Press crew");
});

async function both(): Promise<{ ada: Page; bob: Page; complaints: () => string[] }> {
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const bob = await site.arrive(world.bob, `/chat/${id}`);
  const complaints = () => [...ada.complaints, ...bob.complaints];
  return { ada: ada.page, bob: bob.page, complaints };
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

const messageOf = (page: Page, text: string): Locator =>
  page.getByRole("log").locator("article", { hasText: text });

async function choose(page: Page, text: string, action: string): Promise<void> {
  const message = messageOf(page, text).first();
  await message.hover();
  await message.getByRole("button", { name: "Message actions" }).click();
  await message.getByRole("button", { name: action, exact: true }).click();
}

test("it is reacted to, changed, pinned, found, sent on, and deleted", async () => {
  const { ada, bob, complaints } = await both();
  await write(ada, "Olives on Saturdy");
  await choose(bob, "Olives on Saturdy", "React: thumbs up");
  await messageOf(ada, "Olives").getByRole("button", { name: "thumbs up, 1: bob" }).click();
  await messageOf(bob, "Olives")
    .getByRole("button", { name: /thumbs up, 2/ })
    .waitFor();

  await ada.getByLabel("Message", { exact: true }).press("ArrowUp");
  await ada.getByLabel("Change your message").fill("Olives on Saturday");
  await ada.keyboard.press("Enter");
  await messageOf(bob, "Olives on Saturday").getByText("edited").waitFor();

  await choose(ada, "Olives on Saturday", "Pin");
  await bob.getByRole("button", { name: "Pinned messages" }).click();
  const pins = bob.getByRole("complementary", { name: "Pinned messages" });
  await pins.getByRole("button", { name: /Olives on Saturday/ }).waitFor();
  await bob.getByRole("button", { name: "Search this conversation" }).click();
  await bob.getByRole("complementary").getByRole("searchbox").fill("saturd");
  const found = bob.getByRole("complementary", { name: "Search" }).getByRole("link");
  await found.filter({ hasText: "Olives on Saturday" }).click();
  await bob.waitForURL(/at=\d+/);
  expect(await faultsOf(bob, "search with a result")).toEqual([]);

  await choose(ada, "Olives on Saturday", "Forward");
  const dialog = ada.getByRole("dialog", { name: "Forward to" });
  await dialog.getByRole("button", { name: "Press crew" }).click();
  await ada.getByText("Forwarded", { exact: true }).waitFor();
  const moved = await world.call("GET", `/api/v1/chat/conversations/${other}/messages?limit=1`);
  const [last] = (moved.body as { items: { body: { text: string } }[] }).items;
  expect(last?.body.text).toBe("Olives on Saturday");

  await choose(ada, "Olives on Saturday", "Who has read it");
  await ada.getByRole("dialog").getByText("Read", { exact: true }).waitFor();
  await ada.keyboard.press("Escape");
  await choose(ada, "Olives on Saturday", "Delete");
  await ada.getByRole("button", { name: "Delete for everybody" }).click();
  await bob.getByRole("log").getByText("This message was deleted.").waitFor();
  expect(await messageOf(bob, "Olives on Saturday").count()).toBe(0);
  expect(complaints()).toEqual([]);
}, 120_000);

test("a thread stands beside the conversation, a poll in it is voted in", async () => {
  const { ada, bob, complaints } = await both();
  await write(ada, "Who drives?");
  await choose(bob, "Who drives?", "Reply in a thread");
  const thread = bob.getByRole("complementary", { name: "Thread" });
  await thread.getByLabel("Message", { exact: true }).fill("I can.");
  await thread.getByLabel("Message", { exact: true }).press("Enter");
  await messageOf(ada, "Who drives?").getByRole("button", { name: "1 reply in a thread" }).click();
  const seen = ada.getByRole("complementary", { name: "Thread" });
  await seen.locator("article", { hasText: "I can." }).waitFor();
  expect(await faultsOf(ada, "thread")).toEqual([]);
  await seen.getByRole("button", { name: "Close" }).click();

  await ada.getByRole("button", { name: "Add to the message" }).click();
  await ada.getByRole("button", { name: "Poll" }).click();
  const dialog = ada.getByRole("dialog", { name: "New poll" });
  await dialog.getByLabel("Question").fill("When?");
  await dialog.getByLabel("Answer 1").fill("Morning");
  await dialog.getByLabel("Answer 2").fill("Evening");
  await dialog.getByRole("button", { name: "Send the poll" }).click();
  await messageOf(bob, "When?")
    .getByRole("button", { name: /Evening/ })
    .click();
  const answer = messageOf(ada, "When?").getByRole("button", { name: /Evening/ });
  await answer.getByText("1", { exact: true }).waitFor();
  await messageOf(bob, "When?")
    .getByRole("button", { name: /Morning/ })
    .click();
  await messageOf(ada, "When?")
    .getByRole("button", { name: /Morning 1/ })
    .waitFor();
  expect(complaints()).toEqual([]);
}, 120_000);

test("pictures and files are sent, seen, opened and saved", async () => {
  const { ada, bob, complaints } = await both();
  const background = { r: 90, g: 140, b: 90 };
  const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background } })
    .png()
    .toBuffer();
  await ada.getByLabel("Files to attach").setInputFiles([
    { name: "grove.png", mimeType: "image/png", buffer: picture },
    { name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("nets, ladders, bread") },
  ]);
  const tray = ada.getByRole("list", { name: "Files to be sent" });
  await tray.getByText("20 bytes").waitFor();
  await tray.locator("img").waitFor();
  await ada.waitForFunction(() => document.querySelector("progress") === null);
  await write(ada, "From the grove");

  const message = messageOf(bob, "From the grove");
  await message.getByRole("button", { name: "Open grove.png" }).locator("img").waitFor();
  await message.getByRole("button", { name: "Open grove.png" }).click();
  const shown = bob.getByRole("dialog", { name: "grove.png" }).locator("img");
  expect(
    await shown.evaluate(async (img: HTMLImageElement) => (await img.decode(), img.naturalWidth)),
  ).toBe(900);
  await bob.keyboard.press("Escape");
  const saved = bob.waitForEvent("download");
  await message.getByRole("button", { name: /list.txt/ }).click();
  expect((await saved).suggestedFilename()).toBe("list.txt");
  expect(await faultsOf(bob, "files")).toEqual([]);
  expect(complaints()).toEqual([]);
}, 120_000);

test("what was begun is there on another device, and goes when it is sent", async () => {
  const first = await site.arrive(world.ada, `/chat/${id}`);
  await first.page.getByLabel("Message", { exact: true }).fill("Half a thought");
  const second = await site.arrive(world.ada, "/chat");
  await second.page.getByText("Draft: Half a thought").waitFor();
  await second.page.getByRole("link", { name: /Harvest crew/ }).click();
  const field = second.page.getByLabel("Message", { exact: true });
  await second.page.waitForFunction(
    () => document.querySelector<HTMLTextAreaElement>("textarea")?.value === "Half a thought",
  );
  await field.press("End");
  await field.pressSequentially(", done");
  await field.press("Enter");
  await messageOf(first.page, "Half a thought, done").waitFor();
  await second.page.getByText("Draft:").waitFor({ state: "detached" });
  expect(first.complaints).toEqual([]);
}, 120_000);
