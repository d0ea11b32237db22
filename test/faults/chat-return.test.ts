import { expect, test } from "bun:test";
import { chatRulesOf } from "./chat-checks.ts";
import { allOn, openChat, saidSoFar } from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { Stage, until } from "./stage.ts";

/** R11 for chat: whoever comes back after thousands of messages gets them all, in pages. */
const batch = 100;
/** A connection may send two hundred frames in a row. */
const senderCount = 20;
const pageMax = 200;

async function comeBack(messages: number, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChat(stage, { people: senderCount + 1, tree: brokenTree });
  const away = scene.client(senderCount);
  const senders = Array.from({ length: senderCount }, (_, n) => scene.client(n));
  for (const client of scene.clients) client.connect();
  await allOn(scene.clients);
  senders[0]!.say("the last that was heard");
  await until("it is heard", () => away.shown.length === 1);
  away.close();
  const before = away.pages;
  for (let said = 0; said < messages; said += batch * senders.length) {
    for (const sender of senders) {
      for (let n = 0; n < batch; n++) sender.say(`while somebody was away, ${said + n}`);
    }
    await until("they are stored", () => senders.every((sender) => sender.waiting === 0));
  }
  const began = performance.now();
  away.connect();
  const violations = await scene.violations([away]);
  const tookMs = performance.now() - began;
  const pages = away.pages - before;
  console.log(`back after ${pages} pages in ${Math.round(tookMs)} ms: ${saidSoFar([away])}`);
  return { violations, pages };
}

test("whoever was away for thousands of messages gets all of them, in pages", async () => {
  const messages = rounds(4_000);
  const { violations, pages } = await comeBack(messages);
  expect(violations).toEqual([]);
  expect(pages).toBeGreaterThanOrEqual(messages / pageMax);
});

counterproof(
  "a page that says it is the last",
  [
    {
      file: "src/systems/chat/messages/changes.ts",
      from: "const more = messages.length > limit;",
      to: "const more = messages.length < 0;",
    },
  ],
  async (broken) => {
    const { violations } = await comeBack(800, broken);
    expect(chatRulesOf(violations)).toContain("missed");
  },
);
