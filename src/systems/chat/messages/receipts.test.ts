import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Receipts } from "../shapes.ts";
import { levelsMax, levelsOf } from "./levels.ts";
import { type ChatWorld, newId, principal, type Process, startChat } from "./messages.fixture.ts";
import { receiptsOf, receiptsOfOne, whoHas } from "./receipts.ts";

/** Sent, delivered and read, per member and device, never backwards. */
let chat: ChatWorld;
let here: Process;
let there: Process;
beforeAll(async () => {
  chat = await startChat();
  [here, there] = [await chat.process(), await chat.process()];
}, 60_000);
afterAll(() => chat.stop(), 60_000);

let sent = 0;
const send = (from: string, conversation_id: string) =>
  here.messages.sending.send(principal(from), {
    ...{ conversation_id, client_msg_id: `receipt-${++sent}`, body: { text: "hello" } },
  });

async function sendMany(from: string, id: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await send(from, id);
}

type Far = { delivered_seq?: number; read_seq?: number };

const mark = (who: string, conversation_id: string, far: Far, device = "device-1", by = here) =>
  by.messages.marking.mark({ account_id: who, device_id: device }, { conversation_id, ...far });

const memberMarks = (id: string, account: string) =>
  chat.db.one<{ delivered_seq: string; read_seq: string }>`
    SELECT delivered_seq, read_seq FROM chat.members
    WHERE conversation_id = ${id} AND account_id = ${account}`;

async function eventually<T>(read: () => T, holds: (value: T) => boolean): Promise<T> {
  const until = performance.now() + 20_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > until) throw new Error(`not within 20 s: ${JSON.stringify(value)}`);
    await Bun.sleep(10);
  }
}

test("marks never go back, whatever the order, on any device and in any process", async () => {
  const [ada, bob] = [newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob], kind: "direct" });
  await sendMany(ada, id, 9);
  await Promise.all([
    mark(bob, id, { read_seq: 3 }),
    mark(bob, id, { delivered_seq: 5 }, "device-2", there),
    mark(bob, id, { delivered_seq: 2, read_seq: 1 }),
    mark(bob, id, { delivered_seq: 4 }),
  ]);
  expect(await memberMarks(id, bob)).toEqual({ delivered_seq: "5", read_seq: "3" });
  await mark(bob, id, { delivered_seq: 1, read_seq: 1 });
  expect(await memberMarks(id, bob)).toEqual({ delivered_seq: "5", read_seq: "3" });
  const devices = await chat.db.all`
    SELECT device_id, delivered_seq, read_seq FROM chat.device_receipts
    WHERE conversation_id = ${id} ORDER BY device_id`;
  expect([...devices]).toEqual([
    { device_id: "device-1", delivered_seq: "4", read_seq: "3" },
    { device_id: "device-2", delivered_seq: "5", read_seq: "0" },
  ]);
  // Nobody has read what is not there yet.
  await mark(bob, id, { read_seq: 1_000 });
  expect(await memberMarks(id, bob)).toEqual({ delivered_seq: "9", read_seq: "9" });
});

test("one device's read is told to the person's others; strangers mark nothing", async () => {
  const [ada, bob] = [newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob], kind: "direct" });
  await sendMany(ada, id, 3);
  const before = await here.messages.listing.selfRev(bob);
  await mark(bob, id, { delivered_seq: 3 });
  expect(await here.messages.listing.selfRev(bob)).toBe(before);
  await Promise.all([mark(bob, id, { read_seq: 2 }), mark(bob, id, { read_seq: 3 }, "device-2")]);
  const self_rev = await here.messages.listing.selfRev(bob);
  expect(self_rev).toBe(before + 1);
  expect(here.told.own).toContainEqual({ account_id: bob, conversation_id: id, self_rev });
  const [line] = await here.messages.listing.some(bob, [id]);
  expect(line?.own).toMatchObject({ read_seq: 3, unread: 0 });
  const stranger = mark(newId(), id, { read_seq: 1 });
  await expect(stranger).rejects.toMatchObject({ code: "chat.not_found" });
  await expect(mark(bob, newId(), { read_seq: 1 })).rejects.toMatchObject({
    code: "chat.not_found",
  });
});

test("the marks of a moment are one change of the conversation's receipts, told once", async () => {
  const members = Array.from({ length: 100 }, newId);
  const id = await chat.conversation({ members });
  await send(members[0] as string, id);
  const revOf = async () => (await here.messages.listing.tops([id]))[0]?.[3] as number;
  const before = await revOf();
  await Promise.all(members.map((who) => mark(who, id, { delivered_seq: 1 })));
  expect(await revOf()).toBe(before + 1);
  const told = () => here.told.receipts.filter((receipts) => receipts.conversation_id === id);
  await eventually(told, (all) => all.length > 0);
  expect(told()).toEqual([
    {
      ...{ conversation_id: id, receipts_rev: before + 1 },
      levels: [{ seq: 1, delivered: 99, read: 0 }],
    },
  ]);
});

test("rows that somebody else has are marked once they are free", async () => {
  const [ada, bob, eve] = [newId(), newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob, eve] });
  await send(ada, id);
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const holding = chat.db.write(async (tx) => {
    await tx.run`UPDATE chat.members SET archived = true
      WHERE conversation_id = ${id} AND account_id = ${bob}`;
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  let marked = false;
  const waiting = mark(bob, id, { read_seq: 1 }).then(() => (marked = true));
  await mark(eve, id, { read_seq: 1 });
  expect(marked).toBe(false);
  release.resolve();
  await Promise.all([holding, waiting]);
  expect(await memberMarks(id, bob)).toEqual({ delivered_seq: "1", read_seq: "1" });
});

test("sending reads what was before, and moves the receipts of those who sent it", async () => {
  const [ada, bob] = [newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob], kind: "direct" });
  await sendMany(ada, id, 2);
  const before = (await receiptsOfOne(chat.db, id)).receipts_rev;
  await send(bob, id);
  const receipts = await receiptsOfOne(chat.db, id);
  expect(receipts.receipts_rev).toBe(before + 1);
  expect(receipts.members).toContainEqual({ account_id: bob, delivered_seq: 3, read_seq: 3 });
  const told = await eventually(
    () => here.told.receipts.findLast((r) => r.conversation_id === id) as Receipts,
    (last) => last?.receipts_rev === receipts.receipts_rev,
  );
  expect(told.levels).toContainEqual({ seq: 2, delivered: 1, read: 1 });
});

test("who has a message and who read it, without its sender and the later come", async () => {
  const [ada, bob, eve, late] = [newId(), newId(), newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob, eve, late] });
  await chat.db.write(
    (tx) => tx.run`UPDATE chat.members SET from_seq = 1
      WHERE conversation_id = ${id} AND account_id = ${late}`,
  );
  await send(ada, id);
  await mark(bob, id, { read_seq: 1 });
  await mark(eve, id, { delivered_seq: 1 });
  const at = { conversation_id: id, seq: 1, sender_id: ada };
  expect(await whoHas(chat.db, at, { after: "0", limit: 10 })).toEqual([
    { account_id: bob, delivered: true, read: true },
    { account_id: eve, delivered: true, read: false },
  ]);
  expect((await whoHas(chat.db, at, { after: bob, limit: 10 })).length).toBe(1);
});

test("of a channel nothing is told", async () => {
  const [ada, bob] = [newId(), newId()];
  const id = await chat.conversation({ members: [ada, bob], kind: "channel" });
  await send(ada, id);
  await mark(bob, id, { read_seq: 1 });
  expect(await receiptsOf(chat.db, [id])).toEqual([]);
  expect((await here.messages.listing.tops([id]))[0]?.[3]).toBe(0);
});

test("levels are what a count of each message says", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 300; round++) {
    const top = 1 + random(30);
    const senders = Array.from({ length: top }, () => random(8));
    const points = Array.from({ length: 8 }, (_, who) => {
      const own = senders.lastIndexOf(who) + 1;
      // Whoever sent has been there from the beginning.
      const from_seq = own > 0 ? 0 : random(top + 1);
      const read_seq = Math.max(own, random(top + 1));
      const delivered_seq = Math.max(read_seq, random(top + 1));
      return { from_seq, delivered_seq, read_seq, count: 1 };
    });
    const levels = levelsOf(points);
    for (let seq = 1; seq <= top; seq++) {
      const others = points.filter((p, who) => who !== senders[seq - 1] && p.from_seq < seq);
      const level = levels.findLast((l) => l.seq >= seq) ?? { delivered: 0, read: 0 };
      expect({ delivered: level.delivered, read: level.read }).toEqual({
        delivered: others.filter((p) => p.delivered_seq >= seq).length,
        read: others.filter((p) => p.read_seq >= seq).length,
      });
    }
  }
  const spread = Array.from({ length: 1_000 }, (_, n) => ({
    ...{ from_seq: 0, delivered_seq: n + 1, read_seq: n + 1, count: 1 },
  }));
  expect(levelsOf(spread).length).toBe(levelsMax);
});
