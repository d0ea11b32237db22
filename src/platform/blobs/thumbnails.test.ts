import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { systemClock } from "../clock/clock.ts";
import type { Blobs } from "./blobs.ts";
import { openBlobs } from "./open.ts";
import { bomb, bytesOf, photograph, picture, type Bytes } from "./samples.fixture.ts";
import { createThumbnails } from "./thumbnails.ts";

const limits = { pixelsMax: 10_000_000, msMax: 60_000 };
let dataDir: string;
let blobs: Blobs;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "stoa-thumbnails-"));
  const config = { dataDir, s3Url: "", blobPutMsMax: 60_000, blobS3CallMsMax: 1_000 };
  blobs = await openBlobs(config, systemClock);
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

async function thumbnailOf(bytes: Bytes, more: Partial<typeof limits> = {}) {
  await blobs.put("k", bytes, { bytesMax: bytes.byteLength, type: "image/png" });
  return await createThumbnails(blobs, { ...limits, ...more }).make("k");
}

test.each(["png", "jpeg", "gif", "webp", "avif"] as const)("a %s becomes small", async (format) => {
  const made = await thumbnailOf(await picture(format, { width: 600, height: 400 }));
  expect(made).toMatchObject({ width: 600, height: 400 });
  expect(made).toMatchObject({ thumbnail_width: 480, thumbnail_height: 320 });
  const { format: is, width, height } = await sharp(made?.webp).metadata();
  expect({ is, width, height }).toEqual({ is: "webp", width: 480, height: 320 });
});

test("a small picture is not made larger", async () => {
  const made = await thumbnailOf(await picture("png", { width: 20, height: 10 }));
  expect(made).toMatchObject({ width: 20, height: 10, thumbnail_width: 20, thumbnail_height: 10 });
});

test("a photograph stands upright, and says neither where nor whose it was", async () => {
  const photo = await photograph();
  const before = await sharp(photo).metadata();
  expect(before.orientation).toBe(6);
  expect(Buffer.from(before.exif ?? "").toString("latin1")).toContain("Ada Lovelace");
  const made = await thumbnailOf(photo);
  expect(made).toMatchObject({ width: 600, height: 900, thumbnail_width: 320 });
  const after = await sharp(made?.webp).metadata();
  expect(after).toMatchObject({ width: 320, height: 480 });
  expect(after.exif).toBeUndefined();
  expect(after.orientation).toBeUndefined();
  expect(Buffer.from(made?.webp ?? "").toString("latin1")).not.toContain("Ada");
});

describe("none is made", () => {
  test("of a picture that unpacks to more pixels than allowed", async () => {
    const packed = await bomb(4_000);
    expect(packed.byteLength).toBeLessThan(50_000);
    expect(await thumbnailOf(packed)).toBeNull();
    expect(await thumbnailOf(packed, { pixelsMax: 16_000_000 })).not.toBeNull();
  });

  test("when the time is up", async () => {
    expect(await thumbnailOf(await picture("png"), { msMax: 1 })).toBeNull();
  });

  test.each([
    ["nothing at all", ""],
    ["a picture that only begins as one", "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"],
    [
      "a drawing that is a program",
      "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    ],
    ["a document", "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj"],
  ])("of %s", async (_, content) => {
    expect(await thumbnailOf(bytesOf(content))).toBeNull();
  });

  test("of what is not there", async () => {
    expect(await createThumbnails(blobs, limits).make("nothing/here")).toBeNull();
  });
});

test("they are made one at a time, and one that fails does not hold up the next", async () => {
  const image = await picture("jpeg", { width: 100, height: 100 });
  await blobs.put("good", image, { bytesMax: image.byteLength, type: "image/jpeg" });
  await blobs.put("bad", bytesOf("bad"), { bytesMax: 3, type: "image/jpeg" });
  const [begun, ended]: [number[], number[]] = [[], []];
  const watched: Blobs = {
    ...blobs,
    get(key) {
      begun.push(performance.now());
      return blobs.get(key);
    },
  };
  const thumbnails = createThumbnails(watched, limits);
  const outcomes = await Promise.all(
    ["good", "bad", "good"].map(async (key) => {
      const made = await thumbnails.make(key);
      ended.push(performance.now());
      return made;
    }),
  );
  expect(outcomes.map((made) => made?.width)).toEqual([100, undefined, 100]);
  for (const i of [0, 1]) expect(begun[i + 1]).toBeGreaterThan((ended[i] ?? Infinity) - 5);
});

test("more than may wait are left for later", async () => {
  const thumbnails = createThumbnails(blobs, limits);
  const asked = Array.from({ length: 150 }, () => thumbnails.make("nothing/here"));
  const outcomes = await Promise.all(asked);
  expect(outcomes.filter((made) => made === undefined)).toHaveLength(50);
  expect(await thumbnails.make("nothing/here")).toBeNull();
});
