import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Features, groupWithLeaver, openFeatures, tryRefusals } from "./features.fixture.ts";
import type { Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";

/** Messages that are changed, and such that are taken back. */
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
const edit = (as: Person, of: Message, body: object) =>
  chat.chat<Message>(as, "PATCH", path(of), body);
const remove = (as: Person, of: Message) => chat.chat(as, "DELETE", path(of));

test("an edit is a change that everybody gets", async () => {
  const said = await chat.say(chat.ada, group, "The meeting is at nine");
  const edited = await edit(chat.ada, said, { text: "At ten, @Bob", mentions: [chat.bob.id] });
  expect(edited).toMatchObject({
    status: 200,
    body: {
      body: { text: "At ten, @Bob", mentions: [chat.bob.id] },
      edited_at: expect.any(String),
    },
  });
  expect(edited.body.rev).toBeGreaterThan(said.rev);
  expect(await chat.message(chat.bob, group, said.seq)).toEqual(edited.body);
  const since = `/conversations/${group}/changes?since=${said.rev}`;
  const changes = await chat.chat<{ frames: object[]; rev: number }>(chat.bob, "GET", since);
  expect(changes.body.frames).toContainEqual({
    ...{ type: "message", rev: edited.body.rev, message: edited.body },
  });
  // The same again is no change.
  const same = await edit(chat.ada, said, { text: "At ten, @Bob", mentions: [chat.bob.id] });
  expect(same.body).toEqual(edited.body);
});

test("an edit is as welcome as the message would be", async () => {
  const said = await chat.say(chat.bob, group, "It is fine");
  expect(await edit(chat.ada, said, { text: "mine" })).toMatchObject({
    ...{ status: 403, body: { code: "chat.role_needed" } },
  });
  expect((await edit(chat.bob, said, { text: "  " })).status).toBe(400);
  expect((await edit(chat.bob, said, { text: "hi", mentions: [left.id] })).status).toBe(400);
  const filter = { text: "darn", action: "refuse" };
  await chat.chat(chat.ada, "POST", `/conversations/${group}/filters`, filter);
  expect((await edit(chat.bob, said, { text: "darn it" })).body.code).toBe("chat.word_refused");
  await chat.age(said, 86_500);
  expect(await edit(chat.bob, said, { text: "late" })).toMatchObject({
    ...{ status: 409, body: { code: "chat.too_late" } },
  });
  const note = await chat.message(chat.ada, group, 1);
  expect(note.body?.note).toBeDefined();
  expect((await edit(chat.ada, note, { text: "x" })).body.code).toBe("chat.wrong_kind");
  expect((await remove(chat.ada, note)).body.code).toBe("chat.wrong_kind");
  expect((await edit(chat.ada, { ...note, seq: 9_999 }, { text: "x" })).status).toBe(404);
});

test("who is banned or blocked does not speak by editing", async () => {
  const direct = await chat.direct(chat.ada, chat.bob);
  const said = await chat.say(chat.bob, direct, "Hello");
  await chat.chat(chat.ada, "PUT", `/blocks/${chat.bob.id}`);
  expect((await edit(chat.bob, said, { text: "!" })).body.code).toBe("chat.person_refuses");
  await chat.chat(chat.ada, "DELETE", `/blocks/${chat.bob.id}`);
  const ban = { until: new Date(Date.now() + 60_000).toISOString() };
  await chat.chat(chat.admin, "PUT", `/admin/bans/${chat.bob.id}`, ban);
  expect((await edit(chat.bob, said, { text: "!" })).body.code).toBe("chat.banned");
  expect((await chat.chat(chat.bob, "PUT", `${path(said)}/pin`)).body.code).toBe("chat.banned");
  expect((await remove(chat.bob, said)).status).toBe(204);
  await chat.chat(chat.admin, "DELETE", `/admin/bans/${chat.bob.id}`);
});

test("what is deleted leaves its place and nothing else", async () => {
  const said = await chat.say(chat.bob, group, "Forget this");
  await chat.chat(chat.ada, "PUT", `${path(said)}/reactions/👍`);
  await chat.chat(chat.ada, "PUT", `${path(said)}/pin`);
  expect((await remove(chat.bob, said)).status).toBe(204);
  const after = await chat.message(chat.ada, group, said.seq);
  expect(after).toMatchObject({ body: null, extra: {}, pinned_at: null });
  expect(after.deleted_at).toEqual(expect.any(String));
  expect(after.rev).toBeGreaterThan(said.rev);
  expect((await remove(chat.bob, said)).status).toBe(204);
  expect((await chat.message(chat.ada, group, said.seq)).rev).toBe(after.rev);
  expect((await edit(chat.bob, said, { text: "back" })).status).toBe(404);
  expect(await chat.db.all`SELECT FROM chat.reactions`).toEqual([]);
  const again = { client_msg_id: said.client_msg_id, body: { text: "Forget this" } };
  const resent = await chat.chat(chat.bob, "POST", `/conversations/${group}/messages`, again);
  expect(resent.body).toMatchObject({ seq: said.seq });
});

test("senders delete for a while, those who moderate at any time", async () => {
  const [ours, theirs] = [
    await chat.say(chat.ada, group, "a"),
    await chat.say(chat.bob, group, "b"),
  ];
  expect((await remove(chat.bob, ours)).body.code).toBe("chat.role_needed");
  await chat.age(theirs, 172_900);
  expect(await remove(chat.bob, theirs)).toMatchObject({
    ...{ status: 409, body: { code: "chat.too_late" } },
  });
  expect((await remove(chat.ada, theirs)).status).toBe(204);
  const direct = await chat.direct(chat.ada, chat.bob);
  const said = await chat.say(chat.bob, direct, "between us");
  expect((await remove(chat.ada, said)).body.code).toBe("chat.role_needed");
});

test("an edit and a deletion at once end in one of both orders", async () => {
  for (let n = 0; n < 5; n++) {
    const said = await chat.say(chat.ada, group, "now");
    const [edited, removed] = await Promise.all([
      ...[edit(chat.ada, said, { text: "then" }), remove(chat.ada, said)],
    ]);
    expect([200, 404]).toContain(edited?.status as number);
    expect(removed?.status).toBe(204);
    expect((await chat.message(chat.bob, group, said.seq)).body).toBeNull();
  }
});

test("strangers learn nothing, and wrong input is refused", async () => {
  const { seq } = await chat.say(chat.ada, group, "Something");
  await tryRefusals(chat, group, left, [
    ...[{ method: "PATCH", rest: `/messages/${seq}`, body: { text: "x" }, bad: { body: {} } }],
    ...[{ method: "DELETE", rest: `/messages/${seq}`, bad: { rest: "/messages/x" } }],
  ]);
});
