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
import { scheduledMax } from "./scheduled.ts";

/** Messages with an end, messages that are sent later, and such that are not sent yet. */
let chat: Features;
let group: string;
let left: Person;
beforeAll(async () => {
  chat = await openFeatures();
  ({ id: group, left } = await groupWithLeaver(chat));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const expireNow = ({ conversation_id, seq }: Message) =>
  chat.db.write(
    (tx) => tx.run`
      UPDATE chat.messages SET expires_at = now() - interval '1 second'
      WHERE conversation_id = ${conversation_id} AND seq = ${seq}`,
  );

test("what disappears is not shown from its time on, and wiped as a change", async () => {
  const id = await chat.group(chat.ada, [chat.bob]);
  await chat.chat(chat.ada, "PATCH", `/conversations/${id}`, { disappear_seconds: 3600 });
  const said = await chat.say(chat.ada, id, "gone soon");
  expect(Date.parse(said.expires_at ?? "")).toBe(Date.parse(said.created_at) + 3_600_000);
  await expireNow(said);
  const hidden = await chat.message(chat.bob, id, said.seq);
  expect(hidden).toMatchObject({ body: null, extra: {}, rev: said.rev });
  expect((await chat.listed(chat.bob, id)).last_message?.body).toBeNull();
  const since = `/conversations/${id}/changes?since=${said.rev - 1}`;
  const frames = async () => JSON.stringify((await chat.chat(chat.bob, "GET", since)).body);
  expect(await frames()).not.toContain("gone soon");
  const react = `/conversations/${id}/messages/${said.seq}/reactions/👍`;
  expect((await chat.chat(chat.bob, "PUT", react)).status).toBe(404);
  await chat.run("chat.expire");
  const wiped = await chat.message(chat.bob, id, said.seq);
  expect(wiped).toMatchObject({ body: null, deleted_at: null, rev: said.rev + 1 });
  const row = await chat.db.one<{ body: unknown }>`
    SELECT body FROM chat.messages WHERE conversation_id = ${id} AND seq = ${said.seq}`;
  expect(row?.body).toBeNull();
  expect((await chat.listed(chat.bob, id)).conversation.rev).toBe(said.rev + 1);
});

type Scheduled = { id: string; failure: string | null; client_msg_id: string };
const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const later = (as: Person, given: object = {}) =>
  chat.chat<Scheduled>(as, "POST", "/scheduled", {
    ...{ conversation_id: group, client_msg_id: newClientId(), body: { text: "later" } },
    ...{ send_at: soon(), ...given },
  });
const waiting = async (as: Person) =>
  (await chat.chat<{ items: Scheduled[] }>(as, "GET", "/scheduled")).body.items;

/** As if all its times had come. */
async function sendDue(id: string): Promise<void> {
  await chat.db.write(
    (tx) => tx.run`
      UPDATE platform.jobs SET run_at = now()
      WHERE kind = 'chat.send_scheduled' AND payload ->> 'id' = ${id}`,
  );
  await chat.settle();
}

async function sentAs(clientMsgId: string) {
  return await chat.db.all<{ body: { text: string }; by_program: boolean }>`
    SELECT body, by_program FROM chat.messages WHERE client_msg_id = ${clientMsgId}`;
}

test("a message is sent at its time, once however often the job runs", async () => {
  const client_msg_id = newClientId();
  const made = await later(chat.bob, { client_msg_id, body: { text: "Happy birthday" } });
  expect(made.status).toBe(201);
  expect((await later(chat.bob, { client_msg_id })).body).toEqual(made.body);
  expect(await waiting(chat.bob)).toEqual([made.body]);
  expect(await waiting(chat.ada)).toEqual([]);
  await chat.settle();
  expect(await sentAs(client_msg_id)).toEqual([]);
  const row = await chat.db.one`SELECT * FROM chat.scheduled WHERE id = ${made.body.id}`;
  await sendDue(made.body.id);
  const sent = [{ body: { text: "Happy birthday" }, by_program: true }];
  expect(await sentAs(client_msg_id)).toEqual(sent);
  expect(await waiting(chat.bob)).toEqual([]);
  // As if the process had ended between sending it and saying so.
  await chat.db.write(
    (tx) => tx.run`
      INSERT INTO chat.scheduled
      SELECT * FROM jsonb_populate_record(NULL::chat.scheduled, ${tx.json(row)})`,
  );
  await chat.run("chat.send_scheduled", { id: made.body.id });
  expect(await sentAs(client_msg_id)).toEqual(sent);
  expect(await waiting(chat.bob)).toEqual([]);
});

test("who may not send by then is refused then, and sees why", async () => {
  const person = await chat.person("Gone");
  await chat.chat(chat.ada, "POST", `/conversations/${group}/members`, {
    account_ids: [person.id],
  });
  const made = await later(person);
  await chat.chat(chat.ada, "DELETE", `/conversations/${group}/members/${person.id}`);
  await sendDue(made.body.id);
  expect(await sentAs(made.body.client_msg_id)).toEqual([]);
  const [failed] = await waiting(person);
  expect(failed?.failure).toStartWith("chat.removed: ");
  const off = await chat.chat(person, "DELETE", `/scheduled/${made.body.id}`);
  expect(off.status).toBe(204);
  expect(await waiting(person)).toEqual([]);
});

test("a message is called off by who made it, until it is on its way", async () => {
  const made = await later(chat.ada);
  const off = (as: Person, id = made.body.id) => chat.chat(as, "DELETE", `/scheduled/${id}`);
  expect((await off(chat.bob)).status).toBe(404);
  await chat.db.write((tx) => tx.run`UPDATE chat.scheduled SET begun_at = now()`);
  expect(await off(chat.ada)).toMatchObject({ status: 409, body: { code: "request.conflict" } });
  await chat.db.write((tx) => tx.run`UPDATE chat.scheduled SET begun_at = NULL`);
  expect((await off(chat.ada)).status).toBe(204);
  expect((await off(chat.ada)).status).toBe(404);
  await sendDue(made.body.id);
  expect(await sentAs(made.body.client_msg_id)).toEqual([]);
});

const change = (as: Person, id: string, to: object) =>
  chat.chat<Scheduled & { send_at: string; body: object }>(as, "PATCH", `/scheduled/${id}`, to);

test("what waits is changed in words and in time, and sent once, as it is by then", async () => {
  const { body: made } = await later(chat.ada, {
    body: { text: "At noon, @bob", mentions: [chat.bob.id] },
  });
  const send_at = new Date(Date.now() + 2 * 3_600_000).toISOString();
  const moved = await change(chat.ada, made.id, { send_at });
  expect(moved).toMatchObject({ status: 200, body: { id: made.id, send_at } });
  const reworded = await change(chat.ada, made.id, { text: "At one" });
  expect(reworded.body).toMatchObject({ body: { text: "At one" }, send_at });
  expect(reworded.body.body).not.toHaveProperty("mentions");
  // The job of the time that is no more does nothing.
  await chat.db.write(
    (tx) => tx.run`
      UPDATE platform.jobs SET run_at = now()
      WHERE kind = 'chat.send_scheduled' AND key = ${made.id}`,
  );
  await chat.settle();
  expect(await sentAs(made.client_msg_id)).toEqual([]);
  expect(await waiting(chat.ada)).toEqual([reworded.body]);
  await change(chat.ada, made.id, { send_at: new Date(0).toISOString() });
  await chat.settle();
  expect(await sentAs(made.client_msg_id)).toEqual([
    { body: { text: "At one" }, by_program: true },
  ]);
  expect(await waiting(chat.ada)).toEqual([]);
  expect((await change(chat.ada, made.id, { text: "x" })).status).toBe(404);
});

test("what could not be sent is tried again when it is changed, by those who may", async () => {
  const person = await chat.person("Back");
  const members = `/conversations/${group}/members`;
  await chat.chat(chat.ada, "POST", members, { account_ids: [person.id] });
  const { body: made } = await later(person);
  await chat.chat(chat.ada, "DELETE", `${members}/${person.id}`);
  await sendDue(made.id);
  expect((await change(person, made.id, { text: "again" })).body).toMatchObject({
    code: "chat.removed",
  });
  await chat.chat(chat.ada, "POST", members, { account_ids: [person.id] });
  expect((await change(person, made.id, { text: " " })).status).toBe(400);
  expect((await change(person, made.id, { send_at: "2999-01-01T00:00:00Z" })).status).toBe(400);
  expect((await change(chat.bob, made.id, { text: "mine" })).status).toBe(404);
  const again = await change(person, made.id, { text: "again" });
  expect(again.body.failure).toBeNull();
  await chat.db.write(
    (tx) => tx.run`UPDATE chat.scheduled SET begun_at = now() WHERE id = ${made.id}`,
  );
  expect((await change(person, made.id, { text: "late" })).body.code).toBe("request.conflict");
  await sendDue(made.id);
  expect(await sentAs(made.client_msg_id)).toEqual([{ body: { text: "again" }, by_program: true }]);
  const { body: other } = await later(person);
  const until = new Date(Date.now() + 60_000).toISOString();
  await chat.chat(chat.admin, "PUT", `/admin/bans/${person.id}`, { until });
  expect((await change(person, other.id, { text: "x" })).body.code).toBe("chat.banned");
});

test("files wait with their message and are not lost or left", async () => {
  type Offer = { upload_id: string; url: string };
  const upload = async () => {
    const { body } = await chat.chat<Offer>(chat.ada, "POST", "/uploads", { kind: "file" });
    const url = body.url.replace(/^http:\/\/[^/]+/, chat.url);
    const headers = { "content-type": "text/plain" };
    expect((await fetch(url, { method: "PUT", body: "words", headers })).status).toBe(200);
    return body.upload_id;
  };
  const usesOf = async (id: string) =>
    (await chat.db.one<{ uses: number }>`SELECT uses FROM chat.files WHERE upload_id = ${id}`)
      ?.uses;
  const [first, second] = [await upload(), await upload()];
  const having = (upload_id: string) => ({ body: { attachments: [{ upload_id, kind: "file" }] } });
  const sent = await later(chat.ada, having(first));
  const off = await later(chat.ada, having(second));
  expect((await later(chat.ada, having(second))).body.code).toBe("uploads.incomplete");
  expect((await later(chat.ada, having("77"))).body.code).toBe("uploads.not_found");
  await sendDue(sent.body.id);
  const file = { upload_id: first, kind: "file", type: "text/plain", bytes: 5 };
  const body = { text: "", attachments: [file] };
  expect(await sentAs(sent.body.client_msg_id)).toEqual([{ body, by_program: true }]);
  expect(await usesOf(first)).toBe(1);
  await chat.chat(chat.ada, "DELETE", `/scheduled/${off.body.id}`);
  expect(await usesOf(second)).toBeUndefined();
});

test("so many wait, within a year, by members", async () => {
  const person = await chat.person("Eager");
  const id = await chat.group(person);
  const replies = await Promise.all(
    Array.from({ length: scheduledMax + 5 }, () => later(person, { conversation_id: id })),
  );
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(scheduledMax);
  expect(replies.find(({ status }) => status !== 201)?.body.code).toBe("chat.limit");
  for (const send_at of [new Date(0).toISOString(), "2999-01-01T00:00:00Z"]) {
    expect((await later(chat.ada, { send_at })).status).toBe(400);
  }
  expect((await later(chat.ada, { body: { text: " " } })).status).toBe(400);
  expect((await later(chat.admin)).status).toBe(404);
  expect((await later(left)).body.code).toBe("chat.removed");
  const ban = { until: new Date(Date.now() + 60_000).toISOString() };
  await chat.chat(chat.admin, "PUT", `/admin/bans/${person.id}`, ban);
  expect((await later(person, { conversation_id: id })).body.code).toBe("chat.banned");
  const at = "/api/v1/chat/scheduled";
  const body = { conversation_id: group, client_msg_id: newClientId(), send_at: soon() };
  const call = (method: string, rest: string, as: string | null, given?: object) =>
    chat.call(method, at + rest, { as, ...(given && { body: given }) });
  for (const [method, rest, given] of [
    ...([
      ["POST", "", { ...body, body: {} }],
      ["GET", ""],
      ["PATCH", "/1", { text: "x" }],
      ["DELETE", "/1"],
    ] as const),
  ]) {
    expect((await call(method, rest, null, given)).status).toBe(401);
    const weak = method === "GET" ? chat.createOnlyKey : chat.readOnlyKey;
    expect((await call(method, rest, weak, given)).status).toBe(403);
  }
  expect((await chat.chat(chat.ada, "DELETE", "/scheduled/x")).status).toBe(400);
}, 30_000);

test("a draft is the same on all devices of its person, and nobody else's", async () => {
  const draft = (as: Person, text: string) =>
    chat.chat(as, "PUT", `/conversations/${group}/draft`, { text });
  const before = await chat.selfRev(chat.bob);
  expect((await draft(chat.bob, "I wanted to")).status).toBe(204);
  expect((await draft(chat.bob, "I wanted to")).status).toBe(204);
  expect((await chat.listed(chat.bob, group)).own.draft).toEqual({
    ...{ text: "I wanted to", updated_at: expect.any(String) },
  });
  expect((await chat.listed(chat.ada, group)).own.draft).toBeNull();
  expect(await chat.selfRev(chat.bob)).toBe(before + 1);
  await draft(chat.bob, "I wanted to say");
  await draft(chat.bob, "");
  expect((await chat.listed(chat.bob, group)).own.draft).toBeNull();
  expect(await chat.selfRev(chat.bob)).toBe(before + 3);
  await tryRefusals(chat, group, left, [
    { method: "PUT", rest: "/draft", body: { text: "x" }, bad: { body: {} } },
  ]);
});
