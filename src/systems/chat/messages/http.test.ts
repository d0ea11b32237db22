import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CallOptions, type Person, startWorld, type World } from "../../../../test/world.ts";
import type { ServerFrame } from "../protocol.ts";
import type { Listed, Message, Receipts } from "../shapes.ts";

/** The routes of messages, through the whole program. */
let world: World;
let group: string;
let direct: string;
beforeAll(async () => {
  world = await startWorld();
  const made = async (body: object) => {
    const reply = await world.call("POST", "/api/v1/chat/conversations", { body });
    expect(reply.status).toBe(201);
    return (reply.body as { id: string }).id;
  };
  direct = await made({ kind: "direct", account_id: world.bob.id });
  group = await made({ kind: "group", title: "Plans", account_ids: [world.bob.id] });
}, 60_000);
afterAll(() => world.stop(), 60_000);

const path = (id: string, rest: string) => `/api/v1/chat/conversations/${id}/${rest}`;

async function call<T>(method: string, at: string, options: CallOptions = {}) {
  const { status, body } = await world.call(method, at, options);
  return { status, body: body as T };
}

let sent = 0;
const messageOf = (text: string) => ({ client_msg_id: `over-rest-${++sent}`, body: { text } });

const send = (id: string, text: string, as: Person | string = world.ada) =>
  call<{ seq: number; code: string }>("POST", path(id, "messages"), { as, body: messageOf(text) });

test("a message is sent, listed, read and marked, and the other sees how far it got", async () => {
  const body = messageOf("Where shall we meet?");
  const first = await call<{ seq: number; server_msg_id: string }>(
    "POST",
    path(direct, "messages"),
    { body },
  );
  expect(first).toMatchObject({ status: 201, body: { type: "ack", rev: expect.any(Number) } });
  expect(await call("POST", path(direct, "messages"), { body })).toEqual(first as never);
  const { seq } = first.body;

  const one = await call<Message>("GET", path(direct, `messages/${seq}`), { as: world.bob });
  expect(one.body).toMatchObject({
    ...{ seq, id: first.body.server_msg_id, sender_id: world.ada.id, by_program: true },
    body: { text: "Where shall we meet?" },
  });
  const page = await call<{ items: Message[] }>("GET", path(direct, "messages?limit=5"));
  expect(page.body.items.at(-1)).toEqual(one.body);

  const listOf = async (as: Person) => {
    const list = await call<{ items: Listed[] }>("GET", "/api/v1/chat/conversations", { as });
    return list.body.items.find((item) => item.conversation.id === direct);
  };
  expect(await listOf(world.bob)).toMatchObject({
    own: { unread: seq },
    peer: { account_id: world.ada.id },
    last_message: one.body,
  });
  const far = { read_seq: seq };
  const marked = await call("POST", path(direct, "receipts"), { as: world.bob, body: far });
  expect(marked.status).toBe(204);
  expect(await listOf(world.bob)).toMatchObject({ own: { unread: 0 } });
  const receipts = await call<Receipts>("GET", path(direct, "receipts"));
  expect(receipts.body).toMatchObject({ levels: [{ seq, delivered: 1, read: 1 }] });
  const had = await call("GET", path(direct, `messages/${seq}/receipts`));
  expect(had.body).toEqual({
    items: [{ account_id: world.bob.id, delivered: true, read: true }],
    next_cursor: null,
  } as never);
  const changes = await call<{ frames: ServerFrame[]; rev: number; more: boolean }>(
    "GET",
    path(direct, "changes?since=0"),
  );
  expect(changes.body.more).toBe(false);
  expect(changes.body.frames.map((frame) => frame.type)).toContain("message");
});

test("the list goes on where a page ended", async () => {
  const first = await call<{ items: Listed[]; next_cursor: string }>(
    "GET",
    "/api/v1/chat/conversations?limit=1",
  );
  const cursor = encodeURIComponent(first.body.next_cursor);
  const second = await call<{ items: Listed[]; next_cursor: null }>(
    "GET",
    `/api/v1/chat/conversations?limit=1&cursor=${cursor}`,
  );
  const ids = [first, second].map((page) => page.body.items[0]?.conversation.id);
  expect(ids.toSorted()).toEqual([group, direct].toSorted());
  expect(second.body.next_cursor).toBeNull();
});

test("what may not be sent says why", async () => {
  const chat = (method: string, rest: string, body: object, as: Person = world.ada) =>
    call("PUT" === method ? "PUT" : method, `/api/v1/chat/${rest}`, { as, body });
  expect((await send(group, "   ")).body).toMatchObject({ code: "request.invalid" });
  await chat("POST", `conversations/${group}/filters`, { text: "darn", action: "refuse" });
  expect((await send(group, "darn it", world.bob)).body.code).toBe("chat.word_refused");

  await chat("PATCH", `conversations/${group}`, { slow_mode_seconds: 600 });
  expect((await send(group, "one", world.bob)).status).toBe(201);
  expect(await send(group, "two", world.bob)).toMatchObject({
    ...{ status: 429, body: { code: "chat.slow_mode" } },
  });
  await chat("PATCH", `conversations/${group}`, { slow_mode_seconds: 0, send_by: "admins" });
  expect((await send(group, "three", world.bob)).body.code).toBe("chat.role_needed");

  await call("PUT", `/api/v1/chat/blocks/${world.ada.id}`, { as: world.bob });
  expect((await send(direct, "hello?")).body.code).toBe("chat.person_refuses");
  await call("DELETE", `/api/v1/chat/blocks/${world.ada.id}`, { as: world.bob });

  const ban = { until: new Date(Date.now() + 60_000).toISOString(), reason: "spam" };
  const banned = await call("PUT", `/api/v1/chat/admin/bans/${world.bob.id}`, {
    as: world.admin,
    body: ban,
  });
  expect(banned.status).toBeLessThan(300);
  expect((await send(direct, "still here", world.bob)).body.code).toBe("chat.banned");
  await call("DELETE", `/api/v1/chat/admin/bans/${world.bob.id}`, { as: world.admin });
});

const seqs = (items: Message[]) => items.map((message) => message.seq);

test("one who left reads what was, and nothing of what is", async () => {
  await call("POST", path(group, "leave"), { as: world.bob });
  expect((await send(group, "unseen")).status).toBe(201);
  const page = await call<{ items: Message[] }>("GET", path(group, "messages"), { as: world.bob });
  const mine = await call<{ items: Message[] }>("GET", path(group, "messages"));
  expect(Math.max(...seqs(page.body.items))).toBeLessThan(Math.max(...seqs(mine.body.items)));
  for (const rest of ["changes?since=0", "receipts", "messages/1/receipts"]) {
    expect(await call("GET", path(group, rest), { as: world.bob })).toMatchObject({
      ...{ status: 403, body: { code: "chat.removed" } },
    });
  }
  expect((await send(group, "hello", world.bob)).body.code).toBe("chat.removed");
});

type Route = [method: string, rest: string, bad: string, body?: object];

/** Of each route: how it is called, and how wrongly. */
const routes: Route[] = [
  ["POST", "messages", "messages", { client_msg_id: "12345678", body: { text: "x" } }],
  ["GET", "messages", "messages?before=1&after=2"],
  ["GET", "messages", "messages?thread=1&before=2"],
  ["GET", "messages/1", "messages/x"],
  ["GET", "changes?since=0", "changes"],
  ["POST", "receipts", "receipts", { read_seq: 1 }],
  ["GET", "messages/1/receipts", "messages/1/receipts?limit=0"],
];

test("strangers learn nothing; wrong input and missing scopes are refused", async () => {
  for (const [method, rest, bad, body] of routes) {
    const as = world.admin;
    const stranger = await call(method, path(group, rest), { as, body });
    expect(stranger).toMatchObject({ status: 404, body: { code: "chat.not_found" } });
    const unknown = await call(method, path("7", rest), { as, body });
    expect(unknown).toMatchObject({ status: 404, body: { code: "chat.not_found" } });
    const wrong = await call(method, path(group, bad), { ...(body && { body: {} }) });
    expect([rest, wrong.status]).toEqual([rest, 400]);
    expect((await call(method, path(group, rest), { as: null, body })).status).toBe(401);
    const key = method === "GET" ? world.createOnlyKey : world.readOnlyKey;
    expect((await call(method, path(group, rest), { as: key, body })).status).toBe(403);
  }
  expect((await call("GET", path("7", "receipts"))).status).toBe(404);
  expect((await call("GET", path("x", "receipts"))).status).toBe(400);
  expect((await call("GET", path(group, "receipts"), { as: null })).status).toBe(401);
  const list = "/api/v1/chat/conversations";
  expect((await call("GET", `${list}?cursor=bad`)).status).toBe(400);
  expect((await call("GET", list, { as: null })).status).toBe(401);
  expect((await call("GET", list, { as: world.createOnlyKey })).status).toBe(403);
});

test("one who joined late is led through no pages of what came before", async () => {
  const made = { kind: "group", title: "Long before", account_ids: [] };
  const opened = await call<{ id: string }>("POST", "/api/v1/chat/conversations", { body: made });
  const { id } = opened.body;
  for (let n = 0; n < 6; n++) await send(id, `before ${n}`);
  const joined = await call("POST", path(id, "members"), { body: { account_ids: [world.bob.id] } });
  expect(joined.status).toBeLessThan(300);
  expect((await send(id, "after")).status).toBe(201);
  const first = async (as: Person) => {
    const at = path(id, "changes?since=0&limit=2");
    const { body } = await call<{ frames: ServerFrame[] }>("GET", at, { as });
    return body.frames.flatMap((frame) => (frame.type === "message" ? frame.message.body : []));
  };
  expect(await first(world.ada)).toContainEqual({ text: "before 0" });
  expect(await first(world.bob)).toContainEqual({ text: "after" });
});
