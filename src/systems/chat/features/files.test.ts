import { afterAll, beforeAll, expect, test } from "bun:test";
import sharp from "sharp";
import { publicUrl, type Person } from "../../../../test/world.ts";
import type { Message } from "../shapes.ts";
import { type Features, newClientId, openFeatures } from "./features.fixture.ts";

/** Files of messages: sent, shown to those who may see them, shared, and gone with the last. */
let chat: Features;
let group: string;
let elsewhere: string;
beforeAll(async () => {
  chat = await openFeatures();
  group = await chat.group(chat.ada, [chat.bob]);
  elsewhere = await chat.group(chat.bob, [chat.ada]);
}, 60_000);
afterAll(() => chat.stop(), 60_000);

const here = (url: string) => url.replace(publicUrl, chat.url);
type Offer = { upload_id: string; url: string; types: string[]; bytes_max: number };

async function upload(as: Person, kind: string, bytes: BodyInit, type: string): Promise<string> {
  const { status, body } = await chat.chat<Offer>(as, "POST", "/uploads", { kind });
  expect(status).toBe(201);
  const put = await fetch(here(body.url), {
    ...{ method: "PUT", body: bytes, headers: { "content-type": type } },
  });
  expect(put.status).toBe(200);
  return body.upload_id;
}

const picture = async (as: Person) => {
  const png = sharp({ create: { width: 40, height: 30, channels: 3, background: "red" } }).png();
  return await upload(as, "image", new Uint8Array(await png.toBuffer()), "image/png");
};
const note = (as: Person) => upload(as, "file", "some words", "text/plain");

const send = (as: Person, id: string, attachments: object[]) =>
  chat.chat<{ seq: number }>(as, "POST", `/conversations/${id}/messages`, {
    ...{ client_msg_id: newClientId(), body: { attachments } },
  });

const linkTo = (as: Person, { conversation_id, seq }: Message, rest = "0") =>
  chat.chat<{ url: string }>(
    as,
    "GET",
    `/conversations/${conversation_id}/messages/${seq}/attachments/${rest}`,
  );

const isThere = async (upload_id: string) => {
  const row = await chat.db.one`
    SELECT FROM platform.uploads WHERE id = ${upload_id} AND removed_at IS NULL`;
  return row !== null;
};

test("a picture is what it is, and whoever may see the message gets it", async () => {
  const upload_id = await picture(chat.ada);
  const sent = await send(chat.ada, group, [
    { upload_id, kind: "image", name: "red.png", type: "image/svg+xml", bytes: 1, width: 9 },
  ]);
  expect(sent.status).toBe(201);
  const message = await chat.message(chat.bob, group, sent.body.seq);
  expect(message.body?.attachments).toEqual([
    {
      ...{ upload_id, kind: "image", name: "red.png", type: "image/png" },
      ...{ bytes: expect.any(Number), width: 40, height: 30 },
    },
  ]);
  const whole = await fetch(here((await linkTo(chat.bob, message)).body.url));
  expect(whole.headers.get("content-type")).toBe("image/png");
  const small = await fetch(here((await linkTo(chat.bob, message, "0?thumbnail=1")).body.url));
  expect(small.headers.get("content-type")).toBe("image/webp");
  expect((await linkTo(chat.bob, message, "1")).status).toBe(404);
  expect((await linkTo(chat.bob, message, "x")).status).toBe(400);
});

test("nobody attaches what is not theirs, not there, or not what they call it", async () => {
  const mine = await note(chat.ada);
  const offered = await chat.chat<Offer>(chat.bob, "POST", "/uploads", { kind: "voice" });
  const refused = [
    [mine, "file", 404, "uploads.not_found"],
    [offered.body.upload_id, "voice", 404, "uploads.not_found"],
    ["12345", "file", 404, "uploads.not_found"],
  ] as const;
  for (const [upload_id, kind, status, code] of refused) {
    const reply = await send(chat.bob, group, [{ upload_id, kind }]);
    expect(reply).toMatchObject({ status, body: { code } });
  }
  expect((await send(chat.ada, group, [{ upload_id: mine, kind: "image" }])).status).toBe(400);
  const twice = { upload_id: mine, kind: "file" };
  expect((await send(chat.ada, group, [twice, twice])).status).toBe(400);
  // None of these took it.
  expect((await send(chat.ada, group, [twice])).status).toBe(201);
  expect(await send(chat.ada, group, [twice])).toMatchObject({
    ...{ status: 409, body: { code: "uploads.incomplete" } },
  });
});

test("a refused message takes none of its files, whatever others are sent with it", async () => {
  const [good, fine] = [await note(chat.ada), await note(chat.ada)];
  const replies = await Promise.all([
    send(chat.ada, group, [
      { upload_id: good, kind: "file" },
      { upload_id: "9", kind: "file" },
    ]),
    send(chat.ada, group, [{ upload_id: fine, kind: "file" }]),
  ]);
  expect(replies.map(({ status }) => status)).toEqual([404, 201]);
  expect((await send(chat.ada, group, [{ upload_id: good, kind: "file" }])).status).toBe(201);
});

test("forwarding shares a file, which goes with the last message that has it", async () => {
  const upload_id = await note(chat.ada);
  const sent = await send(chat.ada, group, [{ upload_id, kind: "file", name: "a.txt" }]);
  const message = await chat.message(chat.ada, group, sent.body.seq);
  const to = { conversation_id: elsewhere, client_msg_id: newClientId() };
  const path = `/conversations/${group}/messages/${message.seq}`;
  const forward = () => chat.chat<{ seq: number }>(chat.bob, "POST", `${path}/forward`, to);
  const forwarded = await forward();
  expect(forwarded.status).toBe(201);
  expect((await forward()).body).toEqual(forwarded.body);
  const copy = await chat.message(chat.ada, elsewhere, forwarded.body.seq);
  expect(copy.body).toMatchObject({
    forwarded_from: { sender_id: chat.ada.id, sent_at: message.created_at },
    attachments: message.body?.attachments,
  });
  const { body: gone } = await linkTo(chat.ada, message);
  expect((await chat.chat(chat.ada, "DELETE", path)).status).toBe(204);
  expect((await linkTo(chat.ada, message)).status).toBe(404);
  expect(await isThere(upload_id)).toBe(true);
  expect(await (await fetch(here((await linkTo(chat.ada, copy)).body.url))).text()).toBe(
    "some words",
  );
  const second = `/conversations/${elsewhere}/messages/${copy.seq}`;
  expect((await chat.chat(chat.bob, "DELETE", second)).status).toBe(204);
  expect(await isThere(upload_id)).toBe(false);
  expect((await fetch(here(gone.url))).status).toBe(404);
  expect(await chat.db.all`SELECT FROM chat.files WHERE upload_id = ${upload_id}`).toEqual([]);
});

test("a link is for those who may see the message, not before they came", async () => {
  const upload_id = await note(chat.ada);
  const sent = await send(chat.ada, group, [{ upload_id, kind: "file" }]);
  const message = await chat.message(chat.ada, group, sent.body.seq);
  const late = await chat.person("Late");
  const added = { account_ids: [late.id] };
  await chat.chat(chat.ada, "POST", `/conversations/${group}/members`, added);
  expect((await linkTo(late, message)).status).toBe(404);
  expect((await linkTo(chat.admin, message)).body.url).toBeUndefined();
  expect((await linkTo(chat.admin, message)).status).toBe(404);
  const path = `/api/v1/chat/conversations/${group}/messages/${message.seq}/attachments/0`;
  expect((await chat.call("GET", path, { as: null })).status).toBe(401);
  expect((await chat.call("GET", path, { as: chat.createOnlyKey })).status).toBe(403);
});

test("a URL is good as it was given out, and not otherwise", async () => {
  const { body } = await chat.chat<Offer>(chat.ada, "POST", "/uploads", { kind: "file" });
  const bare = here(body.url).split("?")[0] as string;
  const put = { method: "PUT", body: "words", headers: { "content-type": "text/plain" } };
  const raised = here(body.url).replace(/bytes_max=\d+/, "bytes_max=999999999999");
  expect((await fetch(raised, put)).status).toBe(403);
  expect((await fetch(bare, put)).status).toBe(400);
  expect((await fetch(bare)).status).toBe(400);
  const upload_id = await note(chat.ada);
  const sent = await send(chat.ada, group, [{ upload_id, kind: "file" }]);
  const message = await chat.message(chat.ada, group, sent.body.seq);
  const { url } = (await linkTo(chat.ada, message)).body;
  expect((await fetch(here(url).replace("variant=whole", "variant=thumbnail"))).status).toBe(403);
});

test("offers are for those who may say something, and so many", async () => {
  const offer = (as: Person | string | null, body: object = { kind: "image" }) =>
    chat.call("POST", "/api/v1/chat/uploads", { as, body });
  expect((await offer(chat.ada)).body).toMatchObject({
    ...{ method: "PUT", types: expect.arrayContaining(["image/png"]) },
  });
  expect((await offer(chat.ada, { kind: "program" })).status).toBe(400);
  expect((await offer(null)).status).toBe(401);
  expect((await offer(chat.readOnlyKey)).status).toBe(403);
  const ban = { until: new Date(Date.now() + 60_000).toISOString() };
  const rude = await chat.person("Rude");
  await chat.chat(chat.admin, "PUT", `/admin/bans/${rude.id}`, ban);
  expect((await offer(rude)).body).toMatchObject({ code: "chat.banned" });
  const many = await Promise.all(Array.from({ length: 80 }, () => offer(chat.bob)));
  expect(many.map(({ status }) => status)).toContain(429);
});
