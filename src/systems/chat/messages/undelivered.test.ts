import { afterAll, beforeAll, expect, test } from "bun:test";
import { messageRead, messageSent, messageUndelivered } from "../contract.ts";
import {
  type ChatWorld,
  type MadeConversation,
  newId,
  principal,
  type Process,
  startChat,
} from "./messages.fixture.ts";

/** What programs are told: of messages, of those that reached nobody, and that they are read. */
let chat: ChatWorld;
let here: Process;
let there: Process;
beforeAll(async () => {
  chat = await startChat();
  [here, there] = [await chat.process(), await chat.process()];
}, 60_000);
afterAll(() => chat.stop(), 60_000);

let sent = 0;
const send = (from: string, conversation_id: string, mentions: string[] = []) =>
  here.messages.sending.send(principal(from), {
    conversation_id,
    client_msg_id: `event-${++sent}`,
    body: { text: "hello", mentions },
  });

const mark = (who: string, conversation_id: string, far: object) =>
  here.messages.marking.mark(
    { account_id: who, device_id: "device-1" },
    { conversation_id, ...far },
  );

type Event = { type: string; owner_id: string; data: Record<string, unknown> };

/** Those of a type about a conversation, once all that is due is done. */
async function events(type: string, id: string): Promise<Event["data"][]> {
  await Promise.all([here.jobs.settle(), there.jobs.settle()]);
  const rows = await chat.db.all<Event>`
    SELECT type, owner_id, data FROM platform.outbox
    UNION ALL SELECT type, owner_id, data FROM platform.events`;
  const about = rows.filter((e) => e.type === type && e.data["conversation_id"] === id);
  for (const { owner_id, data } of about) {
    expect(owner_id).toBe((data["account_id"] ?? data["sender_id"]) as string);
  }
  return about
    .map((event) => event.data)
    .toSorted((a, b) => Number(a["account_id"]) - Number(b["account_id"]));
}

/** As the minutely schedule does. */
async function aMinuteLater(): Promise<void> {
  chat.clock.advance(60_000);
  await Promise.all([here.jobs.settle(), there.jobs.settle()]);
}

async function group(given: Partial<MadeConversation> = {}) {
  const people = [newId(), newId(), newId()] as const;
  return { people, id: await chat.conversation({ members: [...people], ...given }) };
}

test("a message is an event only where the conversation says so", async () => {
  const { people, id } = await group({ publishes_events: true });
  const { people: others, id: quiet } = await group();
  const { seq } = await send(people[0], id);
  await send(others[0], quiet);
  expect(await events(messageSent.type, id)).toEqual([
    { conversation_id: id, seq, sender_id: people[0] },
  ]);
  expect(await events(messageSent.type, quiet)).toEqual([]);
});

test("whom messages did not reach in time is told of once, and again of what follows", async () => {
  const {
    people: [ada, bob, eve],
    id,
  } = await group();
  await events(messageUndelivered.type, id);
  await send(ada, id);
  const { created_at } = await send(ada, id);
  await mark(eve, id, { delivered_seq: 2 });
  chat.clock.advance(20_000);
  expect(await events(messageUndelivered.type, id)).toEqual([]);
  await aMinuteLater();
  const first = {
    ...{ conversation_id: id, account_id: bob, sender_id: ada, seq: 2, unread: 2 },
    sent_at: created_at,
  };
  expect(await events(messageUndelivered.type, id)).toEqual([first]);
  await aMinuteLater();
  expect(await events(messageUndelivered.type, id)).toEqual([first]);
  const { created_at: later } = await send(ada, id);
  await aMinuteLater();
  expect(await events(messageUndelivered.type, id)).toEqual([
    first,
    { ...first, seq: 3, unread: 3, sent_at: later },
    { ...first, account_id: eve, seq: 3, unread: 3, sent_at: later },
  ]);
});

test("who muted it is only told of mentions; notes are no messages to anybody", async () => {
  const {
    people: [ada, bob, eve],
    id,
  } = await group();
  await chat.db.write(
    (tx) => tx.run`UPDATE chat.members SET muted_until = now() + interval '1 day'
      WHERE conversation_id = ${id} AND account_id = ${bob}`,
  );
  const note = { what: "title_changed", text: "Plans" };
  await chat.db.write((tx) =>
    here.messages.insertNote(tx, { conversation_id: id, sender_id: ada, note }),
  );
  await aMinuteLater();
  expect(await events(messageUndelivered.type, id)).toEqual([]);
  await send(ada, id);
  await aMinuteLater();
  expect(await events(messageUndelivered.type, id)).toMatchObject([{ account_id: eve, seq: 2 }]);
  await send(ada, id, [bob]);
  await send(ada, id);
  await aMinuteLater();
  const told = await events(messageUndelivered.type, id);
  expect(told.filter((data) => data["account_id"] === bob)).toMatchObject([{ seq: 3 }]);
});

test("what a push was asked for is told to be read, and nothing else is", async () => {
  const {
    people: [ada, bob, eve],
    id,
  } = await group();
  await send(ada, id);
  await mark(eve, id, { delivered_seq: 1 });
  await aMinuteLater();
  await send(ada, id);
  await mark(eve, id, { read_seq: 2 });
  await mark(bob, id, { delivered_seq: 2 });
  expect(await events(messageRead.type, id)).toEqual([]);
  await mark(bob, id, { read_seq: 2 });
  await mark(bob, id, { read_seq: 2 });
  expect(await events(messageRead.type, id)).toEqual([
    { conversation_id: id, account_id: bob, read_seq: 2 },
  ]);
});
