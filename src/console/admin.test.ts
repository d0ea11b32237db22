import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { createStoa, type Stoa } from "../../sdk/stoa.ts";
import { password, type World } from "../../test/world.ts";
import { barriersInBothThemes, signIn } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** What administrators do to links and accounts, and how a person leaves. */
let world: World;
let ada: Stoa;
const site = siteWith((started) => {
  world = started;
  ada = createStoa({ baseUrl: world.url, apiKey: world.ada.key });
});

const statusOf = async (code: string) => (await world.visit(`/${code}`)).status;

/** With the dialog that is open, in both themes. */
async function requireNoBarriers(page: Page): Promise<void> {
  expect(await barriersInBothThemes(page)).toEqual([]);
}

test("an administrator goes from a report to its owner, stops all links, releases", async () => {
  const link = await ada.links.create({ url: "https://example.com/scam" });
  await ada.safety.report({ short_url: link.short_url, reason: "phishing" });
  const { page, complaints } = await site.arrive(world.admin, "/reports");
  await page.getByRole("button", { name: "Look up", exact: true }).click();
  await page.getByRole("button", { name: "Stop the account" }).click();
  expect(await page.getByRole("dialog").getByRole("button").last().isDisabled()).toBe(true);
  await page.getByLabel("Reason").fill("phishing for banks");
  await requireNoBarriers(page);
  await page.keyboard.press("Enter");
  await page.getByText("ada@stoa.test is stopped").waitFor();
  expect(await statusOf(link.code)).toBe(410);
  await requireNoBarriers(page);

  await site.open(page, "/reports?view=stopped:owner");
  await page.getByText("ada, ada@stoa.test").waitFor();
  await site.open(page, "/audit");
  await page.getByLabel("Whose").selectOption("all");
  await page.getByText("reason: admin: phishing for banks").waitFor();
  await requireNoBarriers(page);

  // The owner is told what is wrong, and why.
  const owner = await site.arrive(world.ada, `/links/${link.id}`);
  await owner.page.getByText("is stopped (admin: phishing for banks)").waitFor();
  await requireNoBarriers(owner.page);

  await site.open(page, "/accounts");
  await page.getByRole("button", { name: "Manage ada" }).click();
  await page.getByRole("button", { name: "Release the account" }).click();
  await page.getByRole("button", { name: "Release the account" }).last().click();
  await page.getByRole("button", { name: "Stop the account" }).waitFor();
  await requireNoBarriers(page);
  expect(await statusOf(link.code)).toBe(302);
  expect(complaints).toEqual([]);
}, 120_000);

test("a link and a domain are stopped where they are looked at", async () => {
  const { id } = await ada.domains.create({ host: "go.example.org" });
  await world.db.write(
    (tx) => tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${id}`,
  );
  await ada.domains.update(id, {});
  const link = await ada.links.create({ url: "https://example.com/", domain: "go.example.org" });
  const { page, complaints } = await site.arrive(world.admin, `/links/${link.id}`);
  await page.getByRole("button", { name: "Stop the link" }).click();
  await page.getByLabel("Reason").fill("spam");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Release the link" }).waitFor();
  expect((await ada.links.get(link.id)).quarantine).toEqual({ of: "link", reason: "admin: spam" });
  await page.getByRole("button", { name: "Release the link" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Release the link" }).click();
  await page.getByRole("button", { name: "Stop the link" }).waitFor();

  await site.open(page, "/reports?view=lookup");
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
}, 120_000);

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

  const { page, complaints } = await site.arrive(world.admin, "/accounts");
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
}, 120_000);

test("a person leaves: the password again, then signed out in every tab", async () => {
  const { operations } = world.running;
  const email = "leo@stoa.test";
  await world.db.write((tx) => operations.createAccount(tx, { email, password }));
  const { page, context } = await site.stranger();
  await signIn(page, world, { id: "", key: "", email });
  const second = await context.newPage();
  await site.open(second, "/links");
  await site.open(page, "/account");
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
}, 120_000);

test("links are narrowed to a tag that is suggested, and the tag is renamed on all", async () => {
  for (const tags of [["newsletter"], ["newsletter", "spring"], []]) {
    await ada.links.create({ url: `https://example.com/tagged/${tags.length}`, tags });
  }
  const { page, complaints } = await site.arrive(world.ada, "/links");
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
}, 120_000);

test("an account is put on a tier that rules know, or on another by its name", async () => {
  const root = createStoa({ baseUrl: world.url, apiKey: world.admin.key });
  const numbers = { algorithm: "fixed_window", limit: 9, window_ms: 60_000 } as const;
  const rule = { ...numbers, name: "for.paid", service: true, tiers: ["paid", "anonymous"] };
  const { id } = await root.limits.rules.create(rule);
  const { page, complaints } = await site.arrive(world.admin, "/accounts");
  await page.getByRole("button", { name: "Manage bob" }).click();
  await page.getByText("no rule is for this one in particular").waitFor();
  const tier = page.getByLabel("Tier", { exact: true });
  await tier.getByRole("option", { name: "paid" }).waitFor({ state: "attached" });
  expect(await tier.getByRole("option").allTextContents()).toEqual(["free", "paid", "Another…"]);
  await tier.selectOption("paid");
  await page.getByText("this one has for.paid").waitFor();
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByText("bob is on paid").waitFor();
  const bob = createStoa({ baseUrl: world.url, apiKey: world.bob.key });
  expect((await bob.account.get()).tier).toBe("paid");

  await root.limits.rules.delete(id);
  await page.getByRole("button", { name: "Manage ada" }).click();
  await tier.selectOption({ label: "Another…" });
  await page.getByLabel("Name of the tier").fill("golden");
  await page.keyboard.press("Enter");
  await page.getByText("one of free, paid").waitFor();
  await requireNoBarriers(page);
  await page.getByLabel("Name of the tier").fill("paid");
  await page.keyboard.press("Enter");
  await page.getByText("ada is on paid").waitFor();
  expect((await ada.account.get()).tier).toBe("paid");
  expect(complaints.filter((text) => !text.includes("422"))).toEqual([]);
}, 120_000);
