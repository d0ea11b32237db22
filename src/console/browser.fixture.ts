import axe from "axe-core";
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { freePort } from "../../test/free-port.ts";
import { password, startWorld, type Person, type World } from "../../test/world.ts";

/**
 * A real Chromium before a really started Stoa. Everything a page complains about is kept: errors
 * and warnings on its console, exceptions, and what its content security policy refused.
 */
export type Visitor = { page: Page; context: BrowserContext; complaints: string[] };

export const desk = { width: 1280, height: 800 };
export const phone = { width: 360, height: 740 };

/** Headless Chromium names itself one, which Stoa rightly takes for a program. */
const userAgent =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/142.0.0.0 Safari/537.36";

/** Short links must lead to this very server, so its port is chosen before it starts. */
export async function startReachableWorld(env: Record<string, string> = {}): Promise<World> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  return await startWorld({ PORT: String(port), STOA_PUBLIC_URL: url, ...env });
}

/** All of Chromium, and where it is there, what draws pages alone: that takes half the work. */
const whole = "/usr/bin/chromium";
const shell = "/usr/bin/chromium-headless-shell";

/** With `sound` it can record and play. */
export async function openBrowser({ sound = false } = {}): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? (sound || !existsSync(shell) ? whole : shell),
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      // A microphone that beeps; a page still has to be allowed to use it.
      "--use-fake-device-for-media-stream",
    ],
  });
}

export async function visitor(
  browser: Browser,
  viewport: { width: number; height: number },
): Promise<Visitor> {
  const context = await browser.newContext({
    viewport,
    userAgent,
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(45_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    complaints.push(`${message.text()} ${message.location().url}`.trimEnd());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`);
    });
  });
  return { page, context, complaints };
}

export async function signIn(page: Page, world: World, person: Person): Promise<void> {
  await page.goto(`${world.url}/console/`);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
}

/** Goes to a page and waits until everything on it has been loaded. */
export async function open(page: Page, world: World, path: string): Promise<void> {
  await page.goto(`${world.url}/console${path}`);
  await page.locator("h1").waitFor();
  await page.waitForFunction(() => document.querySelector(".skeleton") === null);
}

type Rules = { type: "tag" | "rule"; values: string[] };

const standards: Rules = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
};
/** All that another theme changes. */
const colours: Rules = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

/** What axe finds wrong, one line for each element. */
export async function barriers(page: Page, rules = standards): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  return await page.evaluate(async (runOnly) => {
    type Node = { html: string; failureSummary: string };
    type Found = { violations: { id: string; nodes: Node[] }[] };
    const { axe: runner } = globalThis as unknown as {
      axe: { run(root: Document, options: object): Promise<Found> };
    };
    const { violations } = await runner.run(document, { runOnly, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((n) => `${id}: ${n.html} ${n.failureSummary}`),
    );
  }, rules);
}

export async function barriersInBothThemes(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const [theme, rules] of [
    ["light", standards],
    ["dark", colours],
  ] as const) {
    await page.evaluate((chosen) => {
      document.documentElement.dataset["theme"] = chosen;
    }, theme);
    found.push(...(await barriers(page, rules)).map((line) => `${theme}: ${line}`));
  }
  return found;
}

/** Barriers in both themes, and what a phone has no room for. */
export async function faultsOf(page: Page, name: string): Promise<string[]> {
  const found = (await barriersInBothThemes(page)).map((line) => `${name}, ${line}`);
  await page.setViewportSize(phone);
  for (const wide of await page.evaluate(widerThanWindow)) found.push(`${name}: ${wide}`);
  for (const broken of await page.evaluate(brokenChoices)) found.push(`${name}: ${broken}`);
  await page.setViewportSize(desk);
  return found;
}

/** What sticks out at the side, if the page can be scrolled there. */
function widerThanWindow(): string[] {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  return [...document.querySelectorAll("main *")]
    .filter((element) => element.getBoundingClientRect().right > innerWidth)
    .map((element) => `too wide for a phone: ${element.outerHTML.slice(0, 120)}`);
}

/** Choices side by side whose label stands on more than one line. */
function brokenChoices(): string[] {
  return [...document.querySelectorAll("fieldset label:has([type=radio])")]
    .filter((label) => {
      const text = document.createRange();
      text.selectNodeContents(label.lastChild ?? label);
      return text.getClientRects().length > 1;
    })
    .map((label) => `broken over lines: ${label.textContent}`);
}
