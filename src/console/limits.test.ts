import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { createStoa, type Stoa } from "../../sdk/stoa.ts";
import type { LimitRule } from "../../sdk/types.ts";
import type { World } from "../../test/world.ts";
import { faultsOf } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

/** What administrators see of limits, and how they change them. */
let world: World;
let stoa: Stoa;
let live: LimitRule;
const site = siteWith(async (started) => {
  world = started;
  stoa = createStoa({ baseUrl: world.url, apiKey: world.admin.key });
  const numbers = { algorithm: "fixed_window", window_ms: 3_600_000 } as const;
  const asked = { ...numbers, key: ["customer"], service: true };
  live = await stoa.limits.rules.create({ ...asked, name: "search", limit: 5 });
  live = await stoa.limits.rules.update(live.id, { limit: 4 });
  const candidate = { ...asked, name: "search.candidate", limit: 3 };
  await stoa.limits.rules.create({ ...candidate, mode: "shadow" });
  const questions = Array.from({ length: 30 }, () => ({ policy: "search", key: "customer:<b>7" }));
  const answers = await stoa.limits.checks(questions);
  expect(answers.filter(({ allowed }) => allowed)).toHaveLength(4);
});

/** The note that belongs to a field, as screen readers find it. */
async function noteOf(page: Page, label: string): Promise<string> {
  const field = page.getByLabel(label, { exact: true });
  const id = await field.getAttribute("aria-describedby");
  return await page.locator(`[id="${id}"]`).innerText();
}

test("a rule is made by the keyboard: what is wrong stands beside its field", async () => {
  const { page, complaints } = await site.arrive(world.admin, "/");
  for (const key of ["g", "r"]) await page.keyboard.press(key);
  await page.getByRole("heading", { name: "Limits", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Add a rule" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "New rule" }).waitFor();
  // The first field has the focus.
  await page.keyboard.type("api.reads");
  await page.getByLabel("Routes").fill("/api/v1/links\n/nowhere/at/all");
  await page.getByLabel("Limit", { exact: true }).fill("0");
  const tiers = page.getByRole("group", { name: "Tiers" });
  await tiers.getByLabel("anonymous").waitFor();
  expect(await tiers.getByRole("checkbox").count()).toBe(3);
  await tiers.getByLabel("free").press("Space");
  await page.getByLabel("GET").press("Space");
  await page.getByLabel("Accuracy").selectOption("leased");
  await page.getByLabel("Sub-keys").fill("8");
  await page.getByLabel("Sub-keys").press("Enter");
  await page.locator("form [aria-invalid=true]").first().waitFor();
  expect(await noteOf(page, "Routes")).toStartWith("2: /nowhere/at/all matches no route");
  expect(await noteOf(page, "Limit")).toContain("must be from 1");
  await page.waitForFunction(() => document.activeElement?.matches("[aria-invalid=true]"));
  expect(await faultsOf(page, "errors")).toEqual([]);

  await page.getByLabel("Routes").fill("/api/v1/links");
  await page.getByLabel("Limit", { exact: true }).fill("40");
  await page.getByLabel("Window", { exact: true }).fill("2");
  await page.getByLabel("Window: unit").selectOption("h");
  await page.getByLabel("Window", { exact: true }).press("Enter");
  await page.getByText(/^40 units are too few to be divided/).waitFor();
  await page.getByLabel("Limit", { exact: true }).fill("400");
  await page.getByLabel("Limit", { exact: true }).press("Enter");
  await page.getByText("api.reads is made").waitFor();
  const made = (await stoa.limits.rules.list()).find(({ name }) => name === "api.reads");
  expect(made).toMatchObject({
    ...{ limit: 400, accuracy: "leased", sub_keys: 8 },
    ...{ window_ms: 7_200_000, tiers: ["free"], methods: ["GET"], mode: "shadow" },
    ...{ routes: ["/api/v1/links"], algorithm: "token_bucket", key: ["api_key"] },
  });
  expect(complaints.filter((text) => !text.includes("422"))).toEqual([]);
}, 120_000);

test("a rule is changed, never over somebody else's change, and deleted", async () => {
  const numbers = { algorithm: "fixed_window", limit: 9, window_ms: 60_000 } as const;
  const rule = await stoa.limits.rules.create({ name: "temporary", ...numbers, service: true });
  const { page, complaints } = await site.arrive(world.admin, `/limits/rules/${rule.id}`);
  await stoa.limits.rules.update(rule.id, { limit: 10 });
  await page.getByLabel("Limit", { exact: true }).fill("11");
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("Somebody else changed this rule.").waitFor();
  expect((await stoa.limits.rules.get(rule.id)).limit).toBe(10);
  await page.getByRole("button", { name: "Load it again" }).click();
  const limit = page.getByLabel("Limit", { exact: true });
  await page.waitForFunction(() => document.querySelector("form [role=alert]") === null);
  expect(await limit.inputValue()).toBe("10");
  await limit.fill("12");
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("Saved.").waitFor();

  await page.getByRole("link", { name: "History" }).click();
  const versions = page.getByRole("list", { name: "Versions" }).getByRole("listitem");
  await page.getByText("3. Updated").waitFor();
  expect(await versions.first().innerText()).toContain("10 → 12");
  expect(await versions.first().innerText()).toContain("by you");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete rule" }).click();
  await page.getByText("temporary is deleted").waitFor();
  expect((await stoa.limits.rules.list()).map(({ name }) => name)).not.toContain("temporary");
  expect(complaints.filter((text) => !text.includes("412"))).toEqual([]);
}, 120_000);

test("a candidate stands beside the live rule with what it would refuse; takes over", async () => {
  const { page, complaints } = await site.arrive(world.admin, `/limits/rules/${live.id}/shadow`);
  await page.getByText("Refused 26 in 24 hours").first().waitFor();
  await page.getByText("Would have refused 27 in 24 hours").first().waitFor();
  expect(await faultsOf(page, "shadow beside live")).toEqual([]);
  await page.getByRole("button", { name: "Put these numbers in force" }).click();
  await page.getByRole("button", { name: "Put in force" }).click();
  await page.getByText("search has these numbers now").waitFor();
  const rules = await stoa.limits.rules.list();
  const found = (name: string) => rules.find((rule) => rule.name === name);
  expect(found("search")).toMatchObject({ limit: 3, mode: "enforce" });
  expect(found("search.candidate")).toBeUndefined();
  await page.getByRole("button", { name: "Add a candidate" }).click();
  await page.getByRole("heading", { name: "New candidate" }).waitFor();
  expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("search.candidate");
  expect(complaints).toEqual([]);
}, 120_000);

test("who is limited is told by rule, route and key, and a rise is announced", async () => {
  const { page, complaints } = await site.arrive(world.admin, "/limits/refused");
  await page.getByRole("heading", { name: "26 requests refused in 1 hour" }).waitFor();
  const rises = page.getByRole("list", { name: "Sudden rises" });
  expect(await rises.innerText()).toStartWith("search on check: 26 refusals");
  expect(await page.getByRole("list", { name: "By rule" }).innerText()).toContain("search");
  expect(await page.getByRole("cell", { name: "customer:<b>7" }).count()).toBe(1);
  await page.getByText("In shadow").click();
  await page.getByRole("heading", { name: "27 requests would have been refused" }).waitFor();
  await page.getByLabel("Rule", { exact: true }).selectOption("search.candidate");
  await page.getByRole("img", { name: /27 requests/ }).focus();
  await page.keyboard.press("ArrowLeft");
  await page
    .getByText(/\d+ refusals?$/)
    .first()
    .waitFor();
  expect(complaints).toEqual([]);
}, 120_000);

describe("trying and explaining", () => {
  test("five algorithms are drawn with what they let through of some traffic", async () => {
    const { page, complaints } = await site.arrive(world.admin, "/limits/try");
    const drawn = (name: string) => page.getByRole("img", { name });
    await drawn("Fixed window: 600 passed, 0 refused").waitFor();
    await drawn("Sliding log: 300 passed, 300 refused").waitFor();
    expect(await page.locator("svg[role=img]").count()).toBe(5);
    await page.getByText("At most 200 in any minute.").waitFor();

    await page.getByLabel("Take the numbers of").selectOption({ label: "links.reports" });
    expect(await page.getByLabel("Limit", { exact: true }).inputValue()).toBe("10");
    await page.getByLabel("Shape").selectOption("random");
    await page.getByLabel("Seed").fill("42");
    await page.getByLabel("Seed").press("Enter");
    await page.getByText("in any hour.").first().waitFor();
    expect(await page.getByRole("table").innerText()).toContain("Token bucket");
    await page.getByLabel("Limit", { exact: true }).fill("0");
    await page.keyboard.press("Enter");
    await page.locator("form [aria-invalid=true]").first().waitFor();
    expect(await noteOf(page, "Limit")).toContain("must be from 1");
    expect(complaints.filter((text) => !text.includes("422"))).toEqual([]);
  }, 120_000);

  test("a request is explained for an account that is looked for", async () => {
    const { page, complaints } = await site.arrive(world.admin, "/limits/explain");
    await page.getByLabel("Path").fill("/api/v1/links");
    await page.getByLabel("Account").fill("ad");
    await page.getByRole("button", { name: "ada ada@stoa.test" }).click();
    expect(await page.getByLabel("Tier").inputValue()).toBe("free");
    await page.getByRole("button", { name: "Explain" }).click();
    const rules = page.getByRole("list", { name: "Rules in their order" });
    await rules.getByText("api.per_key").waitFor();
    await page.getByText("GET /api/v1/links · tier free").waitFor();
    expect(await rules.innerText()).toContain("600 of 600 left");
    expect(page.url()).toContain(`account_id=${world.ada.id}`);
    await page.getByRole("button", { name: /that do not apply/ }).click();
    await rules.getByText("links.reports").waitFor();
    expect(await rules.innerText()).toContain("it is only asked for by name");
    await page.getByLabel("Address").fill("nonsense");
    await page.keyboard.press("Enter");
    await page.locator("form [aria-invalid=true]").waitFor();
    expect(complaints.filter((text) => !text.includes("400"))).toEqual([]);
  }, 120_000);
});

test("every page of limits passes WCAG AA in light and dark, and fits a phone", async () => {
  const one = `/limits/rules/${live.id}`;
  const found = await site.faultsOfAll(await site.arrive(world.admin, "/"), [
    ...["/limits", "/limits/refused", "/limits/try", "/limits/explain?path=/api/v1/links"],
    ...["/limits/rules/new", one, `${one}/shadow`, `${one}/history`],
  ]);
  expect(found).toEqual([]);
}, 120_000);

test("only administrators are shown limits", async () => {
  const { page } = await site.arrive(world.ada, "/");
  expect(await page.getByRole("link", { name: "Limits" }).count()).toBe(0);
  await site.open(page, "/limits");
  await page.getByText("There is no such page").waitFor();
}, 120_000);
