import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ChatWorld, newId, principal, type Process, startChat } from "./messages.fixture.ts";

/** Unread is derived and never counted: whatever happens, it equals a recount. */
let chat: ChatWorld;
let processes: Process[];
beforeAll(async () => {
  chat = await startChat();
  processes = [await chat.process(), await chat.process()];
}, 60_000);
afterAll(() => chat.stop(), 60_000);

/** By the messages themselves: theirs to see, of others or not, after what they read. */
type Count = { conversation_id: string; unread: number };

const recount = (account: string) => chat.db.all<Count>`
  SELECT m.conversation_id, (
    SELECT count(*)::int4 FROM chat.messages x WHERE x.conversation_id = m.conversation_id
      AND x.seq > m.from_seq AND x.seq > m.read_seq
      AND x.seq > coalesce((SELECT max(own.seq) FROM chat.messages own
        WHERE own.conversation_id = m.conversation_id AND own.sender_id = m.account_id
          AND NOT own.body ? 'note'), 0)) AS unread
  FROM chat.members m WHERE m.account_id = ${account} AND m.left_at IS NULL
  ORDER BY m.conversation_id`;

test("random operations: unread is a recount, and what is read stays read", async () => {
  for (const seed of [1, 2]) await randomly(seed);
}, 60_000);

async function randomly(seed: number): Promise<void> {
  let state = seed;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  const people = Array.from({ length: 5 }, newId);
  const person = () => people[random(people.length)] as string;
  const process = () => processes[random(2)] as Process;
  const ids = [
    await chat.conversation({ members: people }),
    await chat.conversation({ members: people.slice(0, 3) }),
    await chat.conversation({ members: people.slice(0, 2), kind: "direct" }),
  ];
  let sent = 0;
  const operations: (() => Promise<unknown>)[] = [
    () =>
      process().messages.sending.send(principal(person()), {
        conversation_id: ids[random(3)] as string,
        client_msg_id: `unread-${seed}-${random(3) === 0 ? sent : ++sent}`,
        body: { text: "hello" },
        ...(random(4) === 0 && { thread_seq: 1 }),
      }),
    () =>
      process().messages.marking.mark(
        { account_id: person(), device_id: `device-${random(2)}` },
        { conversation_id: ids[random(3)] as string, read_seq: random(40) },
      ),
    () => rejoin(ids[random(3)] as string, person()),
  ];
  const read = new Map<string, number>();
  for (let round = 0; round < 15; round++) {
    const some = Array.from({ length: 1 + random(6) }, () => operations[random(3)]?.());
    await Promise.allSettled(some);
    for (const who of people) {
      const listing = process().messages.listing;
      const lines = await listing.some(who, ids);
      const shown = lines.map(({ conversation, own }) => {
        const key = `${conversation.id}:${who}`;
        expect(own.read_seq).toBeGreaterThanOrEqual(read.get(key) ?? 0);
        read.set(key, own.read_seq);
        return { conversation_id: conversation.id, unread: own.unread };
      });
      expect(shown).toEqual([...(await recount(who))]);
    }
  }
}

/** Leaves, and comes back to what follows. */
async function rejoin(id: string, who: string): Promise<void> {
  await chat.db.write(async (tx) => {
    const row = await tx.one<{ top_seq: string }>`
      SELECT top_seq FROM chat.conversations WHERE id = ${id} FOR UPDATE`;
    await tx.run`
      UPDATE chat.members SET from_seq = ${row?.top_seq}
      WHERE conversation_id = ${id} AND account_id = ${who}`;
  });
}
