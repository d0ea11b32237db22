import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Ack } from "../ports.ts";
import type { Message } from "../shapes.ts";
import type { ToSend } from "./send.ts";
import { type ChatWorld, newId, principal, type Process, startChat } from "./messages.fixture.ts";

/** What sending promises, on a real database, by two processes at once. */
let chat: ChatWorld;
let here: Process;
let there: Process;
beforeAll(async () => {
  chat = await startChat();
  [here, there] = [await chat.process(), await chat.process()];
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const people = (count: number) => Array.from({ length: count }, newId);

let sent = 0;
function text(conversation_id: string, given: Partial<ToSend> = {}): ToSend {
  const client_msg_id = `client-${++sent}`;
  return { conversation_id, client_msg_id, body: { text: `message ${sent}` }, ...given };
}

const send = (from: string, message: ToSend, by = here): Promise<Ack> =>
  by.messages.sending.send(principal(from), message);

const rows = (id: string) => chat.db.all<{ seq: string; rev: string; client_msg_id: string }>`
  SELECT seq, rev, client_msg_id FROM chat.messages WHERE conversation_id = ${id} ORDER BY seq`;

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

const inOrder = (seqs: number[]) => seqs.toSorted((a, b) => a - b);

async function code(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "sent",
    (error: { code?: string; fields?: { field: string }[] }) =>
      [error.code, ...(error.fields ?? []).map((field) => field.field)].join(" "),
  );
}

test("200 senders in two processes: dense numbers, and one order for everybody", async () => {
  const members = people(200);
  const id = await chat.conversation({ members });
  const rounds = 3;
  const acks = await Promise.all(
    members.map(async (from, i) => {
      const mine: Ack[] = [];
      for (let n = 0; n < rounds; n++) mine.push(await send(from, text(id), i % 2 ? here : there));
      return mine;
    }),
  );
  for (const mine of acks) expect(mine.map((a) => a.seq)).toEqual(inOrder(mine.map((a) => a.seq)));
  const count = members.length * rounds;
  const stored = await rows(id);
  expect(stored.map((row) => Number(row.seq))).toEqual(upTo(count));
  expect(stored.map((row) => Number(row.rev))).toEqual(upTo(count));
  const bySeq = new Map(stored.map((row) => [Number(row.seq), row.client_msg_id]));
  for (const ack of acks.flat()) expect(bySeq.get(ack.seq)).toBe(ack.client_msg_id);
  // What was told live is what is stored, each exactly once, in order within a process.
  const told = [here, there].map((process) =>
    process.told.messages.map((c) => c.message).filter((m) => m.conversation_id === id),
  );
  for (const messages of told) {
    const seqs = messages.map((message) => message.seq);
    expect(seqs).toEqual(inOrder(seqs));
  }
  expect(told.flat().length).toBe(count);
  const [top] = await here.messages.listing.tops([id]);
  expect(top).toEqual([id, count, count, expect.any(Number)]);
}, 30_000);

test("200 conversations share transactions and are each in order", async () => {
  const members = people(2);
  const ids = await Promise.all(Array.from({ length: 200 }, () => chat.conversation({ members })));
  await Promise.all(ids.flatMap((id) => upTo(3).map(() => send(members[0] as string, text(id)))));
  for (const id of ids) expect((await rows(id)).map((row) => Number(row.seq))).toEqual([1, 2, 3]);
});

test("a resend has the same acknowledgement for ever, and takes no number", async () => {
  const [ada, bob] = people(2) as [string, string];
  const id = await chat.conversation({ members: [ada, bob] });
  const message = text(id);
  const first = await send(ada, message);
  await send(bob, text(id));
  // Its reply count changes it, which gives it another rev.
  await send(bob, text(id, { thread_seq: 1 }));
  expect(await send(ada, message)).toEqual(first);
  expect(await send(ada, message, there)).toEqual(first);
  // The name is the sender's own.
  expect((await send(bob, message)).seq).toBe(4);
  await chat.db.write(
    (tx) => tx.run`
      UPDATE chat.members SET left_at = now(), until_seq = 4
      WHERE conversation_id = ${id} AND account_id = ${ada}`,
  );
  expect(await send(ada, message)).toEqual(first);
  expect((await rows(id)).length).toBe(4);
});

test("equal messages at once, in one batch and in two processes, are one message", async () => {
  const [ada] = people(1) as [string];
  const id = await chat.conversation({ members: [ada] });
  for (const _ of upTo(5)) {
    const message = text(id);
    const acks = await Promise.all(
      [here, there].flatMap((by) => upTo(20).map(() => send(ada, message, by))),
    );
    expect(new Set(acks.map((ack) => JSON.stringify(ack))).size).toBe(1);
  }
  expect((await rows(id)).map((row) => Number(row.rev))).toEqual(upTo(5));
});

test("what is refused takes no number and refuses nobody else", async () => {
  const [ada, bob, eve, banned, gone] = people(5) as [string, string, string, string, string];
  const id = await chat.conversation({ members: [ada, bob, banned, gone] });
  const led = await chat.conversation({ members: [ada, bob], send_by: "admins" });
  await chat.db.write(async (tx) => {
    await tx.run`
      INSERT INTO chat.people (account_id, banned_until)
      VALUES (${banned}, now() + interval '1 day')`;
    await tx.run`UPDATE chat.members SET left_at = now(), until_seq = 0
      WHERE conversation_id = ${id} AND account_id = ${gone}`;
  });
  const body = (given: Partial<ToSend["body"]>): Partial<ToSend> => ({
    body: { text: "", ...given },
  });
  const outcomes = await Promise.all(
    [
      send(ada, text(id)),
      send(eve, text(id)),
      send(ada, text(newId())),
      send(gone, text(id)),
      send(banned, text(id)),
      send(bob, text(led)),
      send(ada, text(led)),
      send(ada, text(id, body({ text: " \n" }))),
      send(ada, text(id, body({ text: "a\0b" }))),
      send(ada, text(id, body({ text: "half \ud83d" }))),
      send(ada, text(id, body({ text: "darn" }))),
      send(ada, text(id, body({ text: "hello", mentions: [bob, eve] }))),
      send(ada, text(id, body({ attachments: [{ upload_id: "7", kind: "file" }] }))),
      send(ada, text(id, { reply_to_seq: 3 })),
      send(ada, text(id, { thread_seq: 0 })),
      send(bob, text(id, body({ text: "hello", mentions: [ada] }))),
    ].map(code),
  );
  expect(outcomes).toEqual([
    "sent",
    "chat.not_found",
    "chat.not_found",
    "chat.removed",
    "chat.banned",
    "chat.role_needed",
    "sent",
    "request.invalid body.text",
    "request.invalid body.text",
    "request.invalid body.text",
    "chat.word_refused",
    "request.invalid body.mentions",
    "request.invalid",
    "request.invalid reply_to_seq",
    "request.invalid thread_seq",
    "sent",
  ]);
  expect((await rows(id)).map((row) => Number(row.seq))).toEqual([1, 2]);
});

test("slow mode, within a batch too; not for those who lead", async () => {
  const [ada, bob] = people(2) as [string, string];
  const id = await chat.conversation({ members: [ada, bob], slow_mode_seconds: 10 });
  const two = (from: string) => Promise.all([1, 2].map(() => code(send(from, text(id)))));
  expect(await two(ada)).toEqual(["sent", "sent"]);
  expect(await two(bob)).toEqual(["sent", "chat.slow_mode"]);
  chat.clock.advance(9_999);
  expect(await code(send(bob, text(id)))).toBe("chat.slow_mode");
  chat.clock.advance(1);
  expect(await code(send(bob, text(id)))).toBe("sent");
});

test("replies count at the root, as a change of it; threads have no threads", async () => {
  const [ada, bob] = people(2) as [string, string];
  const id = await chat.conversation({ members: [ada, bob] });
  await send(ada, text(id));
  await Promise.all([1, 2, 3].map(() => send(bob, text(id, { thread_seq: 1 }))));
  const told = here.told.messages.map((c) => c.message).filter((m) => m.conversation_id === id);
  expect(told.map((message) => message.rev)).toEqual(upTo(told.length));
  expect(told.at(-1)).toMatchObject({ seq: 1, reply_count: 3, rev: told.length });
  expect(await code(send(bob, text(id, { thread_seq: 2 })))).toBe("request.invalid thread_seq");
  expect(await code(send(bob, text(id, { thread_seq: 5 })))).toBe("request.invalid thread_seq");
});

test("messages disappear when the conversation says so; a sender has read their own", async () => {
  const [ada, bob] = people(2) as [string, string];
  const id = await chat.conversation({ members: [ada, bob], disappear_seconds: 60 });
  await send(bob, text(id));
  const { created_at } = await send(ada, text(id));
  const { message } = here.told.messages.at(-1) as { message: Message };
  expect(Date.parse(message.expires_at as string) - Date.parse(created_at)).toBe(60_000);
  const [mine] = await here.messages.listing.some(ada, [id]);
  expect(mine).toMatchObject({ own: { read_seq: 2, unread: 0 }, last_message: message });
  const [theirs] = await here.messages.listing.some(bob, [id]);
  expect(theirs).toMatchObject({ own: { read_seq: 1, unread: 1 } });
});

test("one conversation whose row is held does not hold up the others", async () => {
  const [ada] = people(1) as [string];
  const [held, free] = [
    await chat.conversation({ members: [ada] }),
    await chat.conversation({ members: [ada] }),
  ];
  const release = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = chat.db.write(async (tx) => {
    await tx.run`UPDATE chat.conversations SET title = 'held' WHERE id = ${held}`;
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  const waiting = Promise.all([1, 2].map(() => send(ada, text(held))));
  const passed = await Promise.all([1, 2].map(() => send(ada, text(free))));
  expect(passed.map((ack) => ack.seq)).toEqual([1, 2]);
  release.resolve();
  await holding;
  expect((await waiting).map((ack) => ack.seq)).toEqual([1, 2]);
});

test("what is stored is acknowledged, though telling the others fails", async () => {
  const [ada, bob] = people(2) as [string, string];
  const id = await chat.conversation({ members: [ada, bob] });
  const third = await chat.process();
  const fail = () => {
    throw new Error("nobody could be told");
  };
  Object.assign(third.told.messages, { push: fail });
  const acks = await Promise.all([ada, bob].map((from) => send(from, text(id), third)));
  expect(inOrder(acks.map((ack) => ack.seq))).toEqual([1, 2]);
  expect((await rows(id)).length).toBe(2);
  // What comes after is stored and told as ever.
  Reflect.deleteProperty(third.told.messages, "push");
  expect((await send(ada, text(id), third)).seq).toBe(3);
  expect(third.told.messages.map(({ message }) => message.seq)).toEqual([3]);
});
