import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { World } from "../../test/world.ts";
import { faultsOf } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** What is spoken, as who says it and who hears it see it. */
let world: World;
let id: string;
const site = siteWith(
  async (started) => {
    world = started;
    const body = { kind: "direct", account_id: world.bob.id };
    const made = await world.call("POST", "/api/v1/chat/conversations", { body });
    id = (made.body as { id: string }).id;
  },
  { sound: true },
);

const logOf = (page: Page) => page.getByRole("log");

test("a voice message is recorded, heard, sent and played by the other", async () => {
  const ada = await site.arrive(world.ada, `/chat/${id}`);
  const bob = await site.arrive(world.bob, `/chat/${id}`);
  await ada.context.grantPermissions(["microphone"]);
  const { page } = ada;
  const record = page.getByRole("button", { name: "Record a voice message" });
  await record.click();
  await page.getByRole("timer").waitFor();
  await page.keyboard.press("Escape");
  await record.waitFor();
  expect(await page.getByRole("list", { name: "Files to be sent" }).count()).toBe(0);

  await record.click();
  await page.getByRole("timer").getByText("0:02").waitFor();
  expect(await faultsOf(page, "recording")).toEqual([]);
  await page.getByRole("button", { name: "Stop" }).click();
  const tray = page.getByRole("list", { name: "Files to be sent" });
  await tray.getByRole("button", { name: "Play" }).click();
  await tray.getByRole("button", { name: "Pause" }).waitFor();
  expect(await faultsOf(page, "recorded")).toEqual([]);
  await page.getByRole("button", { name: "Send", exact: true }).click();

  const heard = logOf(bob.page).getByRole("group", { name: /^Voice message, \d:\d\d$/ });
  await heard.getByRole("button", { name: "Play" }).click();
  await bob.page.waitForFunction(() => (document.querySelector("audio")?.currentTime ?? 0) > 0.2);
  const slider = heard.getByRole("slider");
  await slider.focus();
  await bob.page.waitForFunction(() => document.querySelector("[type=range]:not(:disabled)"));
  const { type, seconds } = await bob.page.evaluate(async () => {
    const audio = document.querySelector("audio") as HTMLAudioElement;
    const { headers } = await fetch(audio.src);
    return { type: headers.get("content-type"), seconds: audio.duration };
  });
  expect(type).toBe("audio/webm");
  // The page looked for its end: a recording does not say how long it is.
  expect(seconds).toBeWithin(1, 600);
  expect(await faultsOf(bob.page, "voice")).toEqual([]);
  expect([...ada.complaints, ...bob.complaints]).toEqual([]);
}, 120_000);

test("who may not record is told why, and can go on writing", async () => {
  const { page, complaints } = await site.arrive(world.ada, `/chat/${id}`);
  await page.getByRole("button", { name: "Record a voice message" }).click();
  const alert = page.getByRole("alert").filter({ hasText: "microphone" });
  await alert.getByText("The browser may not use the microphone.").waitFor();
  expect(await faultsOf(page, "refused")).toEqual([]);
  await alert.getByRole("button", { name: "Dismiss" }).click();
  await alert.waitFor({ state: "detached" });
  await page.getByLabel("Message", { exact: true }).fill("Then in words");
  await page.keyboard.press("Enter");
  await logOf(page).getByText("Then in words").waitFor();
  expect(complaints).toEqual([]);
}, 120_000);
