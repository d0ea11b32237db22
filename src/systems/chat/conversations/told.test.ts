import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { message, signIn, type ChatClient } from "../live/client.fixture.ts";
import { openChat, type Chat } from "./chat.fixture.ts";

/** What sockets hear of who comes, goes and changes what. */
let chat: Chat;
let [cleo, dan, eve]: Person[] = [];
const open: ChatClient[] = [];

beforeAll(async () => {
  chat = await openChat();
  [cleo, dan, eve] = await Promise.all(["Cleo", "Dan", "Eve"].map((name) => chat.person(name)));
}, 60_000);
afterEach(async () => {
  for (const client of open.splice(0)) await client.close();
});
afterAll(() => chat.stop(), 60_000);

async function connect(person: Person, device_id = "device-one"): Promise<ChatClient> {
  const client = await signIn(chat, person, { device_id });
  client.forget();
  open.push(client);
  return client;
}

test("members hear who came, and whoever came hears the conversation from then on", async () => {
  const id = await chat.group(cleo!, [dan!]);
  const [hers, his, theirs] = [await connect(cleo!), await connect(dan!), await connect(eve!)];
  const { conversation } = await chat.listed(cleo!, id);
  const path = `/conversations/${id}`;
  await chat.chat(cleo!, "POST", `${path}/members`, { account_ids: [eve!.id] });
  for (const client of [hers, his]) {
    const told = await client.next("conversation", (frame) => frame.conversation.id === id);
    expect(told.rev).toBe(conversation.rev + 1);
    expect(told.conversation).toMatchObject({ member_count: 3, members_rev: told.rev });
    const names = told.members?.map(({ name, role, left_at }) => [name, role, left_at]);
    expect(names).toEqual([["Eve", "member", null]]);
    const note = await client.next("message", (frame) => frame.message.conversation_id === id);
    expect(note).toMatchObject({ rev: told.rev + 1, message: { sender_id: cleo!.id } });
    expect(note.message.body?.note).toEqual({ what: "added", account_ids: [eve!.id] });
  }
  const joined = await theirs.next("self", ({ items }) => items.length > 0);
  expect(joined.items.map((item) => item.conversation.id)).toEqual([id]);
  hers.send(message(id, "welcome"));
  await theirs.next("message", (frame) => frame.message.body?.text === "welcome");
});

test("followers of a channel do not hear who else follows it", async () => {
  const id = await chat.group(cleo!, [dan!], "channel");
  const his = await connect(dan!);
  his.send({ type: "watch", conversation_id: id, on: true });
  await chat.chat(cleo!, "POST", `/conversations/${id}/members`, { account_ids: [eve!.id] });
  await chat.chat(cleo!, "PATCH", `/conversations/${id}`, { title: "News" });
  await his.next("conversation", ({ conversation }) => conversation.title === "News");
  expect(JSON.stringify(his.frames)).not.toContain(eve!.id);
});

test("one who was sent away hears that, and not a word more", async () => {
  const id = await chat.group(cleo!, [dan!, eve!]);
  const [hers, his, theirs] = [await connect(cleo!), await connect(dan!), await connect(eve!)];
  await chat.chat(cleo!, "DELETE", `/conversations/${id}/members/${dan!.id}`);
  const self = await his.next("self", ({ gone }) => gone.length > 0);
  expect(self.gone).toEqual([id]);
  his.forget();
  hers.send(message(id, "he is gone"));
  await theirs.next("message", (frame) => frame.message.body?.text === "he is gone");
  his.send(message(id, "am I?", "after-removal"));
  const refused = await his.next("error", ({ ref }) => ref === "after-removal");
  expect(refused.code).toBe("chat.removed");
  expect(JSON.stringify(his.frames)).not.toContain("he is gone");
});

test("what is sent is masked or refused by words, blocks and bans", async () => {
  const [group, direct] = [await chat.group(cleo!, [dan!]), await chat.direct(cleo!, dan!)];
  const path = `/conversations/${group}/filters`;
  await chat.chat(cleo!, "POST", path, { text: "darn", action: "mask" });
  await chat.chat(cleo!, "POST", path, { text: "heck", action: "refuse" });
  const [hers, his] = [await connect(cleo!), await connect(dan!)];
  his.send(message(group, "what the heck", "word-refused"));
  const said = await his.next("error", ({ ref }) => ref === "word-refused");
  expect(said.code).toBe("chat.word_refused");
  his.send(message(group, "darn it"));
  const heard = await hers.next("message", (frame) => frame.message.sender_id === dan!.id);
  expect(heard.message.body?.text).toBe("**** it");

  await chat.chat(cleo!, "PUT", `/blocks/${dan!.id}`);
  his.send(message(direct, "hello?", "to-one-who-blocked"));
  const blocked = await his.next("error", ({ ref }) => ref === "to-one-who-blocked");
  expect(blocked.code).toBe("chat.person_refuses");
  await chat.chat(cleo!, "DELETE", `/blocks/${dan!.id}`);

  const until = "2999-01-01T00:00:00Z";
  await chat.chat(chat.admin, "PUT", `/admin/bans/${dan!.id}`, { until });
  his.send(message(group, "hello?", "while-banned"));
  const banned = await his.next("error", ({ ref }) => ref === "while-banned");
  expect(banned.code).toBe("chat.banned");
  await chat.chat(chat.admin, "DELETE", `/admin/bans/${dan!.id}`);
});

test("what is one's own is told to all of one's devices and to nobody else", async () => {
  const id = await chat.group(cleo!, [dan!]);
  const [phone, laptop] = [await connect(dan!, "dans-phone"), await connect(dan!, "dans-laptop")];
  const hers = await connect(cleo!);
  await chat.chat(dan!, "PATCH", `/conversations/${id}/own`, { archived: true });
  for (const device of [phone, laptop]) {
    const self = await device.next("self", ({ items }) => items[0]?.conversation.id === id);
    expect(self.items[0]?.own.archived).toBe(true);
  }
  expect(hers.all("self")).toEqual([]);
});

test("settings and the end of a conversation reach everybody", async () => {
  const id = await chat.group(cleo!, [dan!]);
  const his = await connect(dan!);
  await chat.chat(cleo!, "PATCH", `/conversations/${id}`, { title: "Crew" });
  const told = await his.next("conversation", (frame) => frame.conversation.id === id);
  expect(told.conversation.title).toBe("Crew");
  expect(told.members).toBeUndefined();
  await chat.chat(cleo!, "DELETE", `/conversations/${id}`);
  await chat.settle();
  const self = await his.next("self", ({ gone }) => gone.includes(id));
  expect(self.items).toEqual([]);
});
