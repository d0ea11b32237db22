import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { createStoa, type Stoa } from "../../sdk/stoa.ts";
import { password, type World } from "../../test/world.ts";
import {
  barriers,
  desk,
  open,
  openBrowser,
  signIn,
  startReachableWorld,
  type Visitor,
  visitor,
} from "./browser.fixture.ts";

/** What administrators do to links and accounts, and how a person leaves. */
let world: World;
let browser: Browser;
let ada: Stoa;

beforeAll(async () => {
  [world, browser] = await Promise.all([startReachableWorld(), openBrowser()]);
  ada = createStoa({ baseUrl: world.url, apiKey: world.ada.key });
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await world?.stop();
}, 30_000);

async function asAdmin(path: string): Promise<Visitor> {
  const arrived = await visitor(browser, desk);
  await signIn(arrived.page, world, world.admin);
  await open(arrived.page, world, path);
  return arrived;
}

const statusOf = async (code: string) => (await world.visit(`/${code}`)).status;

/** With the dialog that is open, in both themes. */
async function requireNoBarriers(page: Page): Promise<void> {
  for (const theme of ["light", "dark"]) {
    await page.evaluate((chosen) => {
      document.documentElement.dataset["theme"] = chosen;
    }, theme);
    expect(await barriers(page)).toEqual([]);
  }
}

test("an administrator goes from a report to its owner, stops all links, releases", async () => {
  const link = await ada.links.create({ url: "https://example.com/scam" });
  await ada.safety.report({ short_url: link.short_url, reason: "phishing" });
  const { page, context, complaints } = await asAdmin("/reports");
  await page.getByRole("button", { name: "Look up", exact: true }).click();
  await page.getByRole("button", { name: "Stop the account" }).click();
  expect(await page.getByRole("dialog").getByRole("button").last().isDisabled()).toBe(true);
  await page.getByLabel("Reason").fill("phishing for banks");
  await requireNoBarriers(page);
  await page.keyboard.press("Enter");
  await page.getByText("ada@stoa.test is stopped").waitFor();
  expect(await statusOf(link.code)).toBe(410);
  await requireNoBarriers(page);

  await open(page, world, "/reports?view=stopped:owner");
  await page.getByText("ada, ada@stoa.test").waitFor();
  await open(page, world, "/audit");
  await page.getByLabel("Whose").selectOption("all");
  await page.getByText("reason: admin: phishing for banks").waitFor();
  await requireNoBarriers(page);

  // The owner is told what is wrong, and why.
  const owner = await visitor(browser, desk);
  await signIn(owner.page, world, world.ada);
  await open(owner.page, world, `/links/${link.id}`);
  await owner.page.getByText("is stopped (admin: phishing for banks)").waitFor();
  await requireNoBarriers(owner.page);
  await owner.context.close();

  await open(page, world, "/accounts");
  await page.getByRole("button", { name: "Manage ada" }).click();
  await page.getByRole("button", { name: "Release the account" }).click();
  await page.getByRole("button", { name: "Release the account" }).last().click();
  await page.getByRole("button", { name: "Stop the account" }).waitFor();
  await requireNoBarriers(page);
  expect(await statusOf(link.code)).toBe(302);
  expect(complaints).toEqual([]);
  await context.close();
}, 60_000);

test("a link and a domain are stopped where they are looked at", async () => {
  const { id } = await ada.domains.create({ host: "go.example.org" });
  await world.db.write(
    (tx) => tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${id}`,
  );
  await ada.domains.update(id, {});
  const link = await ada.links.create({ url: "https://example.com/", domain: "go.example.org" });
  const { page, context, complaints } = await asAdmin(`/links/${link.id}`);
  await page.getByRole("button", { name: "Stop the link" }).click();
  await page.getByLabel("Reason").fill("spam");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Release the link" }).waitFor();
  expect((await ada.links.get(link.id)).quarantine).toEqual({ of: "link", reason: "admin: spam" });
  await page.getByRole("button", { name: "Release the link" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Release the link" }).click();
  await page.getByRole("button", { name: "Stop the link" }).waitFor();

  await open(page, world, "/reports?view=lookup");
  await page.getByLabel("Short link or domain").fill("go.example.org");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Stop the domain" }).click();
  await page.getByLabel("Reason").fill("spam");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Release the domain" }).waitFor();
  expect((await ada.links.get(link.id)).state).toBe("quarantined");
  await page.getByLabel("Short link or domain").fill("nobody.example.org");
  await page.keyboard.press("Enter");
  await page.getByText("is no proved domain here").waitFor();
  expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
  await context.close();
}, 60_000);

test("an account is found, and deleted with its links handed to another", async () => {
  const { operations } = world.running;
  const leaving = "zoe@stoa.test";
  const { id } = await world.db.write((tx) =>
    operations.createAccount(tx, { email: leaving, password }),
  );
  const wish = { name: "k", scopes: ["*"], expires_at: null };
  const { key } = await world.db.write((tx) => operations.createKey(tx, id, wish));
  const zoe = createStoa({ baseUrl: world.url, apiKey: key });
  const link = await zoe.links.create({ url: "https://example.com/zoe" });

  const { page, context, complaints } = await asAdmin("/accounts");
  await page.getByLabel("Search accounts").fill("ZOE");
  await page.getByRole("button", { name: "Manage ada" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Manage zoe" }).click();
  await page.getByRole("button", { name: "Delete…" }).click();
  const confirm = page.getByRole("button", { name: "Delete account" });
  expect(await confirm.isDisabled()).toBe(true);
  await page.getByLabel("Its links").selectOption("transfer");
  expect(await confirm.isDisabled()).toBe(true);
  await page.getByLabel("To the account").fill("bob");
  await page.getByRole("button", { name: "bob bob@stoa.test" }).click();
  await requireNoBarriers(page);
  await confirm.click();
  await page.getByText("zoe is deleted").waitFor();
  await page.getByText("Nobody of that name").waitFor();
  await world.settle();
  const bob = createStoa({ baseUrl: world.url, apiKey: world.bob.key });
  expect((await bob.links.get(link.id)).state).toBe("active");
  expect(complaints).toEqual([]);
  await context.close();
}, 60_000);

test("a person leaves: the password again, then signed out in every tab", async () => {
  const { operations } = world.running;
  const email = "leo@stoa.test";
  await world.db.write((tx) => operations.createAccount(tx, { email, password }));
  const { page, context } = await visitor(browser, desk);
  await signIn(page, world, { id: "", key: "", email });
  const second = await context.newPage();
  await open(second, world, "/links");
  await open(page, world, "/account");
  await page.getByRole("button", { name: "Delete account…" }).click();
  await page.getByLabel("Your password").fill("not the password");
  await page.keyboard.press("Enter");
  await page.getByText("it is wrong").waitFor();
  await requireNoBarriers(page);
  await page.getByLabel("Your password").fill(password);
  await page.keyboard.press("Enter");
  for (const tab of [page, second]) await tab.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByText("The e-mail address or password is wrong.").waitFor();
  await context.close();
}, 60_000);

test("links are narrowed to a tag that is suggested, and the tag is renamed on all", async () => {
  for (const tags of [["newsletter"], ["newsletter", "spring"], []]) {
    await ada.links.create({ url: `https://example.com/tagged/${tags.length}`, tags });
  }
  const { page, context, complaints } = await visitor(browser, desk);
  await signIn(page, world, world.ada);
  await open(page, world, "/links");
  const field = page.getByLabel("Tag", { exact: true });
  await field.pressSequentially("news");
  await page.waitForFunction(() => document.querySelectorAll("datalist option").length === 1);
  const option = page.locator("datalist option");
  expect(await option.getAttribute("value")).toBe("newsletter");
  expect(await option.textContent()).toBe("2 links");
  await field.pressSequentially("letter");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 2);
  await page.getByRole("button", { name: "Rename tag newsletter" }).click();
  await page.getByLabel("Name", { exact: true }).fill("mail");
  await requireNoBarriers(page);
  await page.keyboard.press("Enter");
  await page.getByText("newsletter becomes mail").waitFor();
  await world.settle();
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 2);
  expect((await ada.links.tags().take(9)).map(({ tag }) => tag)).toEqual(["mail", "spring"]);
  expect(complaints).toEqual([]);
  await context.close();
}, 60_000);

test("an account is put on another tier, and told which there are", async () => {
  const { page, context, complaints } = await asAdmin("/accounts");
  await page.getByRole("button", { name: "Manage bob" }).click();
  await page.getByLabel("Tier").fill("golden");
  await page.keyboard.press("Enter");
  await page.getByText("one of free, paid").waitFor();
  await requireNoBarriers(page);
  await page.getByLabel("Tier").fill("paid");
  await page.keyboard.press("Enter");
  await page.getByText("bob is on paid").waitFor();
  const bob = createStoa({ baseUrl: world.url, apiKey: world.bob.key });
  expect((await bob.account.get()).tier).toBe("paid");
  expect(complaints.filter((text) => !text.includes("422"))).toEqual([]);
  await context.close();
}, 60_000);
