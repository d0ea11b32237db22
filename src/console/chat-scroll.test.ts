import { expect, test } from "bun:test";
import type { Page } from "playwright-core";
import type { World } from "../../test/world.ts";
import type { Writer } from "../platform/db/db.ts";
import { siteWith } from "./site.fixture.ts";

/** A conversation of a hundred thousand messages is read like one of ten. */
const total = 100_000;
/** Rows in the page: what a window shows, and as much above and below. */
const rowsMax = 150;

let world: World;
let id: string;
const site = siteWith(async (started) => {
  world = started;
  const made = await world.call("POST", "/api/v1/chat/conversations", {
    body: { kind: "direct", account_id: world.bob.id },
  });
  ({ id } = made.body as { id: string });
  const { ada, bob } = world;
  const seed = async (tx: Writer) => {
    await tx.run`SET LOCAL statement_timeout = 0`;
    await tx.run`
      INSERT INTO chat.messages (conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id,
        body, created_at)
      SELECT ${id}, n, n, 10 + n, 10 + n,
        CASE WHEN n % 5 < 2 THEN ${ada.id}::bigint ELSE ${bob.id}::bigint END, 'seed-' || n,
        jsonb_build_object('text', 'number ' || n || repeat(' and more words', (n % 17)::int)),
        now() - (100_000 - n) * interval '1 minute'
      FROM generate_series(1, ${total}::int) AS n`;
    await tx.run`
      UPDATE chat.conversations SET top_seq = ${total}, rev = ${total + 10}, last_message_at = now()
      WHERE id = ${id}`;
    await tx.run`
      UPDATE chat.members SET read_seq = ${total}, delivered_seq = ${total}
      WHERE conversation_id = ${id}`;
  };
  await world.db.write(seed, { timeoutMs: 60_000 });
});

type Seen = { seqs: number[]; above: number; below: number };

/** What stands in the page, in its order. */
function lookAt(page: Page): Promise<Seen> {
  return page.evaluate(() => {
    const list = document.querySelector("[role=log]") as HTMLElement;
    const rows = [...list.querySelectorAll<HTMLElement>("[data-seq]")];
    const { scrollTop, scrollHeight, clientHeight } = list;
    return {
      seqs: rows.map((row) => Number(row.dataset["seq"])),
      above: scrollTop,
      below: scrollHeight - scrollTop - clientHeight,
    };
  });
}

function expectWhole({ seqs }: Seen): void {
  expect(seqs.length).toBeGreaterThan(5);
  expect(seqs.length).toBeLessThan(rowsMax);
  const first = seqs[0] as number;
  expect(seqs).toEqual(seqs.map((_, index) => first + index));
}

/**
 * Starts to note what drawing takes; the function says how it went. Of the processor, since the
 * machine may have much else to do, and then frames come late whatever the page does.
 */
async function watchFrames(page: Page): Promise<() => Promise<{ frames: number; ms: number }>> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const busyMs = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value as number) * 1_000;
  };
  await page.evaluate(() => {
    const noted = { frames: 0 };
    Object.assign(globalThis, { noted });
    const frame = () => {
      noted.frames++;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const before = await busyMs();
  return async () => {
    const ms = (await busyMs()) - before;
    const frames = await page.evaluate(() => {
      return (globalThis as unknown as { noted: { frames: number } }).noted.frames;
    });
    return { frames, ms };
  };
}

async function arrive(query = ""): Promise<Page> {
  const { page } = await site.arrive(world.ada, `/chat/${id}${query}`);
  await page.locator("[data-seq]").first().waitFor();
  return page;
}

test("it opens at the newest and scrolls back smoothly, with few rows in the page", async () => {
  const page = await arrive();
  await page.locator(`[data-seq="${total}"]`).waitFor();
  expect((await lookAt(page)).below).toBeLessThan(5);
  await page.getByRole("log").hover();
  const framesOf = await watchFrames(page);
  let lowest = total;
  // At last more than the client holds at once, so that what was below has been given up.
  while (lowest > total - 1_300) {
    await page.mouse.wheel(0, -1_500);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    const seen = await lookAt(page);
    expectWhole(seen);
    lowest = Math.min(lowest, seen.seqs[0] as number);
  }
  const { frames, ms } = await framesOf();
  expect(frames).toBeGreaterThan(50);
  expect(ms / frames).toBeLessThan(40);

  await page.getByRole("button", { name: "Jump to the latest" }).click();
  await page.locator(`[data-seq="${total}"]`).waitFor();
  await page.waitForFunction(() => {
    const list = document.querySelector("[role=log]") as HTMLElement;
    return list.scrollHeight - list.scrollTop - list.clientHeight < 5;
  });
}, 120_000);

test("what one reads stays in its place while older messages are put in above it", async () => {
  const page = await arrive();
  const log = page.getByRole("log");
  await log.hover();
  const heightOf = () => log.evaluate((list) => list.scrollHeight);
  const before = await heightOf();
  const held = await log.evaluate(async (list) => {
    list.scrollTop = list.scrollHeight / 2;
    // Drawn there, and painted.
    for (let n = 0; n < 2; n++) await new Promise((done) => requestAnimationFrame(done));
    const middle = list.getBoundingClientRect().top + list.clientHeight / 2;
    const rows = [...list.querySelectorAll<HTMLElement>("[data-seq]")];
    const row = rows.find((one) => one.getBoundingClientRect().bottom > middle) as HTMLElement;
    return { seq: row.dataset["seq"], top: row.getBoundingClientRect().top };
  });
  await page.waitForFunction((known) => {
    const list = document.querySelector("[role=log]") as HTMLElement;
    return list.scrollHeight > known + 1_000;
  }, before);
  const row = page.locator(`[data-seq="${held.seq}"]`);
  const top = await row.evaluate((element) => element.getBoundingClientRect().top);
  expect(Math.abs(top - held.top)).toBeLessThan(2);
}, 120_000);

test("any message is shown among its neighbours; the first and last are a key away", async () => {
  const page = await arrive("?at=50000");
  await page.locator('[data-seq="50000"]').waitFor();
  const box = await page.locator('[data-seq="50000"]').boundingBox();
  expect(box?.y).toBeGreaterThan(50);
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(700);
  expectWhole(await lookAt(page));
  await page.getByRole("log").focus();
  await page.keyboard.press("Control+Home");
  await page.getByText("This is the beginning.").waitFor();
  await page.locator('[data-seq="1"]').waitFor();
  await page.keyboard.press("Control+End");
  await page.locator(`[data-seq="${total}"]`).waitFor();
  // Whoever writes is brought to the newest, from wherever that is done.
  await page.keyboard.press("Control+Home");
  await page.locator('[data-seq="1"]').waitFor();
  await page.getByLabel("Message", { exact: true }).fill("From far above");
  await page.keyboard.press("Enter");
  await page.locator("article", { hasText: "From far above" }).waitFor();
  expect((await lookAt(page)).seqs).toContain(total);
}, 120_000);
