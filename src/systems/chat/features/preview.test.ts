import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Message } from "../shapes.ts";
import { type Features, openFeatures } from "./features.fixture.ts";
import { lookKind } from "./look.ts";
import { firstUrl, previewOf } from "./preview-page.ts";

/** What links lead to, asked for by a job and through the one way out. */
let chat: Features;
let group: string;
let asked: { path: string; agent: string | null }[] = [];

const pages: Record<string, () => Response> = {
  "/page": () =>
    html("<head><title>A page</title><meta name=description content='About it'></head>"),
  "/picture": () => new Response("bytes", { headers: { "content-type": "image/png" } }),
  "/gone": () => html("<title>Not here</title>", 404),
  "/moved": () => Response.redirect("/page", 302),
  "/endless": () => html(`<title>Long</title>${"<p>".repeat(1_000_000)}`),
};
const html = (text: string, status = 200) =>
  new Response(text, { status, headers: { "content-type": "text/html; charset=utf-8" } });

const site = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const { pathname: path } = new URL(request.url);
    asked.push({ path, agent: request.headers.get("user-agent") });
    return pages[path]?.() ?? html("<title>Other</title>");
  },
});
const at = (path: string) => `http://127.0.0.1:${site.port}${path}`;

beforeAll(async () => {
  chat = await openFeatures();
  group = await chat.group(chat.ada, [chat.bob]);
}, 60_000);
afterAll(async () => {
  await chat.stop();
  await site.stop(true);
}, 60_000);

async function previewed(text: string, world = chat, id = group): Promise<Message> {
  const said = await world.say(world.ada, id, text);
  await world.run(lookKind);
  return await world.message(world.bob, id, said.seq);
}

test("a link's page is shown as a change of the message, soon after it was sent", async () => {
  const message = await previewed(`Look: ${at("/page")}.`);
  expect(message.extra.preview).toEqual({
    ...{ url: at("/page"), title: "A page", description: "About it" },
  });
  expect(message.edited_at).toBeNull();
  expect(asked.at(-1)?.agent).toStartWith("Stoa link preview");
  const before = asked.length;
  await chat.run(lookKind);
  expect(asked).toHaveLength(before);
  expect((await previewed(at("/moved"))).extra.preview).toMatchObject({ title: "A page" });
  expect((await previewed(at("/endless"))).extra.preview).toMatchObject({ title: "Long" });
});

test("what is no page, or not there, is not shown", async () => {
  for (const path of ["/picture", "/gone"]) {
    expect((await previewed(at(path))).extra).toEqual({});
    expect(asked.at(-1)?.path).toBe(path);
  }
});

test("an edit shows its own link, and none where it has none", async () => {
  const message = await previewed(at("/page"));
  const path = `/conversations/${group}/messages/${message.seq}`;
  const edited = await chat.chat<Message>(chat.ada, "PATCH", path, { text: at("/other") });
  expect(edited.body.extra.preview).toBeUndefined();
  await chat.settle();
  const other = await chat.message(chat.ada, group, message.seq);
  expect(other.extra.preview?.title).toBe("Other");
  await chat.chat(chat.ada, "PATCH", path, { text: "nothing" });
  await chat.settle();
  expect((await chat.message(chat.ada, group, message.seq)).extra).toEqual({});
});

test("one sender cannot have pages asked for without end", async () => {
  asked = [];
  const bob = Array.from({ length: 40 }, () => chat.say(chat.bob, group, at("/many")));
  await Promise.all(bob);
  await chat.run(lookKind);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.length).toBeLessThan(40);
});

test("nothing is asked of private addresses, nor at all where that is set", async () => {
  for (const setting of ["STOA_OUTBOUND_ALLOW_PRIVATE", "STOA_CHAT_LINK_PREVIEWS"]) {
    const world = await openFeatures({ [setting]: "false" });
    asked = [];
    const id = await world.group(world.ada, [world.bob]);
    expect((await previewed(at("/page"), world, id)).extra).toEqual({});
    expect(asked).toEqual([]);
    await world.stop();
  }
}, 60_000);

test("the first link of a text, without what ends the sentence", () => {
  const links: [string, string | null][] = [
    ["see https://example.com/a?b=c#d, or not", "https://example.com/a?b=c#d"],
    ["(http://example.com/x).", "http://example.com/x"],
    ["https://user:secret@example.com/", null],
    ["ftp://example.com javascript:alert(1)", null],
    ["https://", null],
    [`https://example.com/${"x".repeat(3_000)}`, null],
  ];
  for (const [text, url] of links) expect(firstUrl(text)).toBe(url);
});

test("of a page its own words are taken as text, bounded", async () => {
  const url = "https://example.com/";
  const page = `<html><head><title>Plain</title>
    <meta property="og:title" content="Tom &amp; Jerry &#8211; &lt;b&gt;\u202Enow&#0;\n">
    <meta name="description" content="second"><meta property="og:description" content="first">
    <meta property="og:site_name" content="${"s".repeat(5_000)}"></head><svg><title>no</title>`;
  const found = await previewOf(url, page);
  expect(found).toMatchObject({ url, title: "Tom & Jerry – <b> now", description: "first" });
  expect(found?.site).toHaveLength(100);
  expect(await previewOf(url, "<p>nothing</p>")).toBeNull();
  expect(await previewOf(url, "\0<<<>>><title")).toBeNull();
});
