import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { mediaTypes, type MediaType } from "./media-types.ts";
import { bytesOf, picture, samples, type Bytes } from "./samples.fixture.ts";
import { codeOf, startUploads, type World } from "./uploads.fixture.ts";

let world: World;
let id: string;
const content = new Uint8Array(200_000).map((_, i) => 97 + (i % 26));

beforeAll(async () => {
  world = await startUploads();
  id = (await world.stored(content, "text/plain")).upload_id;
});
afterAll(() => world.stop());

const minute = 60_000;
const link = (options: Partial<Parameters<World["uploads"]["link"]>[1]> = {}, of = id) =>
  world.uploads.link(of, { expiresInMs: 10 * minute, ...options }).url;
const bytesIn = async (response: Response) => new Uint8Array(await response.arrayBuffer());

test("a link gives the file, as what it is, and lets no browser guess or run", async () => {
  const response = await world.get(link());
  expect(response.status).toBe(200);
  expect(await bytesIn(response)).toEqual(content);
  const { headers } = response;
  expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(headers.get("content-length")).toBe("200000");
  expect(headers.get("accept-ranges")).toBe("bytes");
  expect(headers.get("content-disposition")).toBe("inline");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toMatch(/^default-src 'none';.* sandbox$/);
  expect(headers.get("cache-control")).toMatch(/^private, max-age=\d+, immutable$/);
  expect(headers.get("etag")).toMatch(/^"[0-9a-f]{64}"$/);
});

test("HEAD answers as GET does, without the file", async () => {
  const [head, get] = [await world.get(link(), {}, "HEAD"), await world.get(link())];
  expect(head.status).toBe(200);
  expect((await bytesIn(head)).byteLength).toBe(0);
  for (const name of ["content-type", "content-length", "etag", "accept-ranges"]) {
    expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
  }
});

describe("a part", () => {
  test.each([
    ["bytes=0-0", 0, 0],
    ["bytes=65530-65545", 65_530, 65_545],
    ["bytes=199990-", 199_990, 199_999],
    ["bytes=-10", 199_990, 199_999],
    ["bytes=100-9999999", 100, 199_999],
  ])("%s", async (range, first, last) => {
    const response = await world.get(link(), { range });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${first}-${last}/200000`);
    expect(response.headers.get("content-length")).toBe(String(last - first + 1));
    expect(await bytesIn(response)).toEqual(content.slice(first, last + 1));
    const head = await world.get(link(), { range }, "HEAD");
    expect([head.status, head.headers.get("content-range")]).toEqual([
      206,
      `bytes ${first}-${last}/200000`,
    ]);
  });

  test.each(["bytes=200000-", "bytes=-0", "bytes=999999999-"])("%s is beyond", async (range) => {
    const response = await world.get(link(), { range });
    expect(response.headers.get("content-range")).toBe("bytes */200000");
    expect(await codeOf(response)).toBe("416 uploads.range_beyond");
  });

  test.each(["bytes=0-1,5-6", "bytes=5-1", "pages=1-2", "x"])("%s is all", async (range) => {
    const response = await world.get(link(), { range });
    expect(response.status).toBe(200);
    expect((await bytesIn(response)).byteLength).toBe(200_000);
  });

  test("of something else than the client has begun with is all", async () => {
    const etag = (await world.get(link(), {}, "HEAD")).headers.get("etag") ?? "";
    const range = "bytes=0-9";
    expect((await world.get(link(), { range, "if-range": etag })).status).toBe(206);
    expect((await world.get(link(), { range, "if-range": '"other"' })).status).toBe(200);
    expect((await world.get(link(), { range, "if-range": `W/${etag}` })).status).toBe(200);
  });
});

test("who has it already is told so", async () => {
  const etag = (await world.get(link(), {}, "HEAD")).headers.get("etag") ?? "";
  for (const given of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const response = await world.get(link(), { "if-none-match": given });
    expect([given, response.status]).toEqual([given, 304]);
    expect((await bytesIn(response)).byteLength).toBe(0);
  }
  expect((await world.get(link(), { "if-none-match": '"x"' })).status).toBe(200);
});

describe("a link", () => {
  test("is over when its time is, and its cached copy no later", async () => {
    const { url, expires_at } = world.uploads.link(id, { expiresInMs: 10 * minute });
    const left = Date.parse(expires_at) - world.clock.now();
    expect(left).toBeLessThanOrEqual(10 * minute);
    expect(left).toBeGreaterThan(7.5 * minute - 1);
    const response = await world.get(url);
    const age = Number(/max-age=(\d+)/.exec(response.headers.get("cache-control") ?? "")?.[1]);
    expect(age).toBe(Math.floor(left / 1000));
    world.clock.advance(left - 1);
    expect((await world.get(url)).status).toBe(200);
    world.clock.advance(1);
    expect(await codeOf(await world.get(url))).toBe("410 uploads.expired");
  });

  test("is the same for a while, so that browsers keep what they got by it", () => {
    const now = world.clock.now();
    world.clock.set(Math.ceil(now / (10 * minute)) * 10 * minute);
    const first = link();
    world.clock.advance(2 * minute);
    expect(link()).toBe(first);
    world.clock.advance(minute);
    expect(link()).not.toBe(first);
  });

  test.each([
    ["expires", String(Date.UTC(2099, 0))],
    ["variant", "thumbnail"],
    ["name", "b.txt"],
    ["signature", "x"],
  ])("whose %s was changed is refused", async (name, value) => {
    const url = new URL(link({ name: "a.txt" }));
    url.searchParams.set(name, value);
    expect(await codeOf(await world.get(url.href))).toBe("403 uploads.signature_wrong");
  });

  test("is for its own file and system", async () => {
    const other = (await world.stored(bytesOf("other"), "text/plain")).upload_id;
    const wrong = "403 uploads.signature_wrong";
    expect(await codeOf(await world.get(link().replace(id, other)))).toBe(wrong);
    expect(await codeOf(await world.get(link().replace("/test/", "/other/")))).toBe(wrong);
    const foreign = world.other.link(id, { expiresInMs: minute }).url;
    expect(await codeOf(await world.get(foreign))).toBe("404 uploads.not_found");
  });

  test.each([
    ["variant", "original"],
    ["expires", "x"],
  ])("with %s=%s is invalid", async (name, value) => {
    const url = new URL(link());
    url.searchParams.set(name, value);
    expect(await codeOf(await world.get(url.href))).toBe("400 request.invalid");
  });

  test("to what is not there says so", async () => {
    expect(await codeOf(await world.get(link({}, "123")))).toBe("404 uploads.not_found");
    expect(await codeOf(await world.get(link({ thumbnail: true })))).toBe("404 uploads.not_found");
  });

  test.each([
    ["a.txt", "a.txt", "a.txt"],
    [`\u00e4"\\;x`, "____x", "%C3%A4%22%5C%3Bx"],
    ["a\r\nx: y\0", "a__x_ y_", "a__x%3A%20y_"],
    ["a'(b)*", "a_(b)_", "a%27%28b%29%2A"],
    ["\ud800", "_", "%EF%BF%BD"],
    ["n".repeat(300), "n".repeat(255), "n".repeat(255)],
  ])("names a file %p without harm", async (name, plain, whole) => {
    const { headers } = await world.get(link({ name }));
    const expected = `inline; filename="${plain}"; filename*=UTF-8''${whole}`;
    expect(headers.get("content-disposition")).toBe(expected);
    expect(headers.get("x")).toBeNull();
  });
});

test("a large file comes as it was, whole and in parts", async () => {
  const bytes = new Uint8Array(5_000_000).map((_, i) => (i * 7) ^ (i >> 9));
  const { upload_id } = await world.stored(bytes, "application/octet-stream");
  const url = link({}, upload_id);
  expect(Bun.deepEquals(await bytesIn(await world.get(url)), bytes)).toBe(true);
  const part = await world.get(url, { range: "bytes=1000001-4000000" });
  expect(part.headers.get("content-range")).toBe("bytes 1000001-4000000/5000000");
  expect(Bun.deepEquals(await bytesIn(part), bytes.slice(1_000_001, 4_000_001))).toBe(true);
});

test("a reader who stops costs no more than a little memory, and nothing once gone", async () => {
  const bytes = new Uint8Array(60_000_000);
  const { upload_id } = await world.stored(bytes, "application/octet-stream");
  const { pathname, search } = new URL(link({}, upload_id));
  // Other connections come and go meanwhile; no other file is as long.
  const isTheFile = (fd: string) => {
    const stat = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    return stat !== undefined && stat.size >= bytes.length;
  };
  const isOpen = () => readdirSync("/proc/self/fd").some(isTheFile);
  Bun.gc(true);
  const [first, open] = [Promise.withResolvers<void>(), process.memoryUsage.rss()];
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: world.port,
    socket: {
      data(self) {
        self.pause();
        first.resolve();
      },
    },
  });
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await first.promise;
  // Others are served meanwhile, which takes longer than reading all of it into memory would.
  for (let i = 0; i < 200; i++) await bytesIn(await world.get(link()));
  // What the tests themselves left is collected; what waits for the reader would not be.
  while (process.memoryUsage.rss() - open > 40_000_000) {
    Bun.gc(true);
    await Bun.sleep(50);
  }
  expect(isOpen()).toBe(true);
  socket.terminate();
  while (isOpen()) await Bun.sleep(5);
});

describe("what a browser could run is only saved:", () => {
  test.each([
    "<!doctype html><script>alert(1)</script>",
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "<?xml version='1.0'?><x/>",
  ])("%p", async (markup) => {
    const octets = "application/octet-stream";
    const { upload_id } = await world.stored(bytesOf(markup), octets);
    const { headers } = await world.get(link({ name: "x.html" }, upload_id));
    expect(headers.get("content-type")).toBe(octets);
    expect(headers.get("content-disposition")).toStartWith("attachment; ");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("sandbox");
  });

  const harmless = /^((image|audio|video)\/(?!svg)[\w-]+|text\/plain; charset=utf-8)$/;
  const all: [string, MediaType, Bytes][] = [
    ...samples,
    ["a text", "text/plain", bytesOf("hello")],
    ["bytes", "application/octet-stream", bytesOf("\0")],
  ];
  test.each(all)("%s is shown only if it is harmless", async (_, type, bytes) => {
    expect(mediaTypes).toContain(type);
    const { upload_id } = await world.stored(bytes, type);
    const { headers } = await world.get(link({}, upload_id));
    const isShown = harmless.test(headers.get("content-type") ?? "");
    expect(headers.get("content-disposition")).toBe(isShown ? "inline" : "attachment");
  });
});

test("the small picture of an image has a link of its own", async () => {
  const { upload_id } = await world.stored(await picture("jpeg"), "image/jpeg");
  const whole = await world.get(link({}, upload_id));
  const small = await world.get(link({ thumbnail: true }, upload_id));
  expect(small.status).toBe(200);
  expect(small.headers.get("content-type")).toBe("image/webp");
  expect(small.headers.get("etag")).not.toBe(whole.headers.get("etag"));
  const bytes = await bytesIn(small);
  expect(Buffer.from(bytes.subarray(8, 12)).toString()).toBe("WEBP");
  expect(small.headers.get("content-length")).toBe(String(bytes.byteLength));
  const part = await world.get(link({ thumbnail: true }, upload_id), { range: "bytes=8-11" });
  expect(await part.text()).toBe("WEBP");
});

test("an empty file is one, and has no part", async () => {
  const { upload_id } = await world.stored(new Uint8Array(0), "text/plain");
  const response = await world.get(link({}, upload_id));
  expect([response.status, response.headers.get("content-length")]).toEqual([200, "0"]);
  const part = await world.get(link({}, upload_id), { range: "bytes=0-" });
  expect(await codeOf(part)).toBe("416 uploads.range_beyond");
});
