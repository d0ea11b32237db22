import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BlobSource } from "./blobs.ts";
import {
  dataDir,
  everything,
  freshStores,
  inChunks,
  open,
  random,
  read,
  s3,
  sha256,
  type,
} from "./blobs.fixture.ts";

/** The same promises, by the disk and by a store that speaks S3. */
freshStores();

describe.each([
  ["on the disk", () => ""],
  ["in S3", () => s3.url],
])("a blob %s", (_, url) => {
  test.each([0, 1, 65_535, 65_536, 65_537, 300_001, 17 * 1024 * 1024])(
    "of %d bytes comes back as it was put",
    async (size) => {
      const blobs = await open(url());
      const bytes = random(size);
      const put = await blobs.put("a/b-1", inChunks(bytes, 100_003), { bytesMax: size, type });
      expect(put).toEqual({ bytes: size, sha256: sha256(bytes) });
      expect(await blobs.head("a/b-1")).toMatchObject({ bytes: size, type });
      expect(sha256((await read(blobs, "a/b-1")) ?? random(1))).toBe(sha256(bytes));
      expect(everything()).toHaveLength(1);
    },
  );

  test("is given in part, across blocks and at both ends", async () => {
    const blobs = await open(url());
    const bytes = random(1_300_000);
    await blobs.put("k", bytes, { bytesMax: bytes.byteLength, type });
    for (const [first, last] of [
      [0, 0],
      [0, 65_535],
      [65_535, 65_536],
      [65_536, 131_071],
      [1, 1_299_998],
      [1_048_575, 1_048_576],
      [1_299_999, 1_299_999],
    ] as const) {
      expect(await read(blobs, "k", { first, last })).toEqual(bytes.slice(first, last + 1));
    }
  });

  test("is not asked for beyond its end", async () => {
    const blobs = await open(url());
    await blobs.put("k", random(10), { bytesMax: 10, type });
    for (const [first, last] of [
      [0, 10],
      [-1, 3],
      [5, 4],
      [0.5, 3],
      [0, Number.NaN],
    ] as const) {
      expect(blobs.get("k", { first, last })).rejects.toThrow("not within the blob");
    }
  });

  test("that was never put, or was removed, is null", async () => {
    const blobs = await open(url());
    expect(await blobs.get("k")).toBeNull();
    expect(await blobs.head("k")).toBeNull();
    await blobs.remove("k");
    await blobs.put("k", random(10), { bytesMax: 10, type });
    await blobs.remove("k");
    await blobs.remove("k");
    expect(await blobs.get("k")).toBeNull();
    expect(everything()).toEqual([]);
  });

  test("is replaced as a whole, and its etag changes", async () => {
    const blobs = await open(url());
    const [one, other] = [random(100_000), random(50_000)];
    await blobs.put("k", one, { bytesMax: 100_000, type });
    const before = await blobs.head("k");
    await blobs.put("k", other, { bytesMax: 100_000, type: "text/plain" });
    const after = await blobs.head("k");
    expect(await read(blobs, "k")).toEqual(other);
    expect(after).toMatchObject({ bytes: 50_000, type: "text/plain" });
    expect(after?.etag).not.toBe(before?.etag);
  });

  test("and its neighbours by name do not touch", async () => {
    const blobs = await open(url());
    const names = ["a", "a/b", "a-b", "a_b", "a/b/c", "ab"];
    for (const name of names) await blobs.put(name, Buffer.from(name), { bytesMax: 9, type });
    for (const name of names) expect(await read(blobs, name)).toEqual(Buffer.from(name));
  });

  test.each([
    ...["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", ".staging/a", "a.b"],
    ...["A", "a\\b", "a b", "a\0", "ä", "-a", "a/-b", "%2e%2e/a", "a\n", "x".repeat(201)],
  ])("is not kept under the key %p", async (key) => {
    const blobs = await open(url());
    const bad = "not a key of a blob";
    expect(blobs.put(key, random(1), { bytesMax: 1, type })).rejects.toThrow(bad);
    expect(blobs.get(key)).rejects.toThrow(bad);
    expect(blobs.head(key)).rejects.toThrow(bad);
    expect(blobs.remove(key)).rejects.toThrow(bad);
    expect(everything()).toEqual([]);
  });

  describe("that fails on the way leaves nothing:", () => {
    const nothingBy = async (
      source: BlobSource,
      options: { bytesMax?: number; signal?: AbortSignal; putMsMax?: number } = {},
    ) => {
      const { bytesMax = 10_000_000, signal, putMsMax = 20_000 } = options;
      const blobs = await open(url(), { blobPutMsMax: putMsMax });
      const failed = blobs.put("k", source, { bytesMax, type, signal });
      const error: unknown = await failed.catch((reason: unknown) => reason);
      expect(await blobs.head("k")).toBeNull();
      expect(everything()).toEqual([]);
      return error;
    };
    const endless = (onCancel = () => {}) =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(random(65_536)),
        cancel: onCancel,
      });

    test("too many bytes, at once and by a stream without an end", async () => {
      const small = await nothingBy(random(11), { bytesMax: 10 });
      expect(small).toMatchObject({ code: "request.too_large" });
      let cancelled = false;
      const stream = endless(() => (cancelled = true));
      expect(await nothingBy(stream)).toMatchObject({ code: "request.too_large" });
      expect(cancelled).toBe(true);
    });

    test("a source that breaks", async () => {
      let chunks = 0;
      const source = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (++chunks > 100) controller.error(new Error("the client has gone"));
          else controller.enqueue(random(100_000));
        },
      });
      const error = await nothingBy(source, { bytesMax: 20_000_000 });
      expect(error).toMatchObject({ message: "the client has gone" });
    });

    test("a source that never goes on, by the deadline", async () => {
      let cancelled = false;
      const source = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(random(10)),
        cancel: () => void (cancelled = true),
      });
      const error = await nothingBy(source, { putMsMax: 60 });
      expect(error).toMatchObject({ code: "request.timeout" });
      expect(cancelled).toBe(true);
    });

    test("a caller that gives up", async () => {
      const signal = AbortSignal.timeout(5);
      expect(await nothingBy(endless(), { signal })).toMatchObject({ code: "request.timeout" });
    });
  });

  test("whose reader goes away is let go of", async () => {
    const blobs = await open(url());
    await blobs.put("k", random(5_000_000), { bytesMax: 5_000_000, type });
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 20; i++) {
      const reader = (await blobs.get("k"))?.body.getReader();
      expect((await reader?.read())?.value?.byteLength).toBeGreaterThan(0);
      await reader?.cancel();
    }
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(10);
  });

  test("that is put by many at once is one of theirs", async () => {
    const blobs = await open(url());
    const all = Array.from({ length: 12 }, () => random(200_000));
    await Promise.all(all.map((b) => blobs.put("k", inChunks(b), { bytesMax: 200_000, type })));
    const found = await read(blobs, "k");
    expect(all.some((bytes) => Bun.deepEquals(bytes, found))).toBe(true);
    expect(everything()).toHaveLength(1);
  });

  test("survives kill -9 if it was acknowledged; else it is whole or not there", async () => {
    const bytes = 3_000_000;
    for (let round = 0; round < 4; round++) {
      const command = [process.execPath, join(import.meta.dir, "put.child.ts")];
      const child = Bun.spawn([...command, dataDir, url(), String(bytes)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      // Killed while the next one is somewhere on its way.
      let said = "";
      for await (const chunk of child.stdout) {
        said += new TextDecoder().decode(chunk);
        if (said.split("\n").length > 3 + round) child.kill("SIGKILL");
      }
      await child.exited;
      const blobs = await open(url());
      const acknowledged = said.split("\n").slice(0, -1);
      expect(acknowledged.length).toBeGreaterThan(2 + round);
      for (const line of acknowledged) {
        const [key = "", hash] = line.split(" ");
        expect(sha256((await read(blobs, key)) ?? random(1))).toBe(hash as string);
      }
      const next = await read(blobs, `crash/${acknowledged.length}`);
      if (next !== null) expect(next.byteLength).toBe(bytes);
      expect(readdirSync(join(dataDir, "blobs", ".staging"))).toEqual([]);
    }
  }, 60_000);
});
