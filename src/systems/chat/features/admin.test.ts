import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";
import { type Features, newClientId, openFeatures } from "./features.fixture.ts";

/** What administrators do with one person's data, and with conversations from elsewhere. */
let chat: Features;
beforeAll(async () => {
  chat = await openFeatures();
}, 60_000);
afterAll(() => chat.stop(), 60_000);

async function exported(id: string) {
  const url = `${chat.url}/api/v1/chat/admin/people/${id}/export`;
  const headers = { authorization: `Bearer ${chat.admin.key}` };
  const reply = await fetch(url, { headers });
  const lines = (await reply.text()).trim().split("\n");
  return {
    type: reply.headers.get("content-type"),
    lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
const audited = async (action: string, target: string) => {
  const rows = await chat.db.all`
    SELECT FROM accounts.audit WHERE action = ${action} AND target = ${target}`;
  return rows.length;
};

/** Somebody who did all there is to do, and what they did it to. */
async function activePerson(name: string) {
  const person = await chat.person(name);
  const id = await chat.group(chat.ada, [person, chat.bob]);
  const said = await chat.say(person, id, `I am ${name}`);
  const poll = { question: "Which?", options: ["a", "b"], several: false };
  const asked = await chat.say(chat.ada, id, { text: "", poll });
  const path = (seq: number) => `/conversations/${id}/messages/${seq}`;
  await chat.chat(person, "PUT", `${path(asked.seq)}/reactions/👍`);
  await chat.chat(chat.bob, "PUT", `${path(asked.seq)}/reactions/👍`);
  await chat.chat(person, "PUT", `${path(asked.seq)}/votes`, { options: [1] });
  await chat.chat(person, "PUT", `/conversations/${id}/draft`, { text: "and" });
  await chat.chat(chat.bob, "POST", `${path(said.seq)}/report`, { reason: "spam" });
  const scheduled = await chat.chat<{ id: string }>(person, "POST", "/scheduled", {
    ...{ conversation_id: id, client_msg_id: newClientId(), body: { text: "later" } },
    send_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  expect(scheduled.status).toBe(201);
  return { person, id, said, asked };
}

test("all that chat has of somebody is handed out, also of where they were", async () => {
  const { person, id, said, asked } = await activePerson("Dora");
  const left = await chat.group(chat.ada, [person]);
  const old = await chat.say(person, left, "before I left");
  await chat.chat(person, "POST", `/conversations/${left}/leave`);
  const { type, lines } = await exported(person.id);
  expect(type).toBe("application/x-ndjson");
  const of = (what: string) => lines.filter((line) => line["type"] === what);
  expect(of("person")).toMatchObject([{ account_id: person.id, name: "Dora" }]);
  const memberships = of("membership").map((line) => line["conversation_id"]);
  expect(memberships.toSorted()).toEqual([id, left].toSorted());
  const messages = of("message").map((line) => line["id"]);
  expect(messages).toEqual(expect.arrayContaining([said.id, old.id]));
  expect(messages).not.toContain(asked.id);
  expect(of("reaction")).toMatchObject([{ conversation_id: id, emoji: "👍" }]);
  expect(of("vote")).toMatchObject([{ conversation_id: id, option: 1 }]);
  expect(of("scheduled")).toMatchObject([{ body: { text: "later" } }]);
  expect(await audited("chat.person_exported", person.id)).toBe(1);
});

test("a long history is handed out whole", async () => {
  const person = await chat.person("Long");
  const id = await chat.group(person);
  await chat.db.write(
    (tx) => tx.run`
      INSERT INTO chat.messages (conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id,
        body)
      SELECT ${id}, n, n, n + 10, n + 10, ${person.id}, 'long-' || n, '{"text":"x"}'
      FROM generate_series(2, 1202) AS n`,
  );
  const { lines } = await exported(person.id);
  expect(lines.filter((line) => line["type"] === "message")).toHaveLength(1_202);
});

test("erasing takes all of it away, and leaves the places", async () => {
  const { person, id, said, asked } = await activePerson("Erwin");
  const gone = await chat.group(person, [chat.bob]);
  const inGone = await chat.say(person, gone, "in what was deleted");
  await chat.chat(person, "DELETE", `/conversations/${gone}`);
  const path = `/admin/people/${person.id}/erase`;
  expect((await chat.chat(chat.admin, "POST", path)).status).toBe(202);
  await chat.settle();
  const [mine, theirs] = [
    await chat.message(chat.ada, id, said.seq),
    await chat.message(chat.ada, id, asked.seq),
  ];
  expect(mine).toMatchObject({ body: null, deleted_at: expect.any(String) });
  expect(theirs.extra).toEqual({
    reactions: [{ emoji: "👍", count: 1, by: [chat.bob.id] }],
    votes: [
      { count: 0, by: [] },
      { count: 0, by: [] },
    ],
  });
  const members = await chat.members(chat.ada, id);
  expect(members.map((member) => member.account_id)).not.toContain(person.id);
  const { lines } = await exported(person.id);
  expect(lines.map((line) => line["type"]).toSorted()).toEqual(
    // Lines that Stoa wrote of them stay, as does where they were.
    ["membership", "membership", "message", "message", "person"],
  );
  expect(lines[0]).toMatchObject({ name: "deleted account" });
  const rest = await chat.db.all`
    SELECT body FROM chat.messages
    WHERE sender_id = ${person.id} AND body IS NOT NULL AND body -> 'note' IS NULL
    UNION ALL SELECT body FROM chat.reports WHERE sender_id = ${person.id} AND body IS NOT NULL
    UNION ALL SELECT draft FROM chat.members
      WHERE account_id = ${person.id} AND draft IS NOT NULL`;
  expect(rest).toEqual([]);
  expect(inGone.body).not.toBeNull();
  expect(await audited("chat.person_erased", person.id)).toBe(1);
  const before = await chat.message(chat.ada, id, said.seq);
  await chat.chat(chat.admin, "POST", path);
  await chat.settle();
  expect(await chat.message(chat.ada, id, said.seq)).toEqual(before);
});

test("whose account is deleted sends nothing later", async () => {
  const { person } = await activePerson("Wanda");
  const gone = { id: person.id, transfer_to: null };
  await chat.db.write((tx) => chat.running.operations.deleteAccount(tx, gone));
  await chat.settle();
  const rows = await chat.db.all`SELECT FROM chat.scheduled WHERE account_id = ${person.id}`;
  expect(rows).toEqual([]);
});

type Done = { conversations: { ref: string; id: string; added: number; known: number }[] };
const bring = (conversations: object[], as = chat.admin) =>
  chat.chat<Done>(as, "POST", "/import", { conversations });

const imported = (ref: string, members: Person[], texts: string[], more: object = {}) => ({
  ...{ ref, kind: "group", title: "Old friends", created_at: "2019-01-01T00:00:00.000Z" },
  members: members.map(({ id }, n) => ({ account_id: id, role: n === 0 ? "owner" : "member" })),
  messages: texts.map((text, n) => ({
    ...{ client_msg_id: `old-message-${n}`, sender_id: members[n % members.length]?.id, text },
    sent_at: new Date(Date.UTC(2020, 0, 1, n)).toISOString(),
    ...(n > 0 && { reply_to: `old-message-${n - 1}` }),
  })),
  ...more,
});

test("an import keeps times and order, is read and found, and is one however often", async () => {
  const texts = Array.from({ length: 700 }, (_, n) => `albatross ${n}`);
  const given = imported("from/1", [chat.ada, chat.bob], texts);
  const half = { ...given, messages: given.messages.slice(0, 300) };
  const first = await bring([half]);
  expect(first).toMatchObject({ status: 200, body: { conversations: [{ added: 300, known: 0 }] } });
  const id = first.body.conversations[0]?.id as string;
  const second = await bring([given]);
  expect(second.body.conversations).toEqual([{ ref: "from/1", id, added: 400, known: 300 }]);
  expect((await bring([given])).body.conversations).toMatchObject([{ id, added: 0, known: 700 }]);

  const path = `/conversations/${id}/messages?after=0&limit=200`;
  const page = await chat.chat<{ items: Message[] }>(chat.bob, "GET", path);
  expect(page.body.items.map((message) => message.body?.text)).toEqual(texts.slice(0, 200));
  expect(page.body.items[5]).toMatchObject({
    ...{ seq: 6, sender_id: chat.bob.id, created_at: "2020-01-01T05:00:00.000Z", reply_to_seq: 5 },
  });
  const { conversation, own } = await chat.listed(chat.ada, id);
  expect(conversation).toMatchObject({
    ...{ title: "Old friends", top_seq: 700, created_at: "2019-01-01T00:00:00.000Z" },
    last_message_at: given.messages[699]?.sent_at,
  });
  expect(own).toMatchObject({ role: "owner", unread: 0 });
  expect((await chat.listed(chat.bob, id)).own.unread).toBe(0);
  await chat.settle();
  const found = await chat.chat<{ items: object[] }>(chat.bob, "GET", "/search?q=albatross+699");
  expect(found.body.items).toHaveLength(1);
  expect(await audited("chat.imported", id)).toBe(3);

  await chat.say(chat.ada, id, "and now");
  const carl = await chat.person("Carl");
  const more = imported("from/1", [chat.ada, chat.bob, carl], [...texts, "one more"]);
  expect((await bring([{ ...more, messages: given.messages }])).status).toBe(200);
  expect((await chat.members(chat.ada, id)).map((one) => one.account_id)).toContain(carl.id);
  expect((await chat.listed(chat.bob, id)).own.unread).toBe(1);
}, 30_000);

test("what two people said comes into the one conversation that they have", async () => {
  const [one, other] = [await chat.person("One"), await chat.person("Other")];
  const id = await chat.direct(one, other);
  await chat.say(one, id, "here already");
  const given = imported("from/2", [one, other], ["hello"], { kind: "direct" });
  expect((await bring([given])).body.conversations).toMatchObject([{ id, added: 1 }]);
  const { conversation, own } = await chat.listed(other, id);
  expect(conversation).toMatchObject({ top_seq: 2, title: "" });
  expect(Date.parse(conversation.last_message_at ?? "")).toBeGreaterThan(Date.UTC(2021, 0));
  // What was not read stays so; what they had read all of stays read.
  expect(own.unread).toBe(2);
  expect((await chat.listed(one, id)).own.unread).toBe(0);
  const group = imported("from/2", [one, other], []);
  expect(await bring([group])).toMatchObject({ status: 409, body: { code: "request.conflict" } });
});

test("an import that cannot be is refused", async () => {
  const nobody = { id: "77", email: "", key: "" };
  expect((await bring([imported("x", [chat.ada, nobody], [])])).body.code).toBe(
    "chat.person_unknown",
  );
  for (const wrong of [
    ...[{ title: "" }, { members: [] }, { members: [{ account_id: chat.ada.id }] }],
    ...[{ kind: "direct" }, { messages: [{ client_msg_id: "12345678" }] }],
    { messages: imported("x", [chat.bob], ["a stranger's"]).messages },
  ]) {
    expect((await bring([imported("y", [chat.ada], [], wrong)])).status).toBe(400);
  }
  expect(await chat.db.all`SELECT FROM chat.imports WHERE ref IN ('x', 'y')`).toEqual([]);
});

test("all of it is for administrators", async () => {
  const people = `/api/v1/chat/admin/people/${chat.ada.id}`;
  const body = { conversations: [imported("z", [chat.ada], [])] };
  const routes: [string, string, object?][] = [
    ...([
      ["GET", `${people}/export`],
      ["POST", `${people}/erase`],
    ] as [string, string][]),
    ["POST", "/api/v1/chat/import", body],
  ];
  for (const [method, path, sent] of routes) {
    const call = (as: Person | null, at = path) =>
      chat.call(method, at, { as, ...(sent && { body: sent }) });
    expect((await call(chat.ada)).body).toMatchObject({ code: "auth.forbidden" });
    expect((await call(null)).status).toBe(401);
    if (sent) continue;
    expect((await call(chat.admin, path.replace(chat.ada.id, "x"))).status).toBe(400);
    expect((await call(chat.admin, path.replace(chat.ada.id, "7"))).status).toBe(404);
  }
});
