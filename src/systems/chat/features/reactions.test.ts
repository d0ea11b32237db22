import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { type Message, reactionKindsMax } from "../shapes.ts";
import { type Features, groupWithLeaver, openFeatures, tryRefusals } from "./features.fixture.ts";
import { namedMax } from "./tally.ts";
import { pinsMax } from "./pins.ts";

/** Reactions and pins, by many at once. */
let chat: Features;
let group: string;
let left: Person;
beforeAll(async () => {
  chat = await openFeatures();
  ({ id: group, left } = await groupWithLeaver(chat));
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const path = ({ conversation_id, seq }: Message) =>
  `/conversations/${conversation_id}/messages/${seq}`;
const react = (as: Person, of: Message, emoji: string, method = "PUT") =>
  chat.chat<Message>(as, method, `${path(of)}/reactions/${encodeURIComponent(emoji)}`);

test("one reaction of each person and emoji, in the order in which they came", async () => {
  const said = await chat.say(chat.ada, group, "Good news");
  await react(chat.bob, said, "🎉");
  await react(chat.ada, said, "❤");
  const both = await react(chat.bob, said, "❤️");
  expect(both.body.extra.reactions).toEqual([
    { emoji: "🎉", count: 1, by: [chat.bob.id] },
    { emoji: "❤️", count: 2, by: [chat.ada.id, chat.bob.id] },
  ]);
  expect((await react(chat.bob, said, "❤️")).body).toEqual(both.body);
  await react(chat.bob, said, "🎉", "DELETE");
  const now = () => chat.message(chat.ada, group, said.seq);
  expect((await react(chat.bob, said, "❤️", "DELETE")).status).toBe(204);
  const one = await now();
  expect(one.extra.reactions).toEqual([{ emoji: "❤️", count: 1, by: [chat.ada.id] }]);
  expect((await react(chat.bob, said, "❤️", "DELETE")).status).toBe(204);
  expect(await now()).toEqual(one);
  await react(chat.ada, said, "❤️", "DELETE");
  expect((await now()).extra).toEqual({});
});

test("a hundred at once are all counted, and some are named", async () => {
  const people = await Promise.all(Array.from({ length: 50 }, (_, n) => chat.person(`P${n}`)));
  const id = await chat.group(chat.ada, people);
  const said = await chat.say(chat.ada, id, "Who comes?");
  const replies = await Promise.all(
    people.flatMap((person) => [react(person, said, "👍"), react(person, said, "🙌")]),
  );
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  const after = await chat.message(chat.ada, id, said.seq);
  expect(after.extra.reactions?.map(({ count }) => count)).toEqual([50, 50]);
  for (const { by } of after.extra.reactions ?? []) {
    expect(new Set(by).size).toBe(namedMax);
    expect(people.map((person) => person.id)).toEqual(expect.arrayContaining(by));
  }
  expect(after.rev).toBe(said.rev + 100);
}, 30_000);

test("kinds of emoji are bounded, and nothing else is one", async () => {
  const said = await chat.say(chat.ada, group, "Choose");
  const emojis = [..."😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚😙"];
  expect(emojis).toHaveLength(reactionKindsMax);
  for (const emoji of emojis) expect((await react(chat.bob, said, emoji)).status).toBe(200);
  expect(await react(chat.bob, said, "👨‍👩‍👧‍👦")).toMatchObject({
    ...{ status: 422, body: { code: "chat.limit" } },
  });
  expect((await react(chat.ada, said, emojis[3] as string)).status).toBe(200);
  for (const wrong of ["a", "👍👍", "<b>", "1"]) {
    expect([wrong, (await react(chat.bob, said, wrong)).status]).toEqual([wrong, 400]);
  }
});

test("nobody reacts to one who wants nothing from them", async () => {
  const direct = await chat.direct(chat.ada, chat.bob);
  const said = await chat.say(chat.ada, direct, "Hello");
  await chat.chat(chat.ada, "PUT", `/blocks/${chat.bob.id}`);
  expect((await react(chat.bob, said, "👎")).body.code).toBe("chat.person_refuses");
  await chat.chat(chat.ada, "DELETE", `/blocks/${chat.bob.id}`);
});

const pin = (as: Person, of: Message, method = "PUT") =>
  chat.chat<Message>(as, method, `${path(of)}/pin`);

test("those who run a group pin in it, so many; in a direct conversation both", async () => {
  const [first, second] = [
    await chat.say(chat.bob, group, "1"),
    await chat.say(chat.bob, group, "2"),
  ];
  expect((await pin(chat.bob, first)).body.code).toBe("chat.role_needed");
  expect((await pin(chat.ada, first)).body.pinned_at).toEqual(expect.any(String));
  const pinned = await pin(chat.ada, second);
  expect((await pin(chat.ada, second)).body).toEqual(pinned.body);
  const list = async (as: Person) => {
    const { body } = await chat.chat<{ items: Message[] }>(
      as,
      "GET",
      `/conversations/${group}/pins`,
    );
    return body.items.map(({ seq }) => seq);
  };
  expect(await list(chat.bob)).toEqual([second.seq, first.seq]);
  expect((await pin(chat.bob, first, "DELETE")).body.code).toBe("chat.role_needed");
  expect((await pin(chat.ada, first, "DELETE")).status).toBe(204);
  expect(await list(chat.bob)).toEqual([second.seq]);
  const direct = await chat.direct(chat.ada, chat.bob);
  const said = await chat.say(chat.ada, direct, "here");
  expect((await pin(chat.bob, said)).status).toBe(200);

  const many = [];
  for (let n = 0; n < pinsMax; n++) many.push(await chat.say(chat.ada, group, `pin ${n}`));
  const replies = await Promise.all(many.map((message) => pin(chat.ada, message)));
  const refused = replies.filter(({ body }) => body.code === "chat.limit");
  expect(refused).toHaveLength(1);
  expect(await list(chat.ada)).toHaveLength(pinsMax);
}, 30_000);

test("who came later sees no older pins", async () => {
  const late = await chat.person("Late");
  const id = await chat.group(chat.ada, [chat.bob]);
  const said = await chat.say(chat.ada, id, "before you came");
  await pin(chat.ada, said);
  await chat.chat(chat.ada, "POST", `/conversations/${id}/members`, { account_ids: [late.id] });
  const { body } = await chat.chat(late, "GET", `/conversations/${id}/pins`);
  expect(body).toEqual({ items: [] } as never);
  expect((await react(late, said, "👍")).status).toBe(404);
});

test("strangers learn nothing, and wrong input is refused", async () => {
  const { seq } = await chat.say(chat.ada, group, "Something");
  const [on, off] = [`/messages/${seq}/reactions/👍`, `/messages/${seq}/reactions/x`];
  await tryRefusals(chat, group, left, [
    ...["PUT", "DELETE"].map((method) => ({ method, rest: on, bad: { rest: off } })),
    ...["PUT", "DELETE"].map((method) => {
      return { method, rest: `/messages/${seq}/pin`, bad: { rest: "/messages/x/pin" } };
    }),
    { method: "GET", rest: "/pins" },
  ]);
});
