import { describe, expect, test } from "bun:test";
import { createStoa } from "../../sdk/stoa.ts";
import type { Link, Webhook } from "../../sdk/types.ts";
import type { World } from "../../test/world.ts";
import { barriers, faultsOf, phone, signIn, startReachableWorld } from "./browser.fixture.ts";
import { siteWith } from "./site.fixture.ts";

const hostile = `<img src=x onerror="document.title='owned'">`;

let world: World;
let link: Link;
let webhook: Webhook;

const site = siteWith(async (started) => {
  world = started;
  const stoa = createStoa({ baseUrl: world.url, apiKey: world.admin.key });
  link = await stoa.links.create({
    url: "https://example.com/a?utm_source=mail",
    alias: "first-one",
    title: hostile,
    tags: ["spring", hostile.slice(0, 40)],
    rules: [{ if: { country: ["CH"], device: ["mobile"] }, url: "https://example.com/ch" }],
  });
  await stoa.domains.create({ host: "go.example.com" });
  webhook = await stoa.webhooks.create({
    url: "http://127.0.0.1:9/hook",
    event_types: ["links.*"],
  });
  await stoa.safety.report({ short_url: link.short_url, reason: "phishing", detail: hostile });
  await world.visit(`/${link.code}`, { "user-agent": "Mozilla/5.0 Firefox/140.0" });
  await world.settle();
});

describe("a person on a first visit", () => {
  test("signs in, shortens a URL in one field and one key, sees its click", async () => {
    const { page, context, complaints } = await site.stranger();
    await signIn(page, world, world.ada);
    await site.open(page, "/links");
    await page.getByLabel("Long URL").fill("example.com/some/long/path");
    await page.keyboard.press("Enter");
    await page.getByText("is on your clipboard").waitFor();
    const short = await page.evaluate(() => navigator.clipboard.readText());
    expect(short).toStartWith(`${world.url}/`);

    await page.getByRole("link", { name: short.replace("http://", "") }).click();
    await page.getByText("Nobody yet.").waitFor();
    const target = "https://example.com/some/long/path";
    const [followed] = await Promise.all([
      context.waitForEvent("page"),
      // Whether there is a network that leads on is not ours.
      context.waitForEvent("request", (request) => request.url() === target),
      page.getByRole("link", { name: "Follow" }).click(),
    ]);
    await followed.close();
    await page.waitForFunction(() => document.querySelector('[data-live="1"]') !== null);
    await page.locator("[data-latest-clicks] li").first().waitFor();
    expect(await page.locator("[data-latest-clicks] li").innerText()).toContain("Chrome on Linux");

    expect(complaints).toEqual([]);
  }, 120_000);

  test("stays signed in over a reload, and is out everywhere after signing out", async () => {
    const { page, context } = await site.arrive(world.bob, "/");
    await page.reload();
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    const second = await context.newPage();
    await site.open(second, "/links");
    await page.getByRole("button", { name: "Sign out" }).click();
    for (const tab of [page, second]) await tab.getByLabel("Password").waitFor();
  }, 120_000);

  test("is told plainly that the password is wrong", async () => {
    const { page } = await site.stranger();
    await page.goto(`${world.url}/console/keys`);
    await page.getByLabel("E-mail").fill("nobody@stoa.test");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The e-mail address or password is wrong.").waitFor();
  }, 120_000);

  test("makes a key that is shown once and with which a program shortens links", async () => {
    const { page } = await site.arrive(world.ada, "/keys");
    await page.getByRole("button", { name: "Create a key" }).click();
    await page.getByLabel("Name").fill("Newsletter");
    await page.keyboard.press("Enter");
    const key = await page.locator("[data-secret]").innerText();
    const made = await createStoa({ baseUrl: world.url, apiKey: key }).links.create({
      url: "https://example.com/by-key",
    });
    expect(made.state).toBe("active");
    await page.getByRole("button", { name: "I have kept it" }).click();
    expect(await page.content()).not.toContain(key);
  }, 120_000);
});

test("a stranger makes an account where that is open", async () => {
  const welcoming = await startReachableWorld({ STOA_SIGN_UP_OPEN: "true" });
  const { page, context, complaints } = await site.stranger();
  await page.goto(`${world.url}/console/sign-in`);
  await page.getByLabel("E-mail").waitFor();
  expect(await page.getByRole("link", { name: "Create an account" }).count()).toBe(0);

  await page.goto(`${welcoming.url}/console/`);
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByLabel("E-mail").fill("carol@stoa.test");
  await page.getByLabel("Password").fill("a sentence that only carol would write");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
  await welcoming.stop();
}, 120_000);

test("who was given a password chooses an own one before anything else", async () => {
  const { page } = await site.arrive(world.admin, "/accounts");
  await page.getByRole("button", { name: "Add an account" }).click();
  await page.getByLabel("E-mail").fill("eve@stoa.test");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Pass this on" }).waitFor();
  const given = await page.getByRole("dialog").locator("code").innerText();

  const second = await site.stranger();
  await second.page.goto(`${world.url}/console/links`);
  await second.page.getByLabel("E-mail").fill("eve@stoa.test");
  await second.page.getByLabel("Password").fill(given);
  await second.page.keyboard.press("Enter");
  await second.page.getByText("Choose your own below").waitFor();
  await second.page.getByLabel("Current password").fill(given);
  await second.page.getByLabel("New password").fill("a sentence that only eve would write");
  await second.page.keyboard.press("Enter");
  await second.page.getByRole("heading", { name: "Links", level: 1 }).waitFor();
  expect(second.complaints).toEqual([]);
}, 120_000);

describe("an editor", () => {
  test("changes a link, which its very next visitor gets, and deletes it", async () => {
    const stoa = createStoa({ baseUrl: world.url, apiKey: world.ada.key });
    const made = await stoa.links.create({ url: "https://example.com/old" });
    const { page, complaints } = await site.arrive(world.ada, `/links/${made.id}/edit`);
    await page.getByLabel("Long URL").fill("https://example.com/new");
    await page.getByLabel("Clicks at most").fill("7");
    await page.getByRole("button", { name: "Save changes" }).click();
    await page.getByText("Saved. The next visitor gets it.").waitFor();
    const visit = await world.visit(`/${made.code}`);
    expect(visit.headers.get("location")).toBe("https://example.com/new");
    expect((await stoa.links.get(made.id)).max_clicks).toBe(7);

    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete link" }).click();
    await page.getByText("Link deleted").waitFor();
    expect((await world.visit(`/${made.code}`)).status).toBe(410);
    expect(complaints).toEqual([]);
  }, 120_000);

  test("imports a file, sees how far it is and which rows failed", async () => {
    const { page } = await site.arrive(world.ada, "/bulk");
    const csv = "keyword,url\none-1,https://example.com/1\ntwo-2,javascript:alert(1)\n";
    await page.getByLabel("CSV file").setInputFiles({
      name: "links.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(csv),
    });
    await page.getByText("Read as YOURLS: 1 link made, 0 skipped, 1 remark.").waitFor();
    await page.getByRole("region", { name: "Lines that failed" }).getByText("url:").waitFor();
    expect((await world.visit("/one-1")).headers.get("location")).toBe("https://example.com/1");
  }, 120_000);
});

test("everything works by the keyboard alone", async () => {
  const { page, complaints } = await site.arrive(world.admin, "/");
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await press("g", "l");
  await page.getByRole("heading", { name: "Links", level: 1 }).waitFor();
  await press("c");
  await page.keyboard.type("https://example.com/typed");
  await press("Enter");
  await page.getByText("is on your clipboard").waitFor();
  await press("Escape");
  await page.locator("h1").focus();
  await press("/");
  await page.keyboard.type("first-one");
  await page.waitForFunction(() => location.search.includes("first-one"));
  await page.waitForFunction(() => document.querySelectorAll("[data-row]").length === 1);
  await page.locator("h1").focus();
  await press("j", "Enter");
  await page.getByRole("heading", { name: "first-one" }).waitFor();
  await press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await press("Escape");
  expect(await page.locator("dialog[open]").count()).toBe(0);
  expect(complaints).toEqual([]);
}, 120_000);

test("stored text is shown as text", async () => {
  const { page, complaints } = await site.arrive(world.admin, "/");
  for (const path of ["/links", `/links/${link.id}/share`, "/reports"]) {
    await site.open(page, path);
    await page.getByText("<img src=x", { exact: false }).first().waitFor();
    expect(await page.locator("img[src=x]").count()).toBe(0);
  }
  expect(await page.title()).not.toBe("owned");
  expect(complaints).toEqual([]);
}, 120_000);

describe("every page", () => {
  const pages = () => [
    "/",
    "/links",
    `/links/${link.id}`,
    `/links/${link.id}/edit`,
    `/links/${link.id}/share`,
    "/bulk",
    "/domains",
    "/webhooks",
    `/webhooks/${webhook.id}`,
    "/keys",
    "/account",
    "/audit",
    "/health",
    "/reports",
    `/reports?view=lookup&find=${encodeURIComponent(link.short_url)}`,
    "/accounts",
    "/nowhere",
  ];

  test("passes WCAG AA in light and dark, fits a phone, and keeps to its policy", async () => {
    const visitor = await site.stranger();
    const { page } = visitor;
    await page.goto(`${world.url}/console/sign-in`);
    await page.getByLabel("E-mail").waitFor();
    expect(await faultsOf(page, "sign in")).toEqual([]);
    await signIn(page, world, world.admin);
    expect(await site.faultsOfAll(visitor, pages())).toEqual([]);
  }, 120_000);

  test("can be reached on a phone", async () => {
    const { page, complaints } = await site.arrive(world.ada, "/", phone);
    await page.getByRole("button", { name: "New link" }).last().click();
    await page.getByRole("dialog").getByLabel("Long URL").fill("https://example.com/phone");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Your short link" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Menu" }).click();
    expect(await barriers(page)).toEqual([]);
    await page.getByRole("dialog").getByRole("link", { name: "Webhooks" }).click();
    await page.getByRole("heading", { name: "Webhooks", level: 1 }).waitFor();
    // What only administrators see is not even offered.
    expect(await page.getByText("System health").count()).toBe(0);
    expect(complaints).toEqual([]);
  }, 120_000);
});

test("the reference of the API opens what a link leads to, for everybody", async () => {
  const { page, complaints } = await site.stranger();
  for (const path of ["/docs", "/docs/errors", "/docs/links#post_links"]) {
    await page.goto(world.url + path);
    expect(await faultsOf(page, path)).toEqual([]);
  }
  await page.getByText("curl -X POST").first().waitFor();
  expect(await page.locator("details[open]").count()).toBe(1);
  expect(complaints).toEqual([]);
}, 60_000);
