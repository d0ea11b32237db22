import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";
import { type Features, openFeatures } from "./features.fixture.ts";
import { lookKind } from "./look.ts";
import { queryOf, wordsOf } from "./words.ts";

/** Search: what is found, how soon, and by whom. */
let chat: Features;
let group: string;
beforeAll(async () => {
  chat = await openFeatures();
  group = await chat.group(chat.ada, [chat.bob]);
}, 60_000);
afterAll(() => chat.stop(), 60_000);

type Page = { items: Message[]; next_cursor: string | null };
const search = async (as: Person, q: string, more: Record<string, string> = {}) =>
  (await chat.chat<Page>(as, "GET", `/search?${new URLSearchParams({ q, ...more })}`)).body;
const found = async (as: Person, q: string, more: Record<string, string> = {}) =>
  (await search(as, q, more)).items.map(({ body }) => body?.text);
const look = () => chat.run(lookKind);

test("all words in any order, without case and marks, the last by its beginning", async () => {
  await chat.say(chat.ada, group, "Das Café in der Nähe hat offen, siehe foo-bar@example.com");
  await chat.say(chat.bob, group, { text: "", poll: question("Wohin zum Essen?") });
  await chat.say(chat.bob, group, "今日は良い天気ですね");
  await look();
  expect(await found(chat.bob, "OFFEN cafe")).toHaveLength(1);
  expect(await found(chat.bob, "nähe caf")).toHaveLength(1);
  expect(await found(chat.bob, "bar exam")).toHaveLength(1);
  expect(await found(chat.bob, "caf offen")).toHaveLength(0);
  expect(await found(chat.bob, "essen")).toHaveLength(1);
  expect(await found(chat.bob, "天気")).toHaveLength(1);
  expect(await found(chat.bob, "')) | 'a'")).toHaveLength(0);
});

const question = (text: string) => ({ question: text, options: ["hier", "dort"], several: false });

test("pages go on where the last one ended, by conversation and by sender", async () => {
  const other = await chat.group(chat.ada, [chat.bob]);
  for (let n = 0; n < 7; n++) {
    await chat.say(n % 2 ? chat.ada : chat.bob, n % 3 ? group : other, `zebra ${n}`);
  }
  await look();
  const texts: unknown[] = [];
  let before: string | null = null;
  do {
    const page: Page = await search(chat.ada, "zebra", { limit: "3", ...(before && { before }) });
    texts.push(...page.items.map(({ body }) => body?.text));
    before = page.next_cursor;
  } while (before !== null);
  expect(texts).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `zebra ${n}`));
  expect(await found(chat.ada, "zebra", { conversation_id: other })).toHaveLength(3);
  expect(await found(chat.ada, "zebra", { sender: chat.bob.id })).toHaveLength(4);
});

test("nobody finds what they may not read", async () => {
  const late = await chat.person("Late");
  const id = await chat.group(chat.ada, [chat.bob]);
  await chat.say(chat.ada, id, "walrus before");
  await chat.chat(chat.ada, "POST", `/conversations/${id}/members`, { account_ids: [late.id] });
  const edited = await chat.say(chat.ada, id, "walrus between");
  await chat.chat(chat.bob, "POST", `/conversations/${id}/leave`);
  await chat.say(chat.ada, id, "walrus after");
  await look();
  expect(await found(chat.ada, "walrus")).toHaveLength(3);
  expect(await found(late, "walrus")).toEqual(["walrus after", "walrus between"]);
  expect(await found(chat.bob, "walrus")).toEqual(["walrus between", "walrus before"]);
  expect(await found(chat.admin, "walrus")).toEqual([]);
  expect(await found(chat.admin, "walrus", { conversation_id: id })).toEqual([]);
  const path = `/conversations/${id}/messages/${edited.seq}`;
  await chat.chat(chat.ada, "PATCH", path, { text: "narwhal between" });
  expect(await found(chat.ada, "narwhal")).toEqual(["narwhal between"]);
  // Bob left before that was written.
  expect(await found(chat.bob, "narwhal")).toEqual([]);
  await chat.chat(chat.ada, "DELETE", `/conversations/${id}`);
  expect(await found(chat.ada, "walrus")).toEqual([]);
});

test("what is edited is found by its new words, what is deleted or over not at all", async () => {
  const said = await chat.say(chat.ada, group, "platypus");
  const over = await chat.say(chat.ada, group, "platypus over");
  await look();
  expect(await found(chat.bob, "platypus")).toHaveLength(2);
  await chat.db.write(
    (tx) => tx.run`
      UPDATE chat.messages SET expires_at = now()
      WHERE conversation_id = ${group} AND seq = ${over.seq}`,
  );
  expect(await found(chat.bob, "platypus")).toEqual(["platypus"]);
  const path = `/conversations/${group}/messages/${said.seq}`;
  await chat.chat(chat.ada, "PATCH", path, { text: "echidna" });
  expect(await found(chat.bob, "platypus")).toEqual([]);
  expect(await found(chat.bob, "echidna")).toEqual(["echidna"]);
  await chat.chat(chat.ada, "DELETE", path);
  expect(await found(chat.bob, "echidna")).toEqual([]);
  await chat.run("chat.expire");
  for (const { seq } of [said, over]) {
    const words = await chat.db.all`
      SELECT FROM chat.searchable WHERE conversation_id = ${group} AND seq = ${seq}`;
    expect(words).toEqual([]);
  }
});

test("what is deleted while it is looked at leaves no words", async () => {
  for (let n = 0; n < 10; n++) {
    const said = await chat.say(chat.ada, group, `secret ${n}`);
    const path = `/conversations/${group}/messages/${said.seq}`;
    await Promise.all([look(), chat.chat(chat.ada, "DELETE", path)]);
  }
  await look();
  const words = await chat.db.all`
    SELECT FROM chat.searchable s JOIN chat.messages d USING (conversation_id, seq)
    WHERE d.body IS NULL`;
  expect(words).toEqual([]);
});

test("wrong questions are refused", async () => {
  const call = (rest: string, as?: string | null) =>
    chat.call("GET", `/api/v1/chat/search?${rest}`, as === undefined ? {} : { as });
  expect((await call("q=!!")).status).toBe(400);
  expect((await call("q=a&before=x")).status).toBe(400);
  expect((await call("q=a", null)).status).toBe(401);
  expect((await call("q=a", chat.createOnlyKey)).status).toBe(403);
  const many = await Promise.all(Array.from({ length: 80 }, () => call("q=a")));
  expect(many.map(({ status }) => status)).toContain(429);
});

test("any text has words that PostgreSQL takes, bounded", () => {
  expect(queryOf("  ")).toBeNull();
  expect(queryOf("it's a:* & b")).toBe("'it' & 's' & 'a' & 'b':*");
  expect(wordsOf({ text: "x".repeat(200) })).toEqual(["x".repeat(64)]);
  const many = Array.from({ length: 4_000 }, (_, n) => n.toString(36)).join(" ");
  expect(wordsOf({ text: many })).toHaveLength(2_000);
});
