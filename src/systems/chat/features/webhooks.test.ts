import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { messageSent } from "../contract.ts";
import { messageAudience } from "./audience.ts";
import { type Features, openFeatures } from "./features.fixture.ts";

/** Conversations that publish their messages, and the programs of members that are told of them. */
let chat: Features;
type Told = { to: string; type: string; data: { conversation_id: string; seq: number } };
const heard: Told[] = [];
let answer = 200;
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const told = (await request.json()) as Omit<Told, "to">;
    heard.push({ to: new URL(request.url).pathname.slice(1), ...told });
    return new Response(null, { status: answer });
  },
});

beforeAll(async () => {
  chat = await openFeatures();
}, 60_000);
beforeEach(() => {
  heard.length = 0;
  answer = 200;
});
afterAll(async () => {
  await chat.stop();
  await receiver.stop(true);
}, 30_000);

async function listen(as: Person, name: string, event_types: string[] = [messageSent.type]) {
  const url = `http://127.0.0.1:${receiver.port}/${name}`;
  const made = await chat.call("POST", "/api/v1/webhooks", { as, body: { url, event_types } });
  expect(made.status).toBe(201);
  return made.body["id"] as string;
}
async function publishing(owner: Person, others: Person[] = []): Promise<string> {
  const id = await chat.group(owner, others);
  await chat.chat(owner, "PATCH", `/conversations/${id}`, { publishes_events: true });
  return id;
}
const names = () => heard.map(({ to }) => to).toSorted();

test("the programs of all members are told, and those of nobody else", async () => {
  const [bot, other, stranger] = [
    await chat.person("Bot"),
    await chat.person("Other bot"),
    await chat.person("Stranger"),
  ];
  await listen(bot, "bot");
  await listen(other, "all", ["*"]);
  await listen(other, "links", ["links.*"]);
  await listen(stranger, "stranger", ["chat.*"]);
  await listen(chat.ada, "sender");
  const loud = await publishing(chat.ada, [bot, other]);
  const quiet = await chat.group(chat.ada, [bot, other]);
  await chat.settle();
  heard.length = 0;
  await chat.say(chat.ada, quiet, "between us");
  const { seq } = await chat.say(chat.ada, loud, "for all to hear");
  await chat.settle();
  expect(names()).toEqual(["all", "bot", "sender"]);
  for (const { type, data } of heard) {
    expect({ type, data }).toEqual({
      type: "chat.message_sent",
      data: { conversation_id: loud, seq, sender_id: chat.ada.id },
    } as never);
  }
  // A conversation that publishes nothing leaves no trace.
  const published = await chat.db.all`
    SELECT FROM platform.events WHERE data->>'conversation_id' = ${quiet}`;
  expect(published).toEqual([]);
});

test("who is removed is told nothing from then on, also of what is to be tried again", async () => {
  const bot = await chat.person("Removed bot");
  const webhook_id = await listen(bot, "removed");
  const id = await publishing(chat.bob, [bot]);
  answer = 500;
  await chat.say(chat.bob, id, "does not arrive");
  await chat.settle();
  expect(names()).toEqual(["removed"]);
  const path = `/conversations/${id}/members/${bot.id}`;
  expect((await chat.chat(chat.bob, "DELETE", path)).status).toBe(204);
  answer = 200;
  await chat.say(chat.bob, id, "without it");
  await chat.db.write(
    (tx) => tx.run`
      UPDATE webhooks.deliveries SET next_attempt_at = now() WHERE webhook_id = ${webhook_id}`,
  );
  await chat.run("webhooks.deliver", { webhook_id });
  expect(names()).toEqual(["removed"]);
  const deliveries = await chat.db.all`
    SELECT status, attempts, error FROM webhooks.deliveries WHERE webhook_id = ${webhook_id}`;
  const error = "its owner may not be told of this any more";
  expect(deliveries).toEqual([{ status: "dead", attempts: 1, error }]);

  const members = { account_ids: [bot.id] };
  await chat.chat(chat.bob, "POST", `/conversations/${id}/members`, members);
  await chat.say(chat.bob, id, "with it again");
  await chat.settle();
  expect(names()).toEqual(["removed", "removed"]);
});

test("members are told of what they may read, nobody of what is gone", async () => {
  const late = await chat.person("Late");
  const id = await publishing(chat.ada, [chat.bob]);
  const { seq } = await chat.say(chat.ada, id, "before");
  const told = (at: number, account_ids: string[]) =>
    messageAudience(chat.db).among(
      { conversation_id: id, seq: at, sender_id: chat.ada.id },
      account_ids,
    );
  await chat.chat(chat.ada, "POST", `/conversations/${id}/members`, { account_ids: [late.id] });
  const everybody = [chat.ada.id, chat.bob.id, late.id, chat.admin.id];
  expect(await told(seq, everybody)).toEqual(new Set([chat.ada.id, chat.bob.id]));
  const { seq: next } = await chat.say(chat.ada, id, "after");
  expect(await told(next, everybody)).toEqual(new Set([chat.ada.id, chat.bob.id, late.id]));
  expect(await told(next, [])).toEqual(new Set());
  expect((await chat.chat(chat.ada, "DELETE", `/conversations/${id}`)).status).toBe(204);
  expect(await told(next, everybody)).toEqual(new Set());
});
