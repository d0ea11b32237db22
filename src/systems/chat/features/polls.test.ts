import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";
import {
  type Features,
  groupWithLeaver,
  newClientId,
  openFeatures,
  tryRefusals,
} from "./features.fixture.ts";

/** Polls, and messages that are sent on. */
let chat: Features;
let group: string;
let left: Person;
beforeAll(async () => {
  chat = await openFeatures();
  ({ id: group, left } = await groupWithLeaver(chat));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const path = ({ conversation_id, seq }: Message) =>
  `/conversations/${conversation_id}/messages/${seq}`;
const vote = (as: Person, of: Message, options: number[]) =>
  chat.chat<Message>(as, "PUT", `${path(of)}/votes`, { options });
const ask = (given: object, id = group) =>
  chat.say(chat.ada, id, {
    poll: { question: "Which?", options: ["a", "b", "c"], several: false, ...given },
  });

test("a vote replaces the one before, and none takes it back", async () => {
  const poll = await ask({});
  await vote(chat.ada, poll, [0]);
  expect((await vote(chat.bob, poll, [0])).body.extra.votes).toEqual([
    { count: 2, by: [chat.ada.id, chat.bob.id] },
    ...[
      { count: 0, by: [] },
      { count: 0, by: [] },
    ],
  ]);
  const changed = await vote(chat.ada, poll, [2]);
  expect(changed.body.extra.votes?.map(({ count }) => count)).toEqual([1, 0, 1]);
  expect((await vote(chat.ada, poll, [2])).body).toEqual(changed.body);
  const none = await vote(chat.ada, poll, []);
  expect(none.body.extra.votes?.map(({ count }) => count)).toEqual([1, 0, 0]);
  expect((await vote(chat.ada, poll, [0, 1])).status).toBe(400);
  expect((await vote(chat.ada, poll, [3])).status).toBe(400);
});

test("several may be chosen where that was said", async () => {
  const poll = await ask({ several: true });
  const { body } = await vote(chat.bob, poll, [2, 0, 2]);
  expect(body.extra.votes?.map(({ count }) => count)).toEqual([1, 0, 1]);
});

test("whatever many change at once, each has one vote in the end", async () => {
  const people = await Promise.all(Array.from({ length: 20 }, (_, n) => chat.person(`V${n}`)));
  const poll = await ask({}, await chat.group(chat.ada, people));
  const replies = await Promise.all(
    people.flatMap((person, n) =>
      [0, 1, 2, n % 3, 1].map((option) => vote(person, poll, [option])),
    ),
  );
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  const { extra } = await chat.message(chat.ada, poll.conversation_id, poll.seq);
  expect(extra.votes?.reduce((sum, { count }) => sum + count, 0)).toBe(20);
  const rows = await chat.db.all<{ option: number; count: number }>`
    SELECT option, count(*)::int AS count FROM chat.votes
    WHERE conversation_id = ${poll.conversation_id} GROUP BY option ORDER BY option`;
  for (const { option, count } of rows) expect(extra.votes?.[option]?.count).toBe(count);
}, 30_000);

test("a closed poll takes no votes: by its time or by hand", async () => {
  const over = await ask({ closes_at: new Date(Date.now() - 1_000).toISOString() });
  expect(await vote(chat.bob, over, [0])).toMatchObject({
    ...{ status: 409, body: { code: "chat.poll_closed" } },
  });
  const poll = await ask({ closes_at: new Date(Date.now() + 60_000).toISOString() });
  await vote(chat.bob, poll, [1]);
  const close = (as: Person, of = poll) => chat.chat<Message>(as, "POST", `${path(of)}/poll/close`);
  expect((await close(chat.bob)).body.code).toBe("chat.role_needed");
  const closed = await close(chat.ada);
  expect(closed.body.extra).toMatchObject({ poll_closed: true, votes: [{}, { count: 1 }, {}] });
  expect((await close(chat.ada)).body).toEqual(closed.body);
  expect((await vote(chat.bob, poll, [0])).body.code).toBe("chat.poll_closed");
  const said = await chat.say(chat.ada, group, "no poll");
  expect((await vote(chat.bob, said, [0])).body.code).toBe("chat.wrong_kind");
  expect((await close(chat.ada, said)).body.code).toBe("chat.wrong_kind");
});

test("a message is sent on as what it was, by those who may in both places", async () => {
  const id = await chat.group(chat.bob);
  const text = "Look, @Bob";
  const said = await chat.say(chat.ada, group, { text, mentions: [chat.bob.id] });
  const send = (as: Person, of: Message, to: string) =>
    chat.chat<{ seq: number }>(as, "POST", `${path(of)}/forward`, {
      ...{ conversation_id: to, client_msg_id: newClientId() },
    });
  const copy = await chat.message(chat.bob, id, (await send(chat.bob, said, id)).body.seq);
  const forwarded_from = { sender_id: chat.ada.id, sent_at: said.created_at };
  expect(copy).toMatchObject({ sender_id: chat.bob.id, body: { text, forwarded_from } });
  expect(copy.body?.mentions).toBeUndefined();
  // It says who wrote it first, however often it is sent on, and nobody changes their words.
  const again = await chat.message(chat.bob, id, (await send(chat.bob, copy, id)).body.seq);
  expect(again.body?.forwarded_from).toEqual(forwarded_from);
  const edited = await chat.chat(chat.bob, "PATCH", path(copy), { text: "Never" });
  expect(edited.body.code).toBe("chat.wrong_kind");

  expect((await send(chat.ada, said, id)).status).toBe(404);
  const note = await chat.message(chat.ada, group, 1);
  expect((await send(chat.ada, note, group)).status).toBe(404);
  const later = await chat.say(chat.ada, group, "after they left");
  expect((await send(left, later, group)).status).toBe(404);
  // What they read then they still read, and send on to where they are.
  const leaver = await chat.person("Leaver");
  const was = await chat.group(chat.ada, [leaver]);
  const read = await chat.say(chat.ada, was, "while they were there");
  await chat.chat(leaver, "POST", `/conversations/${was}/leave`);
  expect(await send(leaver, read, was)).toMatchObject({
    ...{ status: 403, body: { code: "chat.removed" } },
  });
  expect((await send(leaver, read, await chat.group(leaver))).status).toBe(201);
});

test("clients cannot make up where a message comes from", async () => {
  const forwarded_from = { sender_id: chat.bob.id, sent_at: new Date().toISOString() };
  const said = await chat.say(chat.ada, group, { text: "Bob said so", forwarded_from });
  expect(said.body?.forwarded_from).toBeUndefined();
});

test("strangers learn nothing, and wrong input is refused", async () => {
  const { seq } = await ask({});
  const at = `/messages/${seq}`;
  await tryRefusals(chat, group, left, [
    { method: "PUT", rest: `${at}/votes`, body: { options: [0] }, bad: { body: {} } },
    { method: "POST", rest: `${at}/poll/close`, bad: { rest: "/messages/x/poll/close" } },
  ]);
  const forward = `/api/v1/chat/conversations/${group}${at}/forward`;
  const body = { conversation_id: group, client_msg_id: newClientId() };
  expect((await chat.call("POST", forward, { as: chat.admin, body })).status).toBe(404);
  expect((await chat.call("POST", forward, { as: null, body })).status).toBe(401);
  expect((await chat.call("POST", forward, { as: chat.readOnlyKey, body })).status).toBe(403);
  expect((await chat.call("POST", forward, { body: {} })).status).toBe(400);
  await chat.chat(chat.ada, "PATCH", `/conversations/${group}`, { slow_mode_seconds: 600 });
  await chat.say(chat.bob, group, "once");
  const slow = await chat.call("POST", forward, { as: chat.bob, body });
  expect(slow).toMatchObject({ status: 429, body: { code: "chat.slow_mode" } });
});
