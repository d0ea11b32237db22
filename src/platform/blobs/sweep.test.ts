import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startS3 } from "./s3-server.fixture.ts";
import { bytesOf, picture, type Bytes } from "./samples.fixture.ts";
import { codeOf, files, ownerId, startUploads, type World } from "./uploads.fixture.ts";

let png: Bytes;
beforeAll(async () => {
  png = await picture("png", { width: 200, height: 100 });
});

describe.each([
  ["on the disk", false],
  ["in S3", true],
])("the sweep %s", (_, isS3) => {
  const hourMs = 3_600_000;
  let own: World;
  const s3 = startS3();
  beforeAll(async () => {
    own = await startUploads({}, isS3 ? s3.url : "");
  });
  afterAll(async () => {
    await own.stop();
    s3.stop();
  });
  const blobsOf = () => (isS3 ? [...s3.store.objects.keys()] : files(join(own.dataDir, "blobs")));

  test("removes what nobody attached, and nothing that somebody did", async () => {
    const kept = (await own.stored(bytesOf("kept"), "text/plain")).upload_id;
    await own.db.write((tx) => own.uploads.attach(tx, { ids: [kept], ownerId }));
    await own.stored(png, "image/png");
    await own.send(own.offer().url, png, "text/plain"); // refused, so only a row
    expect(blobsOf()).toHaveLength(3);
    own.clock.advance(24 * hourMs);
    await own.sweep();
    expect(blobsOf()).toHaveLength(3);
    own.clock.advance(10 * 60_000 + 1);
    await own.sweep();
    expect(blobsOf()).toHaveLength(1);
    expect((await own.rows()).map((row) => row.id)).toEqual([kept]);
    expect((await own.uploads.find(own.db, [kept]))[0]?.attached).toBe(true);
  });

  test("removes what was released, and its offer does not bring it back", async () => {
    const { url, upload_id } = own.offer({ expiresInMs: 23 * hourMs });
    await own.send(url, png, "image/png");
    await own.db.write((tx) => own.uploads.attach(tx, { ids: [upload_id], ownerId }));
    const before = blobsOf().length;
    await own.db.write((tx) => own.uploads.release(tx, [upload_id]));
    expect(await own.uploads.find(own.db, [upload_id])).toEqual([]);
    const { url: link } = own.uploads.link(upload_id, { expiresInMs: hourMs });
    expect(await codeOf(await own.get(link))).toBe("404 uploads.not_found");
    await own.sweep();
    expect(blobsOf()).toHaveLength(before - 2);
    expect(await codeOf(await own.send(url, png, "image/png"))).toBe("410 uploads.expired");
    own.clock.advance(25 * hourMs);
    await own.sweep();
    expect((await own.rows()).map((row) => row.id)).not.toContain(upload_id);
  });

  test("removes what a process left that ended before its row said so", async () => {
    const { url, upload_id } = own.offer();
    const { put } = own.blobs;
    own.blobs.put = async (...given) => {
      await put(...given);
      throw new Error("killed");
    };
    for (let i = 0; i < 3; i++) await own.send(url, "hello", "text/plain");
    own.blobs.put = put;
    expect(blobsOf().filter((name) => name.includes(upload_id))).toHaveLength(3);
    own.clock.advance(25 * hourMs);
    await own.sweep();
    expect(blobsOf().filter((name) => name.includes(upload_id))).toEqual([]);
  });

  test("comes back to what it could not remove", async () => {
    const { upload_id } = await own.stored(bytesOf("x"), "text/plain");
    await own.db.write((tx) => own.uploads.release(tx, [upload_id]));
    const { remove } = own.blobs;
    own.blobs.remove = () => Promise.reject(new Error("away"));
    expect(own.sweep()).rejects.toThrow("away");
    own.blobs.remove = remove;
    await own.sweep();
    expect(blobsOf().filter((name) => name.includes(upload_id))).toEqual([]);
  });

  test("makes the small pictures that are still due", async () => {
    const { put } = own.blobs;
    own.blobs.put = async (key, ...given) => {
      if (key.endsWith("/thumbnail")) throw new Error("away");
      return await put(key, ...given);
    };
    const sent = await own.stored(png, "image/png");
    expect(sent.thumbnail).toBeNull();
    own.blobs.put = put;
    await own.sweep();
    expect((await own.uploads.find(own.db, [sent.upload_id]))[0]?.thumbnail).toBeNull();
    own.clock.advance(130_000);
    await own.sweep();
    const [upload] = await own.uploads.find(own.db, [sent.upload_id]);
    expect(upload?.thumbnail).toEqual({ width: 200, height: 100 });
  });
});
