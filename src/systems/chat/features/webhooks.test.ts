import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Features, openFeatures } from "./features.fixture.ts";

/** A conversation that publishes its messages, and a program of a sender that is told of them. */
let chat: Features;
const heard: { type: string; data: unknown }[] = [];
const receiver = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    heard.push((await request.json()) as (typeof heard)[number]);
    return new Response();
  },
});

beforeAll(async () => {
  chat = await openFeatures();
}, 60_000);
afterAll(async () => {
  await chat.stop();
  await receiver.stop(true);
}, 30_000);

test("a webhook hears of its owner's messages where a conversation publishes them", async () => {
  const url = `http://127.0.0.1:${receiver.port}/`;
  const webhook = { url, event_types: ["chat.message_sent"] };
  const made = await chat.call("POST", "/api/v1/webhooks", { body: webhook });
  expect(made.status).toBe(201);
  const [quiet, loud] = [await chat.group(chat.ada, [chat.bob]), await chat.group(chat.ada)];
  await chat.chat(chat.ada, "PATCH", `/conversations/${loud}`, { publishes_events: true });
  await chat.say(chat.ada, quiet, "between us");
  const { seq } = await chat.say(chat.ada, loud, "for all to hear");
  await chat.settle();
  expect(heard).toMatchObject([
    {
      type: "chat.message_sent",
      data: { conversation_id: loud, seq, sender_id: chat.ada.id },
    },
  ]);
});
