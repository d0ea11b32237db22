import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ServerFrame } from "../protocol.ts";
import { changesSince } from "./changes.ts";
import { history, memberView, oneMessage, thread, viewOf, type Around } from "./history.ts";
import { type ChatWorld, newId, principal, type Process, startChat } from "./messages.fixture.ts";
import { changedMessage } from "./notes.ts";

/** Reading: pages both ways, what changed since, and the list of conversations. */
let chat: ChatWorld;
let here: Process;
beforeAll(async () => {
  chat = await startChat();
  here = await chat.process();
}, 60_000);
afterAll(() => chat.stop(), 60_000);

let sent = 0;
const send = (from: string, conversation_id: string, given: { thread_seq?: number } = {}) =>
  here.messages.sending.send(principal(from), {
    ...{ conversation_id, client_msg_id: `history-${++sent}`, body: { text: `text ${sent}` } },
    ...given,
  });

async function conversationOf(count: number, members = [newId(), newId()]) {
  const id = await chat.conversation({ members });
  await Promise.all(Array.from({ length: count }, () => send(members[0] as string, id)));
  return { id, ada: members[0] as string, bob: members[1] as string };
}

const setMember = (id: string, account: string, from: number, until: number | null) =>
  chat.db.write(
    (tx) => tx.run`
      UPDATE chat.members SET from_seq = ${from}, until_seq = ${until},
        left_at = ${until === null ? null : new Date(chat.clock.now())}
      WHERE conversation_id = ${id} AND account_id = ${account}`,
  );

test("pages both ways around any message, within what a member may see", async () => {
  const { id, bob } = await conversationOf(20);
  await setMember(id, bob, 5, null);
  const view = await viewOf(chat.db, id, bob);
  const page = async (asked: Partial<Around>) => {
    const { items, ...more } = await history(chat.db, id, view, { limit: 4, ...asked });
    return [items.map((message) => message.seq), more.more_before, more.more_after];
  };
  expect(await page({})).toEqual([[17, 18, 19, 20], true, false]);
  expect(await page({ before: 17 })).toEqual([[13, 14, 15, 16], true, true]);
  expect(await page({ before: 8 })).toEqual([[6, 7], false, true]);
  expect(await page({ after: 0 })).toEqual([[6, 7, 8, 9], false, true]);
  expect(await page({ after: 18 })).toEqual([[19, 20], true, false]);
  expect(await page({ around: 12 })).toEqual([[10, 11, 12, 13], true, true]);
  expect(await page({ around: 6 })).toEqual([[6, 7, 8, 9], false, true]);
  expect(await page({ around: 99 })).toEqual([[18, 19, 20], true, false]);
  expect(await page({ before: 3 })).toEqual([[], false, true]);
  await expect(oneMessage(chat.db, id, view, 5)).rejects.toMatchObject({ code: "chat.not_found" });
  expect((await oneMessage(chat.db, id, view, 6)).seq).toBe(6);
});

test("one who left reads up to there, and nothing that was made of it later", async () => {
  const { id, ada, bob } = await conversationOf(3);
  await setMember(id, bob, 0, 2);
  await chat.db.write((tx) =>
    changedMessage(tx, { conversation_id: id, seq: 1 }, () => ({
      body: { text: "written later" },
      edited_at: new Date(chat.clock.now() + 1),
    })),
  );
  const view = await viewOf(chat.db, id, bob);
  const { items, more_after } = await history(chat.db, id, view, { limit: 10 });
  expect(items.map(({ seq, body }) => [seq, body !== null])).toEqual([
    [1, false],
    [2, true],
  ]);
  expect(more_after).toBe(false);
  await expect(memberView(chat.db, id, bob)).rejects.toMatchObject({ code: "chat.removed" });
  await expect(viewOf(chat.db, id, newId())).rejects.toMatchObject({ code: "chat.not_found" });
  expect((await oneMessage(chat.db, id, await viewOf(chat.db, id, ada), 1)).body?.text).toBe(
    "written later",
  );
});

test("the replies of a thread, in pages", async () => {
  const { id, ada } = await conversationOf(2);
  for (let n = 0; n < 5; n++) await send(ada, id, { thread_seq: 1 });
  const view = await viewOf(chat.db, id, ada);
  const first = await thread(chat.db, id, view, { root: 1, after: 0, limit: 3 });
  expect(first.items.map((message) => message.seq)).toEqual([3, 4, 5]);
  expect(first.more_after).toBe(true);
  const rest = await thread(chat.db, id, view, { root: 1, after: 5, limit: 3 });
  expect(rest.items.map((message) => message.seq)).toEqual([6, 7]);
  expect(rest.more_after).toBe(false);
});

/** What a client that knew `since` knows after the pages: the rev of each message. */
async function catchUp(id: string, since: number, limit: number) {
  const seen = new Map<number, number>();
  const pages: (readonly ServerFrame[])[] = [];
  for (let at = since; ;) {
    const { frames, rev, more } = await changesSince(chat.db, id, { since: at, limit });
    pages.push(frames);
    for (const frame of frames) {
      if (frame.type === "message") seen.set(frame.message.seq, frame.message.rev);
    }
    if (!more) return { seen, pages, rev };
    expect(rev).toBeGreaterThan(at);
    at = rev;
  }
}

const latest = async (id: string) => {
  const rows = await chat.db.all<{ seq: string; rev: string }>`
    SELECT seq, rev FROM chat.messages WHERE conversation_id = ${id}`;
  return new Map(rows.map((row) => [Number(row.seq), Number(row.rev)]));
};

test("changes since a rev, in pages of any size, are all that changed", async () => {
  const { id, ada, bob } = await conversationOf(10);
  await send(bob, id, { thread_seq: 2 });
  const change = (seq: number) =>
    chat.db.write((tx) =>
      changedMessage(tx, { conversation_id: id, seq }, () => ({ pinned_at: new Date() })),
    );
  expect(await change(4)).toMatchObject({ message: { seq: 4, rev: 13 }, top_seq: 11 });
  for (const limit of [1, 3, 100]) {
    const all = await catchUp(id, 0, limit);
    expect(all.seen).toEqual(await latest(id));
    expect(all.rev).toBe(13);
    expect(all.pages.at(-1)?.at(-1)).toMatchObject({
      ...{ type: "conversation", rev: 13, conversation: { id, rev: 13 } },
    });
  }
  expect([...(await catchUp(id, 11, 100)).seen]).toEqual([
    [2, 12],
    [4, 13],
  ]);
  expect(await catchUp(id, 13, 100)).toMatchObject({ pages: [[]], rev: 13 });
  // A change of nothing takes no rev.
  const nothing = await chat.db.write((tx) =>
    changedMessage(tx, { conversation_id: id, seq: 4 }, () => null),
  );
  expect(nothing).toBeNull();
  // Members come with the page that their rev is in.
  await chat.db.write(async (tx) => {
    await tx.run`UPDATE chat.conversations SET rev = rev + 1, members_rev = rev + 1
      WHERE id = ${id}`;
    await tx.run`UPDATE chat.members SET role = 'admin', rev = 14
      WHERE conversation_id = ${id} AND account_id = ${bob}`;
  });
  await send(ada, id);
  const { pages } = await catchUp(id, 13, 1);
  const members = pages.flat().flatMap((f) => (f.type === "conversation" ? (f.members ?? []) : []));
  expect(members).toMatchObject([{ account_id: bob, role: "admin", rev: 14 }]);
});

test("more members than a page takes come in several, those of a change together", async () => {
  const members = Array.from({ length: 5_000 }, newId);
  const id = await chat.conversation({ members });
  // Three came with each change.
  await chat.db.write(async (tx) => {
    await tx.run`UPDATE chat.conversations SET rev = 1667, members_rev = 1667 WHERE id = ${id}`;
    await tx.run`
      UPDATE chat.members m SET rev = (n + 2) / 3
      FROM unnest(${tx.array(members, "int8")}) WITH ORDINALITY AS t (account_id, n)
      WHERE m.conversation_id = ${id} AND m.account_id = t.account_id`;
  });
  const { pages } = await catchUp(id, 0, 100);
  expect(pages.length).toBe(3);
  const told = pages.flat().flatMap((f) => (f.type === "conversation" ? (f.members ?? []) : []));
  expect(told.map((member) => member.account_id).toSorted()).toEqual(members.toSorted());
});

test("catching up while others write misses nothing that was there before", async () => {
  const { id, ada, bob } = await conversationOf(30);
  let writing = true;
  const writer = (async () => {
    for (let n = 0; writing; n++) {
      await send(bob, id);
      await chat.db.write((tx) =>
        changedMessage(tx, { conversation_id: id, seq: 1 + (n % 30) }, () => {
          return { pinned_at: new Date() };
        }),
      );
    }
  })();
  for (let n = 0; n < 10; n++) {
    const { seen, rev } = await catchUp(id, 0, 3);
    for (const [seq, messageRev] of await latest(id)) {
      if (messageRev <= rev) expect(seen.get(seq)).toBe(messageRev);
    }
  }
  writing = false;
  await writer;
  expect(ada).not.toBe(bob);
}, 30_000);

test("conversations in pages, most recent first; direct ones name the other", async () => {
  const [me, other] = [newId(), newId()];
  const ids: string[] = [];
  for (let n = 0; n < 130; n++) {
    chat.clock.advance(1);
    const direct = n === 7;
    ids.push(
      await chat.conversation({
        members: [me, direct ? other : newId()],
        kind: direct ? "direct" : "group",
      }),
    );
    if (n % 2 === 0) await send(me, ids[n] as string);
  }
  const listed = await Array.fromAsync(here.messages.listing.pages(me));
  expect(listed.map((page) => page.length)).toEqual([100, 30]);
  const lines = listed.flat();
  expect(lines.map((line) => line.conversation.id).toSorted()).toEqual(ids.toSorted());
  const moved = lines.map(({ conversation: c }) => Date.parse(c.last_message_at ?? c.created_at));
  expect(moved).toEqual(moved.toSorted((a, b) => b - a));
  expect(lines.filter((line) => line.peer)).toMatchObject([
    { conversation: { id: ids[7] }, peer: { account_id: other, name: "" }, last_message: null },
  ]);
  expect(lines.filter((line) => line.last_message).length).toBe(65);
  const { listing } = here.messages;
  expect(await listing.some(other, [ids[0] as string, ids[7] as string])).toMatchObject([
    { conversation: { id: ids[7] }, peer: { account_id: me } },
  ]);
  expect(await listing.members(ids[7] as string)).toEqual({
    members_rev: 0,
    account_ids: expect.arrayContaining([me, other]),
  });
  expect(await listing.members(newId())).toBeNull();
  expect(await listing.isMember(ids[7] as string, other)).toBe(true);
  expect(await listing.isMember(ids[0] as string, other)).toBe(false);
}, 30_000);
