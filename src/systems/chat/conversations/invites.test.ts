import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import type { Conversation } from "../shapes.ts";
import { openChat, type Chat } from "./chat.fixture.ts";

let chat: Chat;
let [cleo, dan]: Person[] = [];
beforeAll(async () => {
  chat = await openChat();
  [cleo, dan] = await Promise.all(["Cleo", "Dan"].map((name) => chat.person(name)));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

type Invite = { id: string; token: string; uses: number };

async function invite(id: string, terms: Record<string, unknown> = {}): Promise<Invite> {
  const path = `/conversations/${id}/invites`;
  const made = await chat.chat<Invite>(cleo!, "POST", path, terms);
  expect(made.status).toBe(201);
  return made.body;
}

const join = (who: Person, token: string) =>
  chat.chat<Conversation>(who, "POST", `/invites/${token}/join`);

test("a link says where it leads, lets in, and is known by its hash alone", async () => {
  const id = await chat.group(cleo!);
  const { token, ...made } = await invite(id);
  expect(token).toMatch(/^[\w-]{32}$/);
  const stored = await chat.db.all`SELECT * FROM chat.invites`;
  expect(JSON.stringify(stored)).not.toContain(token);
  const list = await chat.chat<{ items: unknown[] }>(cleo!, "GET", `/conversations/${id}/invites`);
  expect(list.body.items).toEqual([made]);
  const look = await chat.chat(dan!, "GET", `/invites/${token}`);
  expect(look.body as unknown).toEqual({
    ...{ kind: "group", title: "A group", description: "", member_count: 1 },
  });
  const joined = await join(dan!, token);
  expect(joined).toMatchObject({ status: 200, body: { id, member_count: 2, top_seq: 2 } });
  expect((await chat.listed(cleo!, id)).last_message?.body?.note).toEqual({
    ...{ what: "joined", account_ids: [dan!.id] },
  });
  // Again changes nothing and uses nothing up.
  expect((await join(dan!, token)).body).toEqual(joined.body);
  const after = await chat.chat<{ items: Invite[] }>(
    ...([cleo!, "GET", `/conversations/${id}/invites`] as const),
  );
  expect(after.body.items[0]?.uses).toBe(1);
});

test("as many join as the link lets, however many try at once", async () => {
  const id = await chat.group(cleo!);
  const { token } = await invite(id, { uses_max: 2 });
  const people = await Promise.all(["A", "B", "C", "D"].map((name) => chat.person(name)));
  const tries = await Promise.all(people.map((who) => join(who, token)));
  const statuses = tries.map(({ status }) => status).toSorted();
  expect(statuses).toEqual([200, 200, 404, 404]);
  expect((await chat.listed(cleo!, id)).conversation.member_count).toBe(3);
});

test("one that is old, revoked or unknown leads nowhere, and all say the same", async () => {
  const id = await chat.group(cleo!);
  const [old, revoked] = [await invite(id), await invite(id)];
  await chat.db.write(
    (tx) => tx.run`UPDATE chat.invites SET expires_at = now() WHERE id = ${old.id}`,
  );
  const path = `/conversations/${id}/invites`;
  expect((await chat.chat(cleo!, "DELETE", `${path}/${revoked.id}`)).status).toBe(204);
  const answers = [];
  for (const token of [old.token, revoked.token, "x".repeat(32)]) {
    for (const [method, end] of [
      ["GET", ""],
      ["POST", "/join"],
    ] as const) {
      const reply = await chat.chat<{ detail: string }>(dan!, method, `/invites/${token}${end}`);
      answers.push(`${reply.status} ${reply.body.code} ${reply.body.detail}`);
    }
  }
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toStartWith("404 chat.not_found");
  const left = await chat.chat<{ items: unknown[] }>(cleo!, "GET", path);
  expect(left.body.items).toEqual([]);
  expect((await chat.chat(cleo!, "GET", `/invites/short`)).status).toBe(400);
  for (const terms of [{ uses_max: 0 }, { expires_at: "2020-01-01T00:00:00Z" }]) {
    expect((await chat.chat(cleo!, "POST", path, terms)).status).toBe(400);
  }
});

test("there are only so many links of one conversation", async () => {
  const id = await chat.group(cleo!);
  await chat.db.write(
    (tx) => tx.run`
      INSERT INTO chat.invites (id, conversation_id, token_hash, created_by, created_at)
      SELECT n, ${id}, int4send(n::int), ${cleo!.id}, now() FROM generate_series(1, 50) AS n`,
  );
  const more = await chat.chat(cleo!, "POST", `/conversations/${id}/invites`, {});
  expect([more.status, more.body.code]).toEqual([422, "chat.limit"]);
});
