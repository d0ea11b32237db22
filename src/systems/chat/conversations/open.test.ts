import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Conversation } from "../shapes.ts";
import { openChat, type Chat } from "./chat.fixture.ts";

let chat: Chat;
beforeAll(async () => {
  chat = await openChat();
}, 60_000);
afterAll(() => chat.stop(), 60_000);

describe("a direct conversation", () => {
  test("is one per pair, whoever opens it and however many at once", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
    const opens = [cleo, dan, cleo, dan, cleo, dan, cleo, dan].map((by) => {
      const body = { kind: "direct", account_id: by === cleo ? dan.id : cleo.id };
      return chat.chat<Conversation>(by, "POST", "/conversations", body);
    });
    const answers = await Promise.all(opens);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from({ length: 7 }, () => 200),
      201,
    ]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const { id, pair } = answers[0]!.body;
    expect(pair?.toSorted()).toEqual([cleo.id, dan.id].toSorted());
    const [hers, his] = [await chat.listed(cleo, id), await chat.listed(dan, id)];
    expect(hers.peer).toEqual({ account_id: dan.id, name: "Dan" });
    expect(his.peer).toEqual({ account_id: cleo.id, name: "Cleo" });
    expect([hers.own.role, hers.own.unread, his.own.unread]).toEqual(["member", 0, 0]);
  });

  test("tells both of its existence once", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
    const id = await chat.direct(cleo, dan);
    expect([await chat.selfRev(cleo), await chat.selfRev(dan)]).toEqual([1, 1]);
    expect(await chat.direct(dan, cleo)).toBe(id);
    expect([await chat.selfRev(cleo), await chat.selfRev(dan)]).toEqual([1, 1]);
  });

  test("is refused where either blocked the other, also one that is there", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
    const open = (by: typeof cleo, other: typeof cleo) =>
      chat.chat(by, "POST", "/conversations", { kind: "direct", account_id: other.id });
    await chat.direct(cleo, dan);
    expect((await chat.chat(dan, "PUT", `/blocks/${cleo.id}`)).status).toBe(204);
    for (const refused of [await open(cleo, dan), await open(dan, cleo)]) {
      expect([refused.status, refused.body.code]).toEqual([403, "chat.person_refuses"]);
    }
    expect((await chat.chat(dan, "DELETE", `/blocks/${cleo.id}`)).status).toBe(204);
    expect((await open(cleo, dan)).status).toBe(200);
  });

  test("needs somebody else, who is there", async () => {
    const { ada } = chat;
    const wishes: [unknown, number, string][] = [
      [{ kind: "direct", account_id: ada.id }, 400, "account_id"],
      [{ kind: "direct" }, 400, "account_id"],
      [{ kind: "direct", account_id: chat.bob.id, title: "Us" }, 400, "title"],
      [{ kind: "direct", account_id: chat.bob.id, account_ids: [] }, 400, "account_ids"],
      [{ kind: "group", account_id: chat.bob.id, title: "Us" }, 400, "account_id"],
      [{ kind: "group" }, 400, "title"],
      [{ kind: "group", title: "  " }, 400, "title"],
      [{ kind: "group", title: "a\u0000b" }, 400, "title"],
    ];
    for (const [body, status, field] of wishes) {
      const reply = await chat.chat<{ errors: { field: string }[] }>(
        ...([ada, "POST", "/conversations", body] as const),
      );
      const fields = reply.body.errors.map((error) => error.field);
      expect({ status: reply.status, fields }).toEqual({ status, fields: [field] });
    }
    for (const body of [
      { kind: "direct", account_id: "77" },
      { kind: "group", title: "Us", account_ids: [chat.bob.id, "77"] },
    ]) {
      const reply = await chat.chat(ada, "POST", "/conversations", body);
      expect([reply.status, reply.body.code]).toEqual([422, "chat.person_unknown"]);
    }
  });

  test("stays of two: nobody leaves, comes, leads or names it", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
    const path = `/conversations/${await chat.direct(cleo, dan)}`;
    const deeds: [string, string, unknown?][] = [
      ["PATCH", path, { title: "Us" }],
      ["DELETE", path],
      ["POST", `${path}/leave`],
      ["POST", `${path}/members`, { account_ids: [chat.ada.id] }],
      ["PATCH", `${path}/members/${dan.id}`, { role: "owner" }],
      ["DELETE", `${path}/members/${dan.id}`],
      ["POST", `${path}/invites`, {}],
    ];
    for (const [method, at, body] of deeds) {
      const reply = await chat.chat(cleo, method, at, body);
      const answer = { deed: `${method} ${at}`, status: reply.status, code: reply.body.code };
      expect(answer).toEqual({ deed: `${method} ${at}`, status: 422, code: "chat.wrong_kind" });
    }
    const kept = await chat.chat(dan, "PATCH", path, { disappear_seconds: 60 });
    expect(kept.body).toMatchObject({ disappear_seconds: 60, title: "" });
  });
});

test("a group is made with its people, whom it greets, and belongs to its maker", async () => {
  const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
  const made = await chat.chat<Conversation>(cleo, "POST", "/conversations", {
    ...{ kind: "group", title: " Crew ", description: "Two\nlines" },
    account_ids: [dan.id, dan.id, cleo.id],
  });
  expect(made).toMatchObject({
    status: 201,
    body: { kind: "group", title: "Crew", member_count: 2, created_by: cleo.id, pair: null },
  });
  const { id } = made.body;
  const roles = (await chat.members(dan, id)).map(({ name, role }) => [name, role]);
  expect(roles).toEqual([
    ["Cleo", "owner"],
    ["Dan", "member"],
  ]);
  const listed = await chat.listed(dan, id);
  expect(listed.last_message?.body?.note).toEqual({ what: "created", text: "Crew" });
  expect([listed.own.unread, (await chat.listed(cleo, id)).own.unread]).toEqual([1, 0]);
  const stranger = await chat.chat(chat.bob, "GET", `/conversations/${id}`);
  expect([stranger.status, stranger.body.code]).toEqual([404, "chat.not_found"]);
});

test("nobody is put into a group by somebody they blocked", async () => {
  const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
  await chat.chat(dan, "PUT", `/blocks/${cleo.id}`);
  const body = { kind: "group", title: "Us", account_ids: [dan.id] };
  const made = await chat.chat(cleo, "POST", "/conversations", body);
  expect([made.status, made.body.code]).toEqual([403, "chat.person_refuses"]);
  const id = await chat.group(cleo);
  const path = `/conversations/${id}/members`;
  const added = await chat.chat(cleo, "POST", path, { account_ids: [dan.id] });
  expect([added.status, added.body.code]).toEqual([403, "chat.person_refuses"]);
});

test("settings change for all, what is one's own for oneself", async () => {
  const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
  const id = await chat.group(cleo, [dan]);
  const path = `/conversations/${id}`;
  const before = await chat.listed(dan, id);
  const change = {
    ...{ title: "Crew", description: "New", send_by: "admins", slow_mode_seconds: 30 },
    ...{ disappear_seconds: 3_600, publishes_events: true },
  };
  const changed = await chat.chat<Conversation>(cleo, "PATCH", path, change);
  expect(changed).toMatchObject({ status: 200, body: change });
  const after = await chat.listed(dan, id);
  expect(after.conversation).toEqual(changed.body as never);
  expect(after.last_message?.body?.note).toEqual({ what: "renamed", text: "Crew" });
  // The change and the line about it; who is in it did not change.
  expect(after.conversation.rev).toBe(before.conversation.rev + 2);
  expect(after.conversation.members_rev).toBe(before.conversation.members_rev);
  const again = await chat.chat<Conversation>(cleo, "PATCH", path, change);
  expect(again.body.rev).toBe(after.conversation.rev);
  const off = await chat.chat<Conversation>(cleo, "PATCH", path, { disappear_seconds: null });
  expect(off.body.disappear_seconds).toBeNull();
  expect((await chat.chat(cleo, "PATCH", path, { slow_mode_seconds: -1 })).status).toBe(400);

  const [hers, his] = [await chat.selfRev(cleo), await chat.selfRev(dan)];
  const muted_until = "2999-01-01T00:00:00.000Z";
  const own = await chat.chat(dan, "PATCH", `${path}/own`, { muted_until, archived: true });
  expect(own.status).toBe(204);
  expect((await chat.listed(dan, id)).own).toMatchObject({ muted_until, archived: true });
  expect((await chat.listed(cleo, id)).own).toMatchObject({ muted_until: null, archived: false });
  await chat.chat(dan, "PATCH", `${path}/own`, { muted_until: null });
  expect((await chat.listed(dan, id)).own).toMatchObject({ muted_until: null, archived: true });
  expect([await chat.selfRev(cleo), await chat.selfRev(dan)]).toEqual([hers, his + 2]);
  expect((await chat.chat(dan, "PATCH", `${path}/own`, { archived: 1 })).status).toBe(400);
});

test("a deleted group is gone for everybody at once, and all are told", async () => {
  const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
  const id = await chat.group(cleo, [dan]);
  const before = await chat.selfRev(dan);
  expect((await chat.chat(cleo, "DELETE", `/conversations/${id}`)).status).toBe(204);
  for (const one of [cleo, dan]) {
    expect((await chat.chat(one, "GET", `/conversations/${id}`)).status).toBe(404);
  }
  await chat.settle();
  expect(await chat.selfRev(dan)).toBe(before + 1);
});
