import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { openChat, type Chat } from "./chat.fixture.ts";
import { backfillPeople } from "./people.ts";

let chat: Chat;
let open: Chat;
beforeAll(async () => {
  chat = await openChat();
  open = await openChat({ STOA_CHAT_PEOPLE_FINDABLE: "everybody" });
}, 60_000);
afterAll(async () => {
  await chat.stop();
  await open.stop();
}, 60_000);

type Found = { items: { account_id: string; name: string }[] };

async function find(where: Chat, as: Person, q: string): Promise<string[]> {
  const path = `/people?q=${encodeURIComponent(q)}`;
  const reply = await where.chat<Found>(as, "GET", path);
  expect(reply.status).toBe(200);
  return reply.body.items.map(({ name }) => name);
}

describe("people are found", () => {
  test("however their names are typed, the most alike first", async () => {
    await Promise.all(["José Ångström", "Joseph Stone", "Maria Müller"].map(open.person));
    await open.settle();
    const { ada } = open;
    for (const typed of ["jose angstrom", "ANGSTROM", "Josè", "angstrm", "jos angs"]) {
      expect([typed, (await find(open, ada, typed))[0]]).toEqual([typed, "José Ångström"]);
    }
    expect(await find(open, ada, "muler")).toEqual(["Maria Müller"]);
    expect(await find(open, ada, "mariah")).toEqual(["Maria Müller"]);
    expect(await find(open, ada, "zzz")).toEqual([]);
    expect(await find(open, ada, "100%_'; --")).toEqual([]);
  });

  test("by name only by those who share a conversation with them, unless all may", async () => {
    const [cleo, dan, eve] = [
      await chat.person("Cleo Lantern"),
      await chat.person("Dan Lantern"),
      await chat.person("Eve Lantern"),
    ];
    await chat.settle();
    expect(await find(chat, cleo, "lantern")).toEqual([]);
    await chat.group(cleo, [dan]);
    const channel = await chat.group(eve, [cleo], "channel");
    expect(await find(chat, cleo, "lantern")).toEqual(["Dan Lantern"]);
    expect(await find(chat, dan, "lantern")).toEqual(["Cleo Lantern"]);
    expect(await find(chat, eve, "lantern")).toEqual([]);
    await chat.direct(eve, cleo);
    expect(await find(chat, eve, "lantern")).toEqual(["Cleo Lantern"]);
    expect((await chat.chat(eve, "GET", `/conversations/${channel}`)).status).toBe(200);
  });

  test("by the whole address, not by a part of it", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
    expect(await find(chat, cleo, ` ${dan.email.toUpperCase()} `)).toEqual(["Dan"]);
    expect(await find(chat, cleo, dan.email.slice(1))).toEqual([]);
    expect(await find(chat, cleo, cleo.email)).toEqual([]);
  });

  test("not by those whom they blocked", async () => {
    const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Danforth")];
    await chat.direct(cleo, dan);
    expect(await find(chat, cleo, "danforth")).toEqual(["Danforth"]);
    await chat.chat(dan, "PUT", `/blocks/${cleo.id}`);
    expect(await find(chat, cleo, "danforth")).toEqual([]);
    expect(await find(chat, cleo, dan.email)).toEqual([]);
  });

  test("by something", async () => {
    for (const query of ["", "?q=", "?q=%20", `?q=${"x".repeat(255)}`, "?q=a%00b"]) {
      expect((await chat.chat(chat.ada, "GET", `/people${query}`)).status).toBe(400);
    }
  });
});

test("whom one blocked is listed, and may be unblocked", async () => {
  const [cleo, ...others] = await Promise.all(["Cleo", "X", "Y", "Z"].map(chat.person));
  for (const { id } of others) await chat.chat(cleo!, "PUT", `/blocks/${id}`);
  await chat.chat(cleo!, "PUT", `/blocks/${others[0]!.id}`);
  type Page = Found & { next_cursor: string | null };
  const first = await chat.chat<Page>(cleo!, "GET", "/blocks?limit=2");
  const next = await chat.chat<Page>(
    ...([cleo!, "GET", `/blocks?limit=2&cursor=${first.body.next_cursor}`] as const),
  );
  const names = [...first.body.items, ...next.body.items].map(({ name }) => name);
  expect(names.toSorted()).toEqual(["X", "Y", "Z"]);
  expect((await chat.chat(cleo!, "DELETE", `/blocks/${others[0]!.id}`)).status).toBe(204);
  expect((await chat.chat(cleo!, "DELETE", `/blocks/${others[0]!.id}`)).status).toBe(404);
  expect((await chat.chat(cleo!, "PUT", "/blocks/77")).status).toBe(404);
  expect((await chat.chat(cleo!, "GET", "/blocks?limit=0")).status).toBe(400);
});

test("a new name shows where members see each other", async () => {
  const [cleo, dan] = [await chat.person("Cleo"), await chat.person("Dan")];
  const id = await chat.direct(cleo, dan);
  const channel = await chat.group(cleo, [dan], "channel");
  const before = await chat.listed(cleo, id);
  const quiet = await chat.listed(cleo, channel);
  const signedIn = await chat.call("POST", "/api/v1/sessions", {
    ...{ as: null, body: { email: dan.email, password: "correct horse battery staple" } },
  });
  const as = (signedIn.body as { access_token: string }).access_token;
  await chat.call("PATCH", "/api/v1/account", { as, body: { name: "Daniel" } });
  await chat.settle();
  const after = await chat.listed(cleo, id);
  expect(after.peer?.name).toBe("Daniel");
  expect(after.conversation.rev).toBe(before.conversation.rev + 1);
  const renamed = (await chat.members(cleo, id)).find(({ account_id }) => account_id === dan.id);
  expect(renamed).toMatchObject({ name: "Daniel", rev: after.conversation.rev });
  expect(await find(chat, cleo, "daniel")).toEqual(["Daniel"]);
  expect((await chat.listed(cleo, channel)).conversation.rev).toBe(quiet.conversation.rev);
});

test("a deleted account leaves everything, hands over what it ran, loses its name", async () => {
  const cleo = await chat.person("Cleo");
  // One after the other: of two who came at once, the older account is next.
  const [dan, eve] = [await chat.person("Dan"), await chat.person("Eve")];
  const group = await chat.group(cleo, [dan, eve]);
  const direct = await chat.direct(cleo, dan);
  const path = `/conversations/${group}/invites`;
  const invite = await chat.chat<{ token: string }>(cleo, "POST", path, {});
  await chat.chat(cleo, "PUT", `/blocks/${eve.id}`);
  const { operations } = chat.running;
  await chat.db.write((tx) => operations.deleteAccount(tx, { id: cleo.id, transfer_to: null }));
  await chat.settle();
  const left = await chat.members(dan, group);
  expect(left.map(({ name, role }) => [name, role])).toEqual([
    ["Dan", "owner"],
    ["Eve", "member"],
  ]);
  const listed = await chat.listed(dan, direct);
  expect(listed.peer).toEqual({ account_id: cleo.id, name: "deleted account" });
  expect(listed.conversation.member_count).toBe(1);
  expect((await chat.chat(eve, "GET", `/invites/${invite.body.token}`)).status).toBe(404);
  expect(await find(chat, dan, "cleo")).toEqual([]);
  expect(await find(chat, dan, "deleted account")).toEqual([]);
  const kept = await chat.db.one<{ n: number }>`
    SELECT count(*)::int AS n FROM chat.blocks WHERE account_id = ${cleo.id}`;
  expect(kept?.n).toBe(0);
  // As events may: again, which changes nothing.
  const before = (await chat.listed(dan, group)).conversation.rev;
  const [event] = await chat.db.all<{ id: string }>`
    SELECT id FROM platform.events WHERE type = 'accounts.deleted' ORDER BY id DESC LIMIT 1`;
  const replay = await chat.call("POST", `/api/v1/admin/events/${event!.id}/replay`, {
    ...{ as: chat.admin, body: {} },
  });
  expect(replay.status).toBeLessThan(300);
  await chat.settle();
  expect((await chat.listed(dan, group)).conversation.rev).toBe(before);
});

test("accounts that are older than chat are known by name", async () => {
  await Promise.all(["Old One", "Old Two"].map(open.person));
  await open.db.write((tx) => tx.run`DELETE FROM chat.people`);
  const { listAccounts } = open.running.operations;
  const signal = AbortSignal.timeout(10_000);
  await backfillPeople({ db: open.db, accounts: { listAccounts } }, signal);
  await backfillPeople({ db: open.db, accounts: { listAccounts } }, signal);
  expect((await find(open, open.ada, "old")).toSorted()).toEqual(["Old One", "Old Two"]);
});
