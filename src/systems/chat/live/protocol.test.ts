import { afterAll, beforeAll, expect, test } from "bun:test";
import { password, startWorld, type World } from "../../../../test/world.ts";
import { closeCodes } from "../protocol.ts";
import { badFramesMax, frameCharactersMax, refusedFramesMax } from "./bounds.ts";
import { clientOf, message, openGroup, signIn, until } from "./client.fixture.ts";

/** The protocol from end to end: the whole program, real sockets, a real database. */
let world: World;
let group: string;
beforeAll(async () => {
  world = await startWorld();
  group = await openGroup(world, world.ada, [world.bob]);
});
afterAll(() => world.stop());

test("hello, the list of all conversations, ready, and a message to somebody", async () => {
  const ada = await signIn(world, world.ada);
  const bob = await signIn(world, world.bob);
  const [welcome] = ada.all("welcome");
  expect(welcome).toMatchObject({ v: 1, account_id: world.ada.id, heartbeat_ms: 10_000 });
  const listed = ada.all("listed").flatMap(({ items }) => items);
  expect(listed.map(({ conversation }) => conversation.id)).toContain(group);

  const sent = message(group, "hello");
  ada.send(sent);
  const ack = await ada.next("ack");
  expect(ack).toMatchObject({ conversation_id: group, client_msg_id: sent.client_msg_id });
  const heard = await bob.next("message", ({ message: { id } }) => id === ack.server_msg_id);
  const told = { seq: ack.seq, body: { text: "hello" } };
  expect(heard).toMatchObject({ rev: ack.rev, message: told });
  await ada.next("message", ({ message: { id } }) => id === ack.server_msg_id);

  ada.send(sent);
  await until(() => ada.all("ack").length === 2, "the second ack");
  expect(ada.all("ack")[1]).toEqual(ack);
  await Promise.all([ada.close(), bob.close()]);
});

test("several frames share a message, and are answered each", async () => {
  const ada = await signIn(world, world.ada);
  const frames = [message(group, "one"), message(group, "two")].map((one) => JSON.stringify(one));
  ada.raw(frames.join("\n"));
  await until(() => ada.all("ack").length === 2 && ada.all("message").length === 2, "both");
  ada.send({ type: "ping" });
  const beat = await ada.next("beat");
  const [first, second] = ada.all("ack");
  expect(second?.seq).toBe((first?.seq as number) + 1);
  expect(beat.tops.map(([id]) => id)).toContain(group);
  await ada.close();
});

test("a ticket opens one connection, once, and is none of a token", async () => {
  const { status, body } = await world.call("POST", "/api/v1/chat/tickets");
  expect(status).toBe(201);
  const { ticket } = body as { ticket: string };
  const ada = await signIn(world, world.ada, { token: undefined, ticket });
  await ada.close();
  const rows = await world.db.all`SELECT * FROM chat.tickets`;
  expect(rows).toEqual([]);
  const again = await clientOf(world.url);
  again.send({ type: "hello", v: 1, ticket, device_id: "device-one" });
  expect(await again.next("error")).toMatchObject({ code: "auth.invalid_token", field: "ticket" });
  expect(await again.waitClosed()).toBe(closeCodes.not_signed_in);
});

test("tickets are limited, and for whoever may read", async () => {
  const nobody = await world.call("POST", "/api/v1/chat/tickets", { as: null });
  expect(nobody.status).toBe(401);
  const creator = await world.call("POST", "/api/v1/chat/tickets", { as: world.createOnlyKey });
  expect(creator.status).toBe(403);
  const last = await until(async () => {
    const answer = await world.call("POST", "/api/v1/chat/tickets", { as: world.bob });
    return answer.status === 429 && answer;
  }, "a refusal");
  expect(last.headers.get("retry-after")).not.toBeNull();
});

test("who says no hello, or a wrong one, is told and let go", async () => {
  const early = await clientOf(world.url);
  early.send(message(group, "too early"));
  expect(await early.next("error")).toMatchObject({ code: "auth.required" });
  expect(early.closed()).toBeNull();
  await early.close();
  const wrong = [
    [{ token: "stoa_wrong" }, "auth.invalid_token"],
    [{ token: "two words" }, "auth.invalid_token"],
    [{ ticket: "unknown" }, "auth.invalid_token"],
    [{}, "auth.required"],
    [{ token: world.createOnlyKey }, "auth.scope_missing"],
  ] as const;
  for (const [hello, code] of wrong) {
    const client = await clientOf(world.url);
    client.send({ type: "hello", v: 1, device_id: "device-one", ...hello });
    expect(await client.next("error")).toMatchObject({ code });
    expect(await client.waitClosed()).toBe(closeCodes.not_signed_in);
  }
});

test("a wrong frame is answered by an error that names the field", async () => {
  const ada = await signIn(world, world.ada);
  const tell = async (frame: string | object, expected: object) => {
    ada.forget();
    ada.raw(typeof frame === "string" ? frame : JSON.stringify(frame));
    expect(await ada.next("error")).toMatchObject(expected);
  };
  await tell("{", { code: "request.malformed_json" });
  await tell("[]", { code: "request.invalid" });
  await tell('{"type":"message\\u0000"}', { code: "request.invalid", field: "type" });
  await tell({ type: "unknown" }, { code: "request.invalid", field: "type" });
  await tell({ type: "hello", v: 1, device_id: "device-one" }, { code: "request.invalid" });
  const sent = { ...message(group, "x"), body: { text: 7 } };
  await tell(sent, { code: "request.invalid", field: "body.text", ref: sent.client_msg_id });
  await tell(message(group, "x".repeat(9_000)), { code: "request.invalid", field: "body.text" });
  await tell("x".repeat(frameCharactersMax + 1), { code: "request.too_large" });
  const strange = message("7", "x");
  await tell(strange, { code: "chat.not_found", ref: strange.client_msg_id });
  await tell({ type: "typing", conversation_id: "7", on: true }, { code: "chat.not_found" });
  await tell({ type: "watch", conversation_id: "7", on: true }, { code: "chat.not_found" });
  await tell({ type: "presence", watch: ["x"] }, { code: "request.invalid", field: "watch[0]" });
  expect(ada.closed()).toBeNull();
  await ada.close();
});

test("a key that only reads hears, and sends nothing", async () => {
  const reader = await signIn(world, { ...world.ada, key: world.readOnlyKey });
  reader.send(message(group, "x"));
  expect(await reader.next("error")).toMatchObject({ code: "auth.scope_missing" });
  const bob = await signIn(world, world.bob);
  bob.send(message(group, "for the reader"));
  await reader.next("message", ({ message: { body } }) => body?.text === "for the reader");
  await Promise.all([reader.close(), bob.close()]);
});

test("who does not stop sending nonsense, or far too much, is closed with a code", async () => {
  const wild = await signIn(world, world.ada);
  for (let n = 0; n <= badFramesMax; n++) wild.raw("nonsense");
  expect(await wild.waitClosed()).toBe(closeCodes.bad_frames);
  const loud = await signIn(world, world.ada);
  for (let n = 0; n <= refusedFramesMax + 400; n++) loud.raw('{"type":"ping"}');
  expect(await loud.waitClosed()).toBe(closeCodes.too_many_frames);
  expect(loud.all("error")[0]).toMatchObject({ code: "request.rate_limited" });
  expect(loud.all("error")[0]?.retry_after_ms).toBeGreaterThan(0);
});

test("signing out ends the connection at once", async () => {
  const { email, id } = world.ada;
  const signedIn = await world.call("POST", "/api/v1/sessions", {
    as: null,
    body: { email, password },
  });
  const { access_token: key } = signedIn.body as { access_token: string };
  const ada = await signIn(world, { id, email, key });
  const out = await world.call("DELETE", "/api/v1/sessions/current", { as: key });
  expect(out.status).toBe(204);
  expect(await ada.waitClosed()).toBe(closeCodes.signed_out);
});

test("typing is told to the others, and not by or to strangers", async () => {
  const [ada, bob] = [await signIn(world, world.ada), await signIn(world, world.bob)];
  const admin = await signIn(world, world.admin);
  ada.send({ type: "typing", conversation_id: group, on: true });
  expect(await bob.next("typing")).toMatchObject({ account_id: world.ada.id, on: true });
  admin.send({ type: "typing", conversation_id: group, on: true });
  await admin.next("error", ({ code }) => code === "chat.not_found");
  expect(admin.all("typing")).toEqual([]);
  await Promise.all([ada.close(), bob.close(), admin.close()]);
});
