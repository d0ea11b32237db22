import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { openChat, type Chat } from "./chat.fixture.ts";

/** Many people who do everything at once, in two groups: what must hold afterwards whatever won. */
let chat: Chat;
beforeAll(async () => {
  chat = await openChat();
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const rounds = 30;
const atOnce = 12;

/** The same numbers in every run; in what order they take effect is the race. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

test("counts, owners and numbers hold whoever comes and goes at once", async () => {
  const people = await Promise.all(["A", "B", "C", "D", "E", "F"].map((name) => chat.person(name)));
  const groups = [
    await chat.group(people[0]!, people.slice(1)),
    await chat.group(people[1]!, people.slice(2)),
  ];
  // Nobody leaves it, so that neither group ends.
  for (const id of groups) {
    const account_ids = [chat.bob.id];
    await chat.chat(people[id === groups[0] ? 0 : 1]!, "POST", `/conversations/${id}/members`, {
      account_ids,
    });
  }
  const below = numbers(7);
  const someone = () => people[below(people.length)] as Person;
  const deeds: ((path: string) => Promise<{ status: number }>)[] = [
    (path) => chat.chat(someone(), "POST", `${path}/leave`),
    (path) =>
      chat.chat(someone(), "POST", `${path}/members`, {
        account_ids: [...new Set([someone().id, someone().id, someone().id])],
      }),
    (path) => chat.chat(someone(), "DELETE", `${path}/members/${someone().id}`),
    (path) => {
      const role = (["owner", "admin", "member"] as const)[below(3)];
      return chat.chat(someone(), "PATCH", `${path}/members/${someone().id}`, { role });
    },
    (path) => chat.chat(someone(), "PATCH", path, { title: `Title ${below(100)}` }),
    (path) => {
      const client_msg_id = `message-${below(1_000_000)}`;
      const body = { client_msg_id, body: { text: "hi" } };
      return chat.chat(someone(), "POST", `${path}/messages`, body);
    },
    (path) => chat.chat(someone(), "PATCH", `${path}/own`, { archived: below(2) === 0 }),
  ];
  const statuses = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const all = Array.from({ length: atOnce }, () => {
      const path = `/conversations/${groups[below(groups.length)]}`;
      return deeds[below(deeds.length)]!(path);
    });
    for (const { status } of await Promise.all(all)) statuses.add(status);
  }
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect(statuses.has(204) && statuses.has(403)).toBe(true);

  for (const id of groups) {
    const row = await chat.db.one<Record<string, number>>`
      SELECT c.member_count,
        (SELECT count(*)::int FROM chat.members m
          WHERE m.conversation_id = c.id AND m.left_at IS NULL) AS members,
        (SELECT count(*)::int FROM chat.members m
          WHERE m.conversation_id = c.id AND m.left_at IS NULL AND m.role = 'owner') AS owners,
        (SELECT count(*)::int FROM chat.messages m WHERE m.conversation_id = c.id) AS messages,
        (SELECT count(*)::int FROM chat.members m
          WHERE m.conversation_id = c.id AND m.rev > c.members_rev) AS ahead,
        c.top_seq::int
      FROM chat.conversations c WHERE c.id = ${id}`;
    const { member_count, members, owners, messages, top_seq, ahead } = row!;
    expect({ members, messages, ahead }).toEqual({
      ...{ members: member_count!, messages: top_seq!, ahead: 0 },
    });
    expect(owners).toBeGreaterThan(0);
  }
}, 60_000);
