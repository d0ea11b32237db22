import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type Person, type World } from "../test/world.ts";
import { createStoa } from "./client.ts";
import { ForbiddenError, NotFoundError } from "./errors.ts";

/** What programs do in chat by calls alone, against the whole of Stoa. */
let world: World;
let id: string;
beforeAll(async () => {
  world = await startWorld();
  id = await group("Plans");
}, 60_000);
afterAll(() => world.stop(), 30_000);

const as = (person: Person) => createStoa({ baseUrl: world.url, apiKey: person.key }).chat;

async function group(title: string): Promise<string> {
  const body = { kind: "group", title, account_ids: [world.bob.id] };
  const made = await world.call("POST", "/api/v1/chat/conversations", { body });
  return (made.body as { id: string }).id;
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

test("a message is scheduled, listed, changed, sent now, and another called off", async () => {
  const { scheduled } = as(world.ada);
  const body = { text: "Bring nets" };
  const made = await scheduled.create({ conversation_id: id, body, send_at: inAnHour() });
  const other = await scheduled.create({ conversation_id: id, body, send_at: inAnHour() });
  expect((await scheduled.list()).map((one) => one.id)).toEqual([made.id, other.id]);
  expect(await as(world.bob).scheduled.list()).toEqual([]);

  const send_at = new Date(Date.now() + 7_200_000).toISOString();
  const changed = await scheduled.change(made.id, { text: "Bring two nets", send_at });
  expect(changed).toMatchObject({ id: made.id, send_at, body: { text: "Bring two nets" } });
  expect((await scheduled.list()).map((one) => one.id)).toEqual([other.id, made.id]);
  await scheduled.cancel(other.id);
  await expect(scheduled.cancel(other.id)).rejects.toBeInstanceOf(NotFoundError);
  await scheduled.sendNow(made.id);
  await world.settle();
  expect(await scheduled.list()).toEqual([]);
  const { items } = await as(world.bob).messages(id, { limit: 1 });
  expect(items.map((message) => message.body?.text)).toEqual(["Bring two nets"]);
}, 30_000);

test("a program sends, reads and says how far it is, without a connection", async () => {
  const [ada, bob] = [as(world.ada), as(world.bob)];
  const message = { client_msg_id: "of-a-program", body: { text: "42 kg" } };
  const ack = await ada.send(id, message);
  expect(await ada.send(id, message)).toEqual(ack);
  expect((await ada.send(id, { body: { text: "43 kg" } })).seq).toBe(ack.seq + 1);
  expect((await bob.message(id, ack.seq)).body?.text).toBe("42 kg");
  const before = await bob.messages(id, { before: ack.seq + 1, limit: 1 });
  expect(before).toMatchObject({ items: [{ seq: ack.seq }], more_after: true });
  expect((await bob.conversation(id)).own.unread).toBeGreaterThan(0);
  await bob.mark(id, { read_seq: ack.seq + 1 });
  expect((await bob.conversation(id)).own.unread).toBe(0);
  expect((await bob.conversations().take(5)).map((one) => one.conversation.id)).toContain(id);
  const { ticket, expires_at } = await bob.ticket();
  expect(ticket).toBeString();
  expect(Date.parse(expires_at)).toBeGreaterThan(Date.now());
}, 30_000);

test("who runs a conversation keeps words out of it", async () => {
  const ada = as(world.ada);
  const filter = await ada.addFilter(id, { text: "vinegar", action: "mask" });
  expect(await ada.filters(id)).toEqual([filter]);
  const { seq } = await as(world.bob).send(id, { body: { text: "Is it vinegar?" } });
  expect((await ada.message(id, seq)).body?.text).toBe("Is it *******?");
  await expect(as(world.bob).filters(id)).rejects.toBeInstanceOf(ForbiddenError);
  await ada.removeFilter(id, filter.id);
  expect(await ada.filters(id)).toEqual([]);
}, 30_000);

test("administrators bring conversations in, hand out what was said, and erase it", async () => {
  const { admin } = as(world.admin);
  const sent_at = "2020-05-01T10:00:00.000Z";
  const brought = {
    ...({ ref: "old-7", kind: "group", title: "Of old", created_at: sent_at } as const),
    members: [{ account_id: world.bob.id, role: "owner" } as const],
    messages: [{ client_msg_id: "of-old-1", sender_id: world.bob.id, sent_at, text: "Long ago" }],
  };
  const { conversations } = await admin.import([brought]);
  expect(conversations).toMatchObject([{ ref: "old-7", added: 1, known: 0 }]);
  expect((await admin.import([brought])).conversations).toMatchObject([{ added: 0, known: 1 }]);
  const { ref, kind, title, created_at, members } = brought;
  const all = [
    { type: "conversation", ref, kind, title, created_at, members },
    { type: "message", conversation: ref, ...brought.messages[0] },
  ];
  const told = await admin.importLines(all.map((line) => JSON.stringify(line)).join("\n"));
  expect(told).toMatchObject({ lines: 2, failed: 0, added: 0 });
  const lines = await (await admin.export(world.bob.id)).text();
  expect(lines).toContain("Long ago");
  await admin.erase(world.bob.id);
  await world.settle();
  expect(await (await admin.export(world.bob.id)).text()).not.toContain("Long ago");
}, 30_000);
