import { afterAll, beforeAll, expect, test } from "bun:test";
import type { z } from "zod";
import { publicUrl, type Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";
import { type Features, openFeatures } from "./features.fixture.ts";
import type { importLinesReply } from "./import-wire.ts";

/** Imports of any length, a line for each conversation and message. */
let chat: Features;
beforeAll(async () => {
  chat = await openFeatures();
}, 60_000);
afterAll(() => chat.stop(), 30_000);

type Reply = z.infer<typeof importLinesReply>;
const ndjson = "application/x-ndjson";
const textOf = (lines: (object | string)[]) =>
  lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");

async function post(body: BodyInit, as: Person | null = chat.admin, type = ndjson) {
  const authorization = as && { authorization: `Bearer ${as.key}` };
  const reply = await fetch(`${chat.url}/api/v1/chat/import/lines`, {
    ...{ method: "POST", body, headers: { ...authorization, "content-type": type } },
  });
  return { status: reply.status, body: (await reply.json()) as Reply & { code?: string } };
}

const bring = async (lines: (object | string)[]): Promise<Reply> => {
  const { status, body } = await post(textOf(lines));
  expect(status).toBe(200);
  return body;
};
const conversation = (ref: string, members: Person[], more: object = {}) => ({
  ...{ type: "conversation", ref, kind: "group", title: "From elsewhere" },
  created_at: "2019-01-01T00:00:00.000Z",
  members: members.map(({ id }, n) => ({ account_id: id, role: n === 0 ? "owner" : "member" })),
  ...more,
});
const message = (ref: string, sender: Person, n: number, more: object = {}) => ({
  ...{ type: "message", conversation: ref, client_msg_id: `message-${n}`, sender_id: sender.id },
  ...{ sent_at: new Date(Date.UTC(2020, 0, 1, 0, n)).toISOString(), text: `said ${n}`, ...more },
});
const reactionOf = ({ id }: Person) => ({ emoji: "👍", account_ids: [id] });
const idOf = async (ref: string) =>
  (
    await chat.db.one<{ conversation_id: string }>`
    SELECT conversation_id FROM chat.imports WHERE ref = ${ref}`
  )?.conversation_id ?? "";
const said = async (id: string) =>
  (await chat.chat<{ items: Message[] }>(chat.ada, "GET", `/conversations/${id}/messages`)).body
    .items;

async function upload(as: Person, bytes: string): Promise<string> {
  const offered = await chat.chat<{ upload_id: string; url: string }>(as, "POST", "/uploads", {
    kind: "file",
  });
  const put = await fetch(offered.body.url.replace(publicUrl, chat.url), {
    ...{ method: "PUT", body: bytes, headers: { "content-type": "text/plain" } },
  });
  expect(put.status).toBe(200);
  return offered.body.upload_id;
}

test("what a message was elsewhere it is here, and again it is nothing new", async () => {
  const { ada, bob } = chat;
  const upload_id = await upload(chat.admin, "minutes of 2020");
  const later = "2020-02-01T00:00:00.000Z";
  const lines = [
    conversation("all/1", [ada, bob]),
    message("all/1", ada, 1, { edited_at: later }),
    message("all/1", bob, 2, { text: "", deleted_at: later, reply_to: "message-1" }),
    message("all/1", bob, 3, { reply_to: "message-1", thread: "message-1" }),
    message("all/1", ada, 4, {
      reactions: [
        { emoji: "👍", account_ids: [bob.id, ada.id, bob.id] },
        { emoji: "🎉", account_ids: [ada.id] },
      ],
    }),
    message("all/1", ada, 5, { text: "", attachments: [{ upload_id, kind: "file", name: "a" }] }),
    message("all/1", ada, 6, { thread: "message-3" }),
  ];
  expect(await bring(lines)).toEqual({ lines: 7, added: 6, known: 0, failed: 0, problems: [] });
  const id = await idOf("all/1");
  const first = await said(id);
  expect(first).toMatchObject([
    { seq: 1, body: { text: "said 1" }, edited_at: later, reply_count: 2, thread_seq: null },
    { seq: 2, body: null, deleted_at: later, reply_to_seq: 1, created_at: expect.anything() },
    { seq: 3, reply_to_seq: 1, thread_seq: 1, edited_at: null },
    {
      ...{ seq: 4, created_at: "2020-01-01T00:04:00.000Z" },
      extra: {
        reactions: [
          { emoji: "👍", count: 2, by: [bob.id, ada.id] },
          { emoji: "🎉", count: 1, by: [ada.id] },
        ],
      },
    },
    { seq: 5, body: { attachments: [{ upload_id, name: "a", type: "text/plain", bytes: 15 }] } },
    { seq: 6, thread_seq: 1 },
  ]);
  // No number is taken that nothing has.
  expect(first.map(({ rev }) => rev)).toEqual([2, 3, 4, 5, 6, 7]);
  expect((await chat.listed(ada, id)).conversation.rev).toBe(7);
  expect(await bring(lines)).toMatchObject({ added: 0, known: 6, failed: 0, problems: [] });
  expect(await said(id)).toEqual(first);

  // The root is there by now.
  expect(await bring([message("all/1", bob, 7, { thread: "message-1" })])).toMatchObject({
    added: 1,
  });
  expect((await said(id))[0]).toMatchObject({ reply_count: 3 });
  // What is counted anew is what was imported, and what came since.
  await chat.chat(ada, "PUT", `/conversations/${id}/messages/4/reactions/🚀`);
  expect((await chat.message(ada, id, 4)).extra.reactions).toEqual([
    ...(first[3]?.extra.reactions ?? []),
    { emoji: "🚀", count: 1, by: [ada.id] },
  ]);
  const link = await chat.chat<{ url: string }>(
    ...([bob, "GET", `/conversations/${id}/messages/5/attachments/0`] as const),
  );
  const file = await fetch(link.body.url.replace(publicUrl, chat.url));
  expect(await file.text()).toBe("minutes of 2020");
  expect((await chat.listed(bob, id)).own.unread).toBe(0);
  await chat.settle();
  const found = await chat.chat<{ items: object[] }>(bob, "GET", "/search?q=said+3");
  expect(found.body.items).not.toEqual([]);
});

test("each line is refused by itself, with its number", async () => {
  const { ada, bob } = chat;
  const stranger = await chat.person("Stranger");
  const theirs = await upload(ada, "not the importer's");
  const lines = [
    conversation("wrong/1", [ada, bob]), // 1
    "{ no json", // 2
    { type: "message", conversation: "wrong/1" }, // 3
    "", // 4
    message("wrong/1", ada, 1), // 5
    message("wrong/2", ada, 1), // 6: never imported
    message("wrong/1", stranger, 2), // 7
    message("wrong/1", bob, 3, { reply_to: "no-such-one" }), // 8: added without
    message("wrong/1", bob, 4, { thread: "message-9" }), // 9: added without
    message("wrong/1", ada, 5, { reactions: [reactionOf(stranger)] }), // 10
    message("wrong/1", ada, 6, { attachments: [{ upload_id: theirs, kind: "file" }] }), // 11
    message("wrong/1", ada, 7, { text: "" }), // 12
    message("wrong/1", ada, 8, { edited_at: "2019-01-01T00:00:00Z" }), // 13
    message("wrong/1", ada, 9, { deleted_at: "2021-01-01T00:00:00Z" }), // 14: with a text
    conversation("wrong/3", [{ ...ada, id: "77" }]), // 15
    conversation("wrong/1", [ada, bob], { kind: "channel" }), // 16
    `{"type":"message","text":"${"x".repeat(1024 * 1024)}"}`, // 17
    { ...message("wrong/1", ada, 10), poll: {} }, // 18
    message("wrong/1", ada, 11), // 19
    message("wrong/1", ada, 11), // 20: the same
  ];
  const reply = await bring(lines);
  expect(reply).toMatchObject({ lines: 19, added: 5, known: 1, failed: 12 });
  const at = ({ line, code, added }: Reply["problems"][number]) => `${line} ${code} ${added}`;
  expect(reply.problems.map(at).toSorted()).toEqual(
    [
      ...[2, 3, 6, 7, 12, 13, 14, 17, 18].map((n) => `${n} request.invalid false`),
      ...[8, 9, 10].map((n) => `${n} request.invalid true`),
      ...["11 uploads.not_found false", "15 chat.person_unknown false"],
      "16 request.conflict false",
    ].toSorted(),
  );
  const id = await idOf("wrong/1");
  expect((await said(id)).map(({ seq, body }) => [seq, body?.text])).toEqual([
    ...[
      [1, "said 1"],
      [2, "said 3"],
      [3, "said 4"],
      [4, "said 5"],
      [5, "said 11"],
    ],
  ] as never);
  expect(await bring(["", "not json"])).toMatchObject({ lines: 1, added: 0, failed: 1 });
  expect((await post(textOf([]))).body).toMatchObject({ lines: 0 });
});

test("an import that breaks off is sent again, and one that is too large in parts", async () => {
  const { ada, bob } = chat;
  const lines = Array.from({ length: 3_000 }, (_, n) =>
    message("parts/1", n % 2 === 0 ? ada : bob, n, n > 0 ? { reply_to: `message-${n - 1}` } : {}),
  );
  const whole = [conversation("parts/1", [ada, bob]), ...lines];
  const encoder = new TextEncoder();
  const broken = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(encoder.encode(`${textOf(whole.slice(0, 1_600))}\n`));
      // What was sent is stored before it breaks.
      const id = await storedOf("parts/1", 1_000);
      expect(id).not.toBe("");
      controller.error(new Error("the connection broke"));
    },
  });
  await expect(post(broken)).rejects.toThrow();
  const id = await idOf("parts/1");
  const kept = await countOf(id);
  expect(kept).toBeGreaterThanOrEqual(1_000);
  expect(kept).toBeLessThan(3_000);
  // Again, in parts of which the later ones do not name the conversation.
  const parts = [whole.slice(0, 900), whole.slice(900, 2_000), whole.slice(2_000)];
  let added = 0;
  for (const part of parts) added += (await bring(part)).added;
  expect(added).toBeLessThanOrEqual(3_000 - kept);
  expect(await bring(whole)).toMatchObject({ lines: 3_001, added: 0, known: 3_000 });
  const rows = await chat.db.all<{ client_msg_id: string; reply_to_seq: string | null }>`
    SELECT client_msg_id, reply_to_seq FROM chat.messages WHERE conversation_id = ${id}
    ORDER BY seq`;
  expect(rows.map((row) => row.client_msg_id)).toEqual(lines.map((line) => line.client_msg_id));
  expect(rows.every((row, n) => Number(row.reply_to_seq ?? 0) === n)).toBe(true);
}, 120_000);

async function countOf(id: string): Promise<number> {
  const row = await chat.db.one<{ n: number }>`
    SELECT count(*)::int AS n FROM chat.messages WHERE conversation_id = ${id}`;
  return row?.n ?? 0;
}

async function storedOf(ref: string, least: number): Promise<string> {
  for (;;) {
    const id = await idOf(ref);
    if (id !== "" && (await countOf(id)) >= least) return id;
    await Bun.sleep(10);
  }
}

test("an import in JSON takes the same, and says what is wrong with its uploads", async () => {
  const { ada, bob } = chat;
  const { type: _, ...given } = conversation("json/1", [ada, bob]);
  const upload_id = await upload(chat.admin, "attached");
  const json = (messages: object[]) =>
    chat.chat(chat.admin, "POST", "/import", { conversations: [{ ...given, messages }] });
  const plain = (n: number, more: object = {}) => {
    const { type: _type, conversation: _ref, ...rest } = message("", ada, n, more);
    return rest;
  };
  const file = { attachments: [{ upload_id, kind: "file" }] };
  const done = await json([plain(1, file), plain(2, { thread: "message-1" })]);
  expect(done.status).toBe(200);
  expect(await json([plain(3, file)])).toMatchObject({ status: 409 });
  const nobodys = { attachments: [{ upload_id: "77", kind: "file" }] };
  expect(await json([plain(3, nobodys)])).toMatchObject({
    ...{ status: 404, body: { code: "uploads.not_found" } },
  });
  const reacted = { reactions: [{ emoji: "👍", account_ids: ["77"] }] };
  expect((await json([plain(3, reacted)])).status).toBe(400);
  expect((await said(await idOf("json/1"))).map(({ reply_count }) => reply_count)).toEqual([1, 0]);
});

test("it is for administrators, and says what it takes", async () => {
  expect((await post("", chat.ada)).body).toMatchObject({ code: "auth.forbidden" });
  expect((await post("", null)).status).toBe(401);
  expect((await post("{}", chat.admin, "application/json")).body).toMatchObject({
    code: "request.unsupported_media_type",
  });
});
