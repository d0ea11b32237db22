import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import type { Body } from "../shapes.ts";
import { createAdmitting } from "./admitting.ts";
import { openChat, type Chat } from "./chat.fixture.ts";
import { findConversation } from "./store.ts";

let chat: Chat;
let [cleo, dan]: Person[] = [];
beforeAll(async () => {
  chat = await openChat();
  [cleo, dan] = await Promise.all(["Cleo", "Dan"].map((name) => chat.person(name)));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

/** Two that stand for two processes: what one compiled must not outlive a change. */
const processes = [createAdmitting(), createAdmitting()];

/** What would be stored, or why not, as each process says. */
async function admitted(asked: { id: string; by: Person; text: string }[]) {
  return await chat.db.write(async (tx) => {
    const answers = [];
    for (const { admit } of processes) {
      const all = [];
      for (const { id, by, text } of asked) {
        const conversation = (await findConversation(tx, { id }))!;
        all.push({ conversation, sender_id: by.id, body: { text } });
      }
      const outcomes = await admit(tx, all);
      answers.push(outcomes.map((one) => ("code" in one ? one.code : (one as Body).text)));
    }
    expect(answers[0]).toEqual(answers[1]!);
    return answers[0]!;
  });
}

describe("word filters", () => {
  test("hold from the next message on, each where it was made, in all processes", async () => {
    const [here, there] = [await chat.group(cleo!, [dan!]), await chat.group(cleo!, [dan!])];
    const say = (text: string) =>
      admitted([
        { id: here, by: dan!, text },
        { id: there, by: dan!, text },
      ]);
    const path = `/conversations/${here}/filters`;
    expect(await say("darn heck")).toEqual(["darn heck", "darn heck"]);
    const mask = { text: "darn", action: "mask" };
    const made = await chat.chat<{ id: string }>(cleo!, "POST", path, mask);
    expect(made.status).toBe(201);
    expect(await say("darn heck")).toEqual(["**** heck", "darn heck"]);
    const refuse = { text: "heck", action: "refuse" };
    const everywhere = await chat.call("POST", "/api/v1/chat/admin/filters", {
      ...{ as: chat.admin, body: refuse },
    });
    const { id } = everywhere.body as { id: string };
    expect(await say("darn")).toEqual(["****", "darn"]);
    expect(await say("darn heck")).toEqual(["chat.word_refused", "chat.word_refused"]);
    const list = await chat.chat<{ items: unknown[] }>(cleo!, "GET", path);
    expect(list.body.items).toEqual([{ id: made.body.id, ...mask, anywhere: false }]);
    const all = await chat.chat<{ items: unknown[] }>(chat.admin, "GET", "/admin/filters");
    expect(all.body.items).toEqual([{ id, ...refuse, anywhere: false }]);
    await chat.chat(cleo!, "DELETE", `${path}/${made.body.id}`);
    expect(await say("darn")).toEqual(["darn", "darn"]);
    expect((await chat.chat(chat.admin, "DELETE", `/admin/filters/${id}`)).status).toBe(204);
    expect((await chat.chat(chat.admin, "DELETE", `/admin/filters/${id}`)).status).toBe(404);
    expect(await say("heck")).toEqual(["heck", "heck"]);
  });

  test("are of something, and only so many", async () => {
    const path = `/conversations/${await chat.group(cleo!)}/filters`;
    for (const text of ["", " ", "\u0301", "x".repeat(101), "a\nb"]) {
      expect((await chat.chat(cleo!, "POST", path, { text, action: "mask" })).status).toBe(400);
    }
    const id = path.split("/")[2]!;
    const full = Array.from({ length: 500 }, (_, n) => ({ id: String(n), text: `word${n}` }));
    await chat.db.write(
      (tx) => tx.run`
        INSERT INTO chat.filter_sets (conversation_id, version, filters)
        VALUES (${id}, 1, ${tx.json(full)})`,
    );
    const more = await chat.chat(cleo!, "POST", path, { text: "darn", action: "mask" });
    expect([more.status, more.body.code]).toEqual([422, "chat.limit"]);
  });
});

test("a block ends what two write to each other alone, and nothing else", async () => {
  const [direct, group] = [await chat.direct(cleo!, dan!), await chat.group(cleo!, [dan!])];
  const say = () =>
    admitted([
      { id: direct, by: cleo!, text: "hi" },
      { id: group, by: cleo!, text: "hi" },
      { id: direct, by: dan!, text: "hi" },
      { id: group, by: dan!, text: "hi" },
    ]);
  expect(await say()).toEqual(["hi", "hi", "hi", "hi"]);
  await chat.chat(dan!, "PUT", `/blocks/${cleo!.id}`);
  expect(await say()).toEqual(["chat.person_refuses", "hi", "chat.person_refuses", "hi"]);
  await chat.chat(dan!, "DELETE", `/blocks/${cleo!.id}`);
  expect(await say()).toEqual(["hi", "hi", "hi", "hi"]);
});

test("nobody writes to one who is gone", async () => {
  const gone = await chat.person("Gone");
  const id = await chat.direct(cleo!, gone);
  const { operations } = chat.running;
  await chat.db.write((tx) => operations.deleteAccount(tx, { id: gone.id, transfer_to: null }));
  await chat.settle();
  expect(await admitted([{ id, by: cleo!, text: "hi" }])).toEqual(["chat.person_refuses"]);
});

describe("bans", () => {
  const until = "2999-01-01T00:00:00.000Z";

  test("keep from opening, adding, inviting and joining, and are audited", async () => {
    const [bad, other] = [await chat.person("Bad"), await chat.person("Other")];
    const own = await chat.group(bad);
    const open = await chat.group(cleo!);
    const link = await chat.chat<{ token: string }>(
      cleo!,
      "POST",
      `/conversations/${open}/invites`,
      {},
    );
    const path = `/admin/bans/${bad.id}`;
    const banned = await chat.chat(chat.admin, "PUT", path, { until, reason: "spam" });
    expect(banned).toMatchObject({
      status: 200,
      body: { name: "Bad", banned_until: until, ban_reason: "spam", banned_by: chat.admin.id },
    });
    const tries: [string, string, unknown?][] = [
      ["POST", "/conversations", { kind: "direct", account_id: other.id }],
      ["POST", "/conversations", { kind: "group", title: "Us" }],
      ["POST", `/conversations/${own}/members`, { account_ids: [other.id] }],
      ["POST", `/conversations/${own}/invites`, {}],
      ["POST", `/invites/${link.body.token}/join`],
    ];
    for (const [method, at, body] of tries) {
      const reply = await chat.chat(bad, method, at, body);
      expect([at, reply.status, reply.body.code]).toEqual([at, 403, "chat.banned"]);
    }
    expect((await chat.chat(bad, "GET", `/conversations/${own}`)).status).toBe(200);
    const list = await chat.chat<{ items: { account_id: string }[] }>(
      chat.admin,
      "GET",
      "/admin/bans",
    );
    expect(list.body.items.map((item) => item.account_id)).toContain(bad.id);
    expect((await chat.chat(chat.admin, "DELETE", path)).status).toBe(204);
    expect((await chat.chat(chat.admin, "DELETE", path)).status).toBe(404);
    expect((await chat.chat(bad, ...tries[1]!)).status).toBe(201);
    const audit = await chat.call("GET", `/api/v1/audit?account_id=${bad.id}`, { as: chat.admin });
    const { items } = audit.body as { items: { action: string; actor_id: string }[] };
    expect(items.slice(0, 2).map(({ action, actor_id }) => [action, actor_id])).toEqual([
      ["chat.unbanned", chat.admin.id],
      ["chat.banned", chat.admin.id],
    ]);
  });

  test("are of somebody, and end later", async () => {
    const past = { until: "2020-01-01T00:00:00Z" };
    expect((await chat.chat(chat.admin, "PUT", `/admin/bans/${dan!.id}`, past)).status).toBe(400);
    expect((await chat.chat(chat.admin, "PUT", "/admin/bans/77", { until })).status).toBe(404);
    expect((await chat.chat(chat.admin, "GET", "/admin/bans?limit=0")).status).toBe(400);
  });
});

describe("reports", () => {
  type Report = { id: string; status: string; body: { note?: unknown } | null; sender_id: string };
  const reports = async (query = "") =>
    (await chat.chat<{ items: Report[] }>(chat.admin, "GET", `/admin/reports${query}`)).body.items;

  test("hold what was said, wait for administrators, and are decided once", async () => {
    const bad = await chat.person("Bad");
    const id = await chat.group(bad, [cleo!, dan!]);
    const path = `/conversations/${id}/messages/1/report`;
    for (const who of [cleo!, cleo!, dan!]) {
      const said = await chat.chat(who, "POST", path, { reason: "abuse", comment: "see" });
      expect(said.status).toBe(204);
    }
    await chat.db.write(
      (tx) => tx.run`
      UPDATE chat.messages SET body = NULL, deleted_at = now() WHERE conversation_id = ${id}`,
    );
    const [newest, older] = await reports();
    expect(newest).toMatchObject({
      ...{ conversation_id: id, seq: 1, sender_id: bad.id, sender_name: "Bad" },
      ...{ reporter_id: dan!.id, reason: "abuse", comment: "see", status: "open" },
    });
    expect(newest?.body?.note).toEqual({ what: "created", text: "A group" });
    const decide = (report: string, body: unknown) =>
      chat.chat<Report>(chat.admin, "POST", `/admin/reports/${report}/decide`, body);
    const ban_until = "2999-01-01T00:00:00Z";
    const decided = await decide(newest!.id, { status: "upheld", ban_until });
    expect(decided).toMatchObject({ status: 200, body: { status: "upheld" } });
    expect((await decide(older!.id, { status: "dismissed" })).status).toBe(409);
    expect((await decide("77", { status: "dismissed" })).status).toBe(404);
    expect((await decide(newest!.id, { status: "open" })).status).toBe(400);
    expect((await reports()).some(({ sender_id }) => sender_id === bad.id)).toBe(false);
    const upheld = (await reports("?status=upheld")).filter((r) => r.sender_id === bad.id);
    expect(upheld).toHaveLength(2);
    const open = await chat.chat(bad, "POST", "/conversations", { kind: "group", title: "Us" });
    expect(open.body.code).toBe("chat.banned");
    const audit = await chat.call("GET", `/api/v1/audit?account_id=${bad.id}`, { as: chat.admin });
    const [entry] = (audit.body as { items: { action: string; target: string }[] }).items;
    expect(entry).toMatchObject({ action: "chat.report_decided", target: newest!.id });
  });

  test("may take the message away from everybody", async () => {
    const bad = await chat.person("Bad");
    const id = await chat.group(bad, [cleo!]);
    await chat.chat(cleo!, "POST", `/conversations/${id}/messages/1/report`, { reason: "spam" });
    const before = await chat.listed(cleo!, id);
    const [{ id: report } = { id: "" }] = await reports();
    const path = `/admin/reports/${report}/decide`;
    const decided = await chat.chat<Report>(chat.admin, "POST", path, {
      ...{ status: "upheld", delete_message: true },
    });
    // What it said stays with the report alone.
    expect(decided.body.body?.note).toEqual({ what: "created", text: "A group" });
    const after = await chat.listed(cleo!, id);
    expect(after.last_message).toMatchObject({ seq: 1, body: null, extra: {} });
    expect(after.last_message?.deleted_at).not.toBeNull();
    expect(after.conversation.rev).toBe(before.conversation.rev + 1);
  });

  test("are of what one can see", async () => {
    const id = await chat.group(cleo!);
    await chat.chat(cleo!, "POST", `/conversations/${id}/members`, { account_ids: [dan!.id] });
    const say = (seq: number | string, body: unknown = { reason: "spam" }) =>
      chat.chat(dan!, "POST", `/conversations/${id}/messages/${seq}/report`, body);
    const statuses = [(await say(1)).status, (await say(2)).status, (await say(3)).status];
    expect(statuses).toEqual([404, 204, 404]);
    expect((await say("x")).status).toBe(400);
    expect((await say(2, { reason: "dislike" })).status).toBe(400);
    expect((await chat.chat(chat.admin, "GET", "/admin/reports?status=odd")).status).toBe(400);
  });
});

/** Last, as it lowers the rules. */
describe("limits", () => {
  const asked: [string, (id: string, token: string) => [string, string, unknown?]][] = [
    ["chat.opens", () => ["POST", "/conversations", { kind: "group", title: "Us" }]],
    ["chat.adds", (id) => ["POST", `/conversations/${id}/members`, { account_ids: [dan!.id] }]],
    ["chat.invites", (id) => ["POST", `/conversations/${id}/invites`, {}]],
    ["chat.invite_tries", (_, token) => ["GET", `/invites/${token}`]],
    ["chat.invite_tries", (_, token) => ["POST", `/invites/${token}/join`]],
    ["chat.searches", () => ["GET", "/people?q=dan"]],
    ["chat.searches", () => ["PUT", `/blocks/${dan!.id}`]],
    [
      "chat.reports",
      (id) => ["POST", `/conversations/${id}/messages/1/report`, { reason: "spam" }],
    ],
  ];
  test.each(asked)("%s", async (rule, asks) => {
    const who = await chat.person("Busy");
    const id = await chat.group(who);
    const path = `/conversations/${id}/invites`;
    const { token } = (await chat.chat<{ token: string }>(who, "POST", path, {})).body;
    await allowTwo(rule);
    const answers = [];
    while (answers.length < 3) {
      answers.push(await chat.chat<{ rule?: string }>(who, ...asks(id, token)));
    }
    expect(answers[0]?.status).toBeLessThan(300);
    expect(answers[2]).toMatchObject({ status: 429, body: { code: "request.rate_limited", rule } });
  });

  async function allowTwo(name: string): Promise<void> {
    const path = "/api/v1/limits/rules";
    const all = await chat.call("GET", path, { as: chat.admin });
    const { items } = all.body as { items: { id: string; name: string; version: number }[] };
    const { id, version } = items.find((rule) => rule.name === name)!;
    const change = { as: chat.admin, body: { limit: 2, version } };
    expect((await chat.call("PATCH", `${path}/${id}`, change)).status).toBe(200);
  }
});
