import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { groupMembersMax, type Role } from "../shapes.ts";
import { openChat, type Chat } from "./chat.fixture.ts";

let chat: Chat;
let [owner, admin, member, other]: Person[] = [];
const roles: Record<string, () => Person> = {
  owner: () => owner as Person,
  admin: () => admin as Person,
  member: () => member as Person,
};

beforeAll(async () => {
  chat = await openChat();
  const names = ["Owner", "Admin", "Member", "Other"];
  [owner, admin, member, other] = await Promise.all(names.map((name) => chat.person(name)));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

async function trio(kind: "group" | "channel" = "group"): Promise<string> {
  const id = await chat.group(owner!, [admin!, member!], kind);
  await chat.setRole(id, admin!, "admin");
  return id;
}

const added = () => ({ account_ids: [other!.id] });

describe("who may do what", () => {
  const deeds: [string, Role[], (path: string, by: Person) => [string, string, unknown?]][] = [
    ["rename", ["owner", "admin"], (path) => ["PATCH", path, { title: "New" }]],
    ["add", ["owner", "admin"], (path) => ["POST", `${path}/members`, added()]],
    [
      "remove a member",
      ["owner", "admin"],
      (path, by) =>
        by === member
          ? ["DELETE", `${path}/members/${admin!.id}`]
          : ["DELETE", `${path}/members/${member!.id}`],
    ],
    [
      "remove an admin",
      ["owner"],
      (path, by) =>
        by === admin
          ? ["DELETE", `${path}/members/${owner!.id}`]
          : ["DELETE", `${path}/members/${admin!.id}`],
    ],
    [
      "give roles",
      ["owner"],
      (path, by) => {
        const to = by === member ? admin : member;
        return ["PATCH", `${path}/members/${to!.id}`, { role: "admin" }];
      },
    ],
    ["make invites", ["owner", "admin"], (path) => ["POST", `${path}/invites`, {}]],
    ["see invites", ["owner", "admin"], (path) => ["GET", `${path}/invites`]],
    [
      "filter words",
      ["owner", "admin"],
      (path) => {
        return ["POST", `${path}/filters`, { text: "darn", action: "mask" }];
      },
    ],
    ["see filters", ["owner", "admin"], (path) => ["GET", `${path}/filters`]],
    ["list members", ["owner", "admin", "member"], (path) => ["GET", `${path}/members`]],
    ["leave", ["owner", "admin", "member"], (path) => ["POST", `${path}/leave`]],
    ["delete", ["owner"], (path) => ["DELETE", path]],
  ];
  test.each(deeds)("%s: %p", async (_, allowed, deed) => {
    for (const [role, person] of Object.entries(roles)) {
      const path = `/conversations/${await trio()}`;
      const reply = await chat.chat(person(), ...deed(path, person()));
      if (allowed.includes(role as Role)) expect([role, reply.status < 300]).toEqual([role, true]);
      else expect([role, reply.status, reply.body.code]).toEqual([role, 403, "chat.role_needed"]);
    }
  });

  test("revoking what others made takes the same roles", async () => {
    const path = `/conversations/${await trio()}`;
    const body = { text: "darn", action: "mask" };
    const filter = await chat.chat<{ id: string }>(owner!, "POST", `${path}/filters`, body);
    const invite = await chat.chat<{ id: string }>(owner!, "POST", `${path}/invites`, {});
    for (const at of [`filters/${filter.body.id}`, `invites/${invite.body.id}`]) {
      expect((await chat.chat(member!, "DELETE", `${path}/${at}`)).status).toBe(403);
      expect((await chat.chat(admin!, "DELETE", `${path}/${at}`)).status).toBe(204);
      expect((await chat.chat(admin!, "DELETE", `${path}/${at}`)).status).toBe(404);
    }
  });

  test("who follows a channel is known to those who run it", async () => {
    const path = `/conversations/${await trio("channel")}/members`;
    expect((await chat.chat(member!, "GET", path)).status).toBe(403);
    expect((await chat.chat(admin!, "GET", path)).status).toBe(200);
  });
});

test("people are added once, and see what is said from then on", async () => {
  const id = await trio();
  const path = `/conversations/${id}/members`;
  const before = await chat.listed(owner!, id);
  const selfRev = await chat.selfRev(other!);
  expect((await chat.chat(owner!, "POST", path, added())).status).toBe(204);
  expect((await chat.chat(owner!, "POST", path, added())).status).toBe(204);
  const after = await chat.listed(owner!, id);
  expect(after.conversation).toMatchObject({
    member_count: 4,
    members_rev: before.conversation.rev + 1,
    // The change, and the line about it.
    rev: before.conversation.rev + 2,
    top_seq: before.conversation.top_seq + 1,
  });
  expect(after.last_message?.body?.note).toEqual({ what: "added", account_ids: [other!.id] });
  const theirs = await chat.listed(other!, id);
  expect(theirs.own).toMatchObject({ from_seq: before.conversation.top_seq, unread: 1 });
  expect(await chat.selfRev(other!)).toBe(selfRev + 1);
  expect((await chat.chat(owner!, "POST", path, { account_ids: [] })).status).toBe(400);
  const unknown = await chat.chat(owner!, "POST", path, { account_ids: ["77"] });
  expect(unknown.body.code).toBe("chat.person_unknown");
});

test("followers of a channel read all of it, and no line says that they came", async () => {
  const id = await trio("channel");
  const before = await chat.listed(owner!, id);
  await chat.chat(owner!, "POST", `/conversations/${id}/members`, added());
  const { conversation, own } = await chat.listed(other!, id);
  expect(own.from_seq).toBe(0);
  expect(conversation.top_seq).toBe(before.conversation.top_seq);
});

test("a group takes as many as it may, however many come at once", async () => {
  const id = await trio();
  await chat.db.write(
    (tx) => tx.run`
      UPDATE chat.conversations SET member_count = ${groupMembersMax - 2} WHERE id = ${id}`,
  );
  const others = await Promise.all(["A", "B", "C", "D"].map((name) => chat.person(name)));
  const adds = await Promise.all(
    others.map(({ id: account }) =>
      chat.chat(owner!, "POST", `/conversations/${id}/members`, { account_ids: [account] }),
    ),
  );
  const outcomes = adds.map(({ status, body }) => (status === 204 ? "in" : body.code));
  expect(outcomes.toSorted()).toEqual(["chat.group_full", "chat.group_full", "in", "in"]);
  expect((await chat.listed(owner!, id)).conversation.member_count).toBe(groupMembersMax);
});

test("one who was sent away sees nothing, comes back by no link, but when added", async () => {
  const id = await trio();
  const path = `/conversations/${id}`;
  const invite = await chat.chat<{ token: string }>(owner!, "POST", `${path}/invites`, {});
  const join = () => chat.chat(member!, "POST", `/invites/${invite.body.token}/join`);
  const selfRev = await chat.selfRev(member!);
  const { conversation } = await chat.listed(owner!, id);
  expect((await chat.chat(admin!, "DELETE", `${path}/members/${member!.id}`)).status).toBe(204);
  expect(await chat.selfRev(member!)).toBe(selfRev + 1);
  expect((await chat.chat(member!, "GET", path)).status).toBe(404);
  expect((await chat.chat(member!, "GET", `${path}/members`)).status).toBe(404);
  expect((await chat.chat(admin!, "DELETE", `${path}/members/${member!.id}`)).status).toBe(404);
  const after = await chat.listed(owner!, id);
  expect(after.conversation.members_rev).toBe(conversation.rev + 1);
  expect(after.last_message?.body?.note?.what).toBe("removed");
  const refused = await join();
  expect([refused.status, refused.body.code]).toEqual([403, "chat.removed"]);
  await chat.chat(admin!, "POST", `${path}/members`, { account_ids: [member!.id] });
  const back = await chat.listed(member!, id);
  expect(back.own.from_seq).toBe(after.conversation.top_seq);
  await chat.chat(member!, "POST", `${path}/leave`);
  expect((await join()).status).toBe(200);
});

test("what its last owner leaves goes to whoever runs it longest, and ends with all", async () => {
  const id = await trio();
  const leave = (who: Person) => chat.chat(who, "POST", `/conversations/${id}/leave`);
  const shown = async (as: Person) =>
    (await chat.members(as, id)).map(({ name, role }) => `${name}: ${role}`).toSorted();
  const selfRev = await chat.selfRev(admin!);
  expect((await leave(owner!)).status).toBe(204);
  expect(await shown(admin!)).toEqual(["Admin: owner", "Member: member"]);
  expect(await chat.selfRev(admin!)).toBe(selfRev + 1);
  expect((await leave(owner!)).status).toBe(404);
  await leave(admin!);
  expect(await shown(member!)).toEqual(["Member: owner"]);
  await leave(member!);
  const row = await chat.db.one<{ gone: boolean; member_count: number }>`
    SELECT deleted_at IS NOT NULL AS gone, member_count FROM chat.conversations WHERE id = ${id}`;
  expect(row).toEqual({ gone: true, member_count: 0 });
});

test("there is always an owner, however many step down at once", async () => {
  const id = await trio();
  await chat.setRole(id, admin!, "owner");
  const down = (who: Person) =>
    chat.chat(who, "PATCH", `/conversations/${id}/members/${who.id}`, { role: "member" });
  const answers = await Promise.all([down(owner!), down(admin!)]);
  const outcomes = answers.map(({ status, body }) => body?.code ?? status).toSorted();
  expect(outcomes as unknown[]).toEqual([204, "request.conflict"]);
  const owners = (await chat.members(member!, id)).filter(({ role }) => role === "owner");
  expect(owners).toHaveLength(1);
});

test("members are listed in pages", async () => {
  const id = await trio();
  const path = `/conversations/${id}/members?limit=2`;
  type Page = { items: { account_id: string }[]; next_cursor: string | null };
  const first = await chat.chat<Page>(member!, "GET", path);
  expect(first.body.items).toHaveLength(2);
  const rest = await chat.chat<Page>(member!, "GET", `${path}&cursor=${first.body.next_cursor}`);
  expect(rest.body.next_cursor).toBeNull();
  const seen = [...first.body.items, ...rest.body.items].map((item) => item.account_id);
  expect(seen.toSorted()).toEqual([owner!.id, admin!.id, member!.id].toSorted());
});
