import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import type { MediaType } from "./media-types.ts";
import { startS3 } from "./s3-server.fixture.ts";
import { bytesOf, picture, samples, type Bytes } from "./samples.fixture.ts";
import { canHaveThumbnail } from "./thumbnails.ts";
import { codeOf, files, origin, ownerId, startUploads, type World } from "./uploads.fixture.ts";

let world: World;
let png: Bytes;
beforeAll(async () => {
  world = await startUploads();
  png = await picture("png", { width: 200, height: 100 });
});
afterAll(() => world.stop());

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** The offer's URL with something else in it. */
function altered(url: string, name: string, value: string): string {
  const changed = new URL(url);
  changed.searchParams.set(name, value);
  return changed.href;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return (error as AppError).code;
}

const attach = (ids: string[], owner = ownerId, uploads = world.uploads) =>
  world.db.write((tx) => uploads.attach(tx, { ids, ownerId: owner }));
const release = (ids: string[], uploads = world.uploads) =>
  world.db.write((tx) => uploads.release(tx, ids));

describe("an offer", () => {
  test("takes the bytes, and says what they are", async () => {
    const offer = world.offer();
    expect(offer.url.startsWith(`${origin}/api/v1/test/uploads/${offer.upload_id}?`)).toBe(true);
    const response = await world.send(offer.url, png, "image/png");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      ...{ upload_id: offer.upload_id, type: "image/png", bytes: png.byteLength },
      ...{ sha256: sha256(png), width: 200, height: 100 },
      thumbnail: { width: 200, height: 100 },
    });
  });

  test("says its terms, which are never more than the operator allows", () => {
    const { bytes_max, types, method, expires_at } = world.offer({
      ...{ bytesMax: 10 ** 12, expiresInMs: 10 ** 12 },
    });
    expect({ bytes_max, types, method }).toEqual({
      ...{ bytes_max: 100 * 1024 * 1024, types: ["image/png", "text/plain"], method: "PUT" },
    });
    expect(Date.parse(expires_at)).toBe(world.clock.now() + 24 * 3_600_000);
  });

  test.each(["owner", "bytes_max", "types", "expires", "signature"])(
    "whose %s was changed is refused",
    async (name) => {
      const { url, upload_id } = world.offer();
      const changes: Record<string, string> = {
        ...{ owner: "43", bytes_max: "1000001", types: "image/png,text/plain,application/zip" },
        expires: String(world.clock.now() + 60_001),
        signature: `A${new URL(url).searchParams.get("signature")?.slice(1)}`,
      };
      const response = await world.send(altered(url, name, changes[name] ?? ""), png);
      expect(await codeOf(response)).toBe("403 uploads.signature_wrong");
      for (const odd of ["", "x", "%00", "A".repeat(43)]) {
        const sent = await world.send(altered(url, "signature", odd), png);
        expect(await codeOf(sent)).toBe("403 uploads.signature_wrong");
      }
      expect(await world.uploads.find(world.db, [upload_id])).toEqual([]);
    },
  );

  test("is for its own id, system and method", async () => {
    const [one, two] = [world.offer(), world.offer()];
    const wrong = "403 uploads.signature_wrong";
    const moved = one.url.replace(one.upload_id, two.upload_id);
    expect(await codeOf(await world.send(moved, png))).toBe(wrong);
    const elsewhere = one.url.replace("/test/", "/other/");
    expect(await codeOf(await world.send(elsewhere, png))).toBe(wrong);
    const query = `${one.url}&variant=whole`;
    expect(await codeOf(await world.get(query))).toBe(wrong);
    const { url } = world.uploads.link(one.upload_id, { expiresInMs: 60_000 });
    const asOffer = `${url}&owner=42&bytes_max=10&types=text/plain`;
    expect(await codeOf(await world.send(asOffer, png))).toBe(wrong);
  });

  test.each([
    ["expires", "soon"],
    ["expires", "-1"],
    ["bytes_max", "1e400"],
    ["owner", "0"],
    ["owner", "1 OR 1=1"],
    ["types", "x".repeat(1_000)],
  ])("with %s=%s is invalid", async (name, value) => {
    const response = await world.send(altered(world.offer().url, name, value), png);
    expect(await codeOf(response)).toBe("400 request.invalid");
  });

  test("is over when its time is, and not before", async () => {
    const { url } = world.offer({ expiresInMs: 5_000 });
    world.clock.advance(4_999);
    expect((await world.send(url, "hello", "text/plain")).status).toBe(200);
    const late = world.offer({ expiresInMs: 5_000 });
    world.clock.advance(5_000);
    expect(await codeOf(await world.send(late.url, png))).toBe("410 uploads.expired");
  });
});

describe("bytes are refused, and nothing stays,", () => {
  const nothingBy = async (
    send: (url: string) => Promise<Response>,
    terms: Parameters<World["offer"]>[0] = {},
  ) => {
    const before = files(join(world.dataDir, "blobs")).sort();
    const { url, upload_id } = world.offer(terms);
    const code = await codeOf(await send(url));
    expect(files(join(world.dataDir, "blobs")).sort()).toEqual(before);
    expect(await refusal(attach([upload_id]))).toMatch(/^uploads\.(incomplete|not_found)$/);
    return code;
  };
  const inChunks = (bytes: Bytes) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });

  test("when they are too many, said or not", async () => {
    const terms = { bytesMax: png.byteLength - 1 };
    const tooLarge = "413 request.too_large";
    expect(await nothingBy((url) => world.send(url, png), terms)).toBe(tooLarge);
    expect(await nothingBy((url) => world.send(url, inChunks(png)), terms)).toBe(tooLarge);
  });

  test("when they are not what they are said to be, or not wanted", async () => {
    const refused = "422 uploads.type_refused";
    expect(await nothingBy((url) => world.send(url, png, "text/plain"))).toBe(refused);
    expect(await nothingBy((url) => world.send(url, "hello", "image/png"))).toBe(refused);
    expect(await nothingBy((url) => world.send(url, "hello"))).toBe(refused);
    expect(await nothingBy((url) => world.send(url, "<script>", "text/plain"))).toBe(refused);
    const zip = bytesOf("PK\x03\x04\x14\0\0\0");
    expect(await nothingBy((url) => world.send(url, zip))).toBe(refused);
    const late = `${"a".repeat(300_000)}\0`;
    expect(await nothingBy((url) => world.send(url, late, "text/plain"))).toBe(refused);
  });

  test("when the client goes away in the middle", async () => {
    const before = files(join(world.dataDir, "blobs")).sort();
    const { url, upload_id } = world.offer();
    const { pathname, search } = new URL(url);
    const socket = await Bun.connect({
      ...{ hostname: "127.0.0.1", port: world.port, socket: { data() {} } },
    });
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n`;
    socket.write(head + png.subarray(0, 100));
    while ((await world.rows()).every((row) => row.id !== upload_id)) await Bun.sleep(2);
    socket.terminate();
    while (files(join(world.dataDir, "blobs", ".staging")).length > 0) await Bun.sleep(2);
    expect(files(join(world.dataDir, "blobs")).sort()).toEqual(before);
    // And the client may come back to the same place.
    expect((await world.send(url, png, "image/png")).status).toBe(200);
  });

  test("when they trickle in beyond their time", async () => {
    const slow = await startUploads({ STOA_BLOB_PUT_MS_MAX: "1000" });
    const { url } = slow.offer();
    const { pathname, search } = new URL(url);
    let answer = "";
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: slow.port,
      socket: {
        data: (_, chunk) => {
          answer += chunk.toString();
          closed.resolve();
        },
        close: () => closed.resolve(),
      },
    });
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n`;
    socket.write(`${head}content-type: text/plain\r\n\r\nhello`);
    await closed.promise;
    expect(answer).toContain("408");
    expect(answer).toContain("request.timeout");
    socket.terminate();
    expect(files(join(slow.dataDir, "blobs"))).toEqual([]);
    await slow.stop();
  });

  test("when too many come at once", async () => {
    const busy = await startUploads({ STOA_BLOB_UPLOADS_AT_ONCE_MAX: "1" });
    const held = Promise.withResolvers<void>();
    const source = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await held.promise;
        controller.enqueue(bytesOf("hello"));
        controller.close();
      },
    });
    const first = busy.send(busy.offer().url, source, "text/plain");
    while ((await busy.rows()).length === 0) await Bun.sleep(2);
    const second = await busy.send(busy.offer().url, "hello", "text/plain");
    expect(second.headers.get("retry-after")).toBe("2");
    expect(await codeOf(second)).toBe("503 server.busy");
    held.resolve();
    expect((await first).status).toBe(200);
    expect((await busy.send(busy.offer().url, "hello", "text/plain")).status).toBe(200);
    await busy.stop();
  });
});

describe("an upload is stored once:", () => {
  test("sent again, it is answered as it was, whatever is sent", async () => {
    const { url } = world.offer();
    const first = await (await world.send(url, "one", "text/plain")).json();
    const second = await world.send(url, "two", "text/plain");
    expect(second.status).toBe(200);
    expect(await second.json()).toEqual(first);
  });

  test("sent by many at once, one of them counts and its bytes are alone", async () => {
    const { url, upload_id } = world.offer({ types: ["text/plain"] });
    const texts = Array.from({ length: 8 }, (_, i) => `text ${i}`);
    const replies = await Promise.all(texts.map((text) => world.send(url, text, "text/plain")));
    const hashes = await Promise.all(
      replies.map(async (reply) => ((await reply.json()) as { sha256: string }).sha256),
    );
    expect(new Set(hashes).size).toBe(1);
    const winner = texts.filter((text) => sha256(bytesOf(text)) === hashes[0]);
    expect(winner).toHaveLength(1);
    const names = files(join(world.dataDir, "blobs"));
    expect(names.filter((name) => name.startsWith(`test.${upload_id}.`))).toHaveLength(1);
    const { url: link } = world.uploads.link(upload_id, { expiresInMs: 60_000 });
    expect(await (await world.get(link)).text()).toBe(winner[0] as string);
  });

  test("tries that fail are not without end", async () => {
    const { url } = world.offer();
    for (let i = 0; i < 20; i++) {
      expect((await world.send(url, png, "text/plain")).status).toBe(422);
    }
    expect(await codeOf(await world.send(url, png, "image/png"))).toBe("410 uploads.expired");
  });

  test("an answer that was lost by the database leaves what the row says", async () => {
    const { url, upload_id } = world.offer();
    const { put } = world.blobs;
    world.blobs.put = async (...given) => {
      await put(...given);
      throw new Error("killed after the bytes were there");
    };
    expect((await world.send(url, "hello", "text/plain")).status).toBe(500);
    world.blobs.put = put;
    expect((await world.send(url, "hello", "text/plain")).status).toBe(200);
    // What the first try left has gone.
    expect(await world.blobs.head(`test/${upload_id}/1`)).toBeNull();
    expect(await world.blobs.head(`test/${upload_id}/2`)).not.toBeNull();
  });
});

describe("attaching", () => {
  const stored = async (text: string) =>
    (await world.stored(bytesOf(text), "text/plain")).upload_id;

  test("gives what is known of each, in the order asked for", async () => {
    const ids = [await stored("b"), await stored("a")];
    const both = await attach(ids);
    expect(both.map((upload) => upload.id)).toEqual(ids);
    expect(both[1]).toEqual({
      ...{ id: ids[1] as string, owner_id: ownerId, type: "text/plain", bytes: 1 },
      ...{ sha256: sha256(bytesOf("a")), width: null, height: null, thumbnail: null },
      attached: true,
    });
    const found = await world.uploads.find(world.db, ids);
    expect(found.map((upload) => upload.attached)).toEqual([true, true]);
  });

  test("is refused to others, of what is not there, and of what was used", async () => {
    const id = await stored("x");
    expect(await refusal(attach([id], "43"))).toBe("uploads.not_found");
    expect(await refusal(attach([id], ownerId, world.other))).toBe("uploads.not_found");
    expect(await refusal(attach([world.offer().upload_id]))).toBe("uploads.not_found");
    expect(await refusal(attach([id, world.offer().upload_id]))).toBe("uploads.not_found");
    // All or none.
    expect((await world.uploads.find(world.db, [id]))[0]?.attached).toBe(false);
    await attach([id]);
    expect(await refusal(attach([id]))).toBe("uploads.incomplete");
  });

  test("of two at once one wins", async () => {
    const id = await stored("x");
    const outcomes = await Promise.allSettled([attach([id]), attach([id]), attach([id])]);
    expect(outcomes.filter((one) => one.status === "fulfilled")).toHaveLength(1);
  });

  test("waits for the bytes", async () => {
    const { url, upload_id } = world.offer();
    expect((await world.send(url, png, "text/plain")).status).toBe(422);
    expect(await refusal(attach([upload_id]))).toBe("uploads.incomplete");
  });
});

const without = samples.filter(([, type]) => !canHaveThumbnail(type));
test("only five kinds of picture have thumbnails", () => {
  const types = new Set(samples.map(([, type]) => type).filter(canHaveThumbnail));
  expect([...types].toSorted()).toEqual(
    ["avif", "gif", "jpeg", "png", "webp"].map((name) => `image/${name}` as MediaType),
  );
  const kinds: string[] = without.map(([, type]) => type);
  expect(kinds).toEqual(expect.arrayContaining(["image/heic", "video/mp4", "video/webm"]));
});

test.each(without)(
  "of %s there is no thumbnail, and the answer says so",
  async (_, type, bytes) => {
    const sent = await world.stored(bytes, type);
    expect(sent).toMatchObject({ type, width: null, height: null, thumbnail: null });
    const { url } = world.uploads.link(sent.upload_id, { expiresInMs: 60_000, thumbnail: true });
    expect(await codeOf(await world.get(url))).toBe("404 uploads.not_found");
    const rows = await world.db.all`
    SELECT thumbnail FROM platform.uploads WHERE id = ${sent.upload_id}`;
    expect(rows).toEqual([{ thumbnail: "none" }]);
  },
);

test("in S3 thumbnails are made as on the disk", async () => {
  const s3 = startS3();
  const own = await startUploads({}, s3.url);
  const sent = await own.stored(png, "image/png");
  expect(sent.thumbnail).toEqual({ width: 200, height: 100 });
  const { url } = own.uploads.link(sent.upload_id, { expiresInMs: 60_000, thumbnail: true });
  const small = await own.get(url);
  expect([small.status, small.headers.get("content-type")]).toEqual([200, "image/webp"]);
  await small.body?.cancel();
  expect([...s3.store.objects.keys()].filter((key) => key.endsWith("/thumbnail"))).toHaveLength(1);
  await own.stop();
  s3.stop();
});

test("a picture that cannot be made small is an upload all the same", async () => {
  const broken = samples.find(([name]) => name === "PNG")?.[2] as Bytes;
  const sent = await world.stored(broken, "image/png");
  expect(sent).toMatchObject({ type: "image/png", width: null, thumbnail: null });
  expect((await attach([sent.upload_id]))[0]?.thumbnail).toBeNull();
  await release([sent.upload_id]);
});
