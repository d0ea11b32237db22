import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { World } from "../../test/world.ts";
import { faultsOf } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** What is said later, and what comes to an end, as two people see it. */
let world: World;
let id: string;
const site = siteWith(async (started) => {
  world = started;
  const body = { kind: "group", title: "Harvest crew", account_ids: [world.bob.id] };
  const made = await world.call("POST", "/api/v1/chat/conversations", { body });
  id = (made.body as { id: string }).id;
});

const logOf = (page: Page) => page.getByRole("log");

async function add(page: Page, what: string): Promise<void> {
  await page.getByRole("button", { name: "Add to the message" }).click();
  await page.getByRole("button", { name: what, exact: true }).click();
}

test("a message is written now and sent later, changed before, or not at all", async () => {
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const bob = await site.arrive(world.bob, `/chat/${id}`);
  const { page } = ada;
  await page.getByLabel("Message", { exact: true }).fill("Bring nets");
  await add(page, "Send later");
  const dialog = page.getByRole("dialog", { name: "Send later" });
  expect(await dialog.getByLabel("Message").inputValue()).toBe("Bring nets");
  await dialog.getByLabel("When").fill("2020-01-01T10:00");
  await dialog.getByText("Choose a time within the next year.").waitFor();
  expect(await dialog.getByRole("button", { name: "Schedule" }).isDisabled()).toBe(true);
  await dialog.getByRole("button", { name: "Tomorrow morning" }).click();
  expect(await faultsOf(page, "send later")).toEqual([]);
  await dialog.getByRole("button", { name: "Schedule" }).click();
  await dialog.waitFor({ state: "detached" });
  expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("");

  await page.getByRole("link", { name: /1 message scheduled, next/ }).click();
  await page.getByRole("heading", { name: "Scheduled messages" }).waitFor();
  const waiting = page.getByRole("listitem").filter({ hasText: "Bring nets" });
  await waiting.getByRole("link", { name: "Harvest crew" }).waitFor();
  expect(await faultsOf(page, "scheduled")).toEqual([]);
  await waiting.getByRole("button", { name: "Change" }).click();
  await page.getByRole("dialog").getByLabel("Message").fill("Bring two nets");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  const changed = page.getByRole("listitem").filter({ hasText: "Bring two nets" });
  await changed.waitFor();
  expect(await logOf(bob.page).getByText("Bring").count()).toBe(0);
  await changed.getByRole("button", { name: "Send now" }).click();
  await logOf(bob.page).getByText("Bring two nets").waitFor();
  await page.getByText("Nothing is scheduled").waitFor();

  const send_at = new Date(Date.now() + 3_600_000).toISOString();
  const body = { conversation_id: id, client_msg_id: "not-at-all", body: { text: "Never" } };
  await world.call("POST", "/api/v1/chat/scheduled", { body: { ...body, send_at } });
  await site.open(page, "/chat/scheduled");
  await page.getByRole("button", { name: "Cancel it" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();
  await page.getByText("Nothing is scheduled").waitFor();
  expect([...ada.complaints, ...bob.complaints]).toEqual([]);
}, 120_000);

test("a poll is closed by who asked, and a word is kept out by who runs the group", async () => {
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const bob = await site.arrive(world.bob, `/chat/${id}`);
  const poll = { question: "When?", options: ["Saturday", "Sunday"] };
  const body = { client_msg_id: "the-only-poll", body: { poll } };
  await world.call("POST", `/api/v1/chat/conversations/${id}/messages`, { body });
  const asked = (page: Page) => logOf(page).locator("article", { hasText: "When?" });
  await asked(bob.page)
    .getByRole("button", { name: /Sunday/ })
    .click();
  await asked(bob.page).getByText("1 vote").waitFor();
  await asked(ada.page).hover();
  await asked(ada.page).getByRole("button", { name: "Message actions" }).click();
  await ada.page.getByRole("button", { name: "Close the poll" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Close the poll" }).click();
  await asked(bob.page).getByText("Closed · 1 vote").waitFor();
  expect(
    await asked(bob.page)
      .getByRole("button", { name: /Sunday/ })
      .isDisabled(),
  ).toBe(true);
  await asked(bob.page).hover();
  await asked(bob.page).getByRole("button", { name: "Message actions" }).click();
  expect(await bob.page.getByRole("button", { name: "Close the poll" }).count()).toBe(0);
  await bob.page.keyboard.press("Escape");

  await ada.page.getByRole("button", { name: "Settings" }).click();
  const settings = ada.page.getByRole("complementary", { name: "Settings" });
  await settings.getByLabel("Word or phrase").fill("turnip");
  await ada.page.keyboard.press("Enter");
  await settings.getByRole("button", { name: "Allow turnip again" }).waitFor();
  await bob.page.getByLabel("Message", { exact: true }).fill("One turnip");
  await bob.page.keyboard.press("Enter");
  await logOf(ada.page).getByText("One ******").waitFor();
  expect(await faultsOf(ada.page, "group settings")).toEqual([]);
  expect([...ada.complaints, ...bob.complaints]).toEqual([]);
}, 120_000);

test("a file that is not what it is called is sent; a ban says until when", async () => {
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const { page } = ada;
  const buffer = Buffer.from("not a film at all");
  await page
    .getByLabel("Files to attach")
    .setInputFiles([{ name: "harvest.mp4", mimeType: "video/mp4", buffer }]);
  const tray = page.getByRole("list", { name: "Files to be sent" });
  await tray.getByText("17 bytes").waitFor();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await logOf(page)
    .getByRole("button", { name: /harvest.mp4/ })
    .waitFor();

  const until = new Date(Date.UTC(2099, 4, 3, 12)).toISOString();
  const ban = `/api/v1/chat/admin/bans/${world.ada.id}`;
  await world.call("PUT", ban, { as: world.admin, body: { until } });
  await page.getByLabel("Message", { exact: true }).fill("Am I heard?");
  await page.keyboard.press("Enter");
  const refused = logOf(page).getByRole("alert").filter({ hasText: "May 3, 2099" });
  await refused.waitFor();
  expect(await faultsOf(page, "banned")).toEqual([]);
  await world.call("DELETE", ban, { as: world.admin });
  await refused.getByRole("button", { name: "Try again" }).click();
  const heard = page.locator("article", { hasText: "Am I heard?" });
  await heard.locator("[data-status=sent], [data-status=delivered]").waitFor();
  // Who wrote what is known in a list of one who has opened nothing yet.
  const bob = await site.arrive(world.bob, "/chat");
  await bob.page.getByText("ada: Am I heard?").waitFor();
  // What was said is found some seconds later.
  const search = () => world.call("GET", "/api/v1/chat/search?q=heard", { as: world.bob });
  while (((await search()).body as { items: unknown[] }).items.length === 0) await Bun.sleep(500);
  await bob.page.getByRole("searchbox").fill("heard");
  await bob.page.getByRole("link", { name: /ada in Harvest crew/ }).waitFor();
  const refusals = ada.complaints.filter((text) => !text.includes("422"));
  expect([...refusals, ...bob.complaints]).toEqual([]);
}, 120_000);
