import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import type { Blobs } from "./blobs.ts";
import { openBlobs } from "./open.ts";
import { startS3, type S3Server } from "./s3-server.fixture.ts";

/** Each test has a data folder of its own, and an S3 of its own that is empty. */
export const type = "image/png";
const limits = { blobPutMsMax: 20_000, blobS3CallMsMax: 5_000 };
export let s3: S3Server;
export let dataDir: string;

/** Called by each file of tests: hooks belong to the file that sets them. */
export function freshStores(): void {
  beforeAll(() => {
    s3 = startS3();
  });
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "stoa-blobs-"));
    s3.store.fault = null;
    s3.store.objects.clear();
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));
  afterAll(() => s3.stop());
}

export const open = (s3Url: string, more: Partial<typeof limits> = {}) =>
  openBlobs({ dataDir, s3Url, ...limits, ...more }, systemClock);

export function random(bytes: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i += 65_536) crypto.getRandomValues(out.subarray(i, i + 65_536));
  return out;
}

/** In chunks of sizes that fit no block. */
export function inChunks(bytes: Uint8Array, size = 10_007): ReadableStream<Uint8Array> {
  let from = 0;
  return new ReadableStream({
    pull(controller) {
      if (from >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.subarray(from, from + size));
      from += size;
    },
  });
}

export const sha256 = (bytes: Uint8Array) =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

export async function read(blobs: Blobs, key: string, span?: { first: number; last: number }) {
  const found = await blobs.get(key, span);
  return found && (await new Response(found.body).bytes());
}

export async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return (error as AppError).code;
}

/** Whatever lies in the data folder or the store, by name. */
export function everything(): string[] {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true });
  return [...files.filter((file) => file.isFile()).map((f) => f.name), ...s3.store.objects.keys()];
}
