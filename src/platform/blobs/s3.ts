import { S3Client } from "bun";
import type { S3File } from "bun";
import { join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import {
  checkKey,
  spanWithin,
  typeOf,
  type BlobInfo,
  type BlobRead,
  type Blobs,
  type BlobSource,
  type Put,
  type PutOptions,
  type Span,
} from "./blobs.ts";
import type { S3Place } from "./s3-url.ts";
import { openStaging, stage, within, type Staged } from "./staging.ts";

/**
 * Blobs in a store that speaks S3. Bytes are staged on the disk and sent from there once they are
 * known to be whole and right; large ones in parts, which the store shows as one object at the end
 * or not at all. Reading goes in windows, one request each, because Bun's stream of an object
 * goes on loading after it was cancelled and does not wait for slow readers.
 *
 * Bun's client has no deadlines, so each call races one of ours. Parts of a send that was broken
 * off are invisible but stay: the bucket wants a rule AbortIncompleteMultipartUpload.
 */
export type S3BlobsOptions = {
  place: S3Place;
  /** Where bytes are staged. */
  folder: string;
  putMsMax: number;
  callMsMax: number;
  clock: Clock;
};

/** The least that S3 takes for a part, and how many are under way at once. */
const partBytes = 8 * 1024 * 1024;
const partsAtOnce = 2;
const windowBytes = 1024 * 1024;
const triesMax = 3;
const retryMs = 100;

export async function openS3(options: S3BlobsOptions): Promise<Blobs> {
  const staging = join(options.folder, ".staging");
  await openStaging(staging, options.clock.now());
  return new S3Blobs(options, staging);
}

class S3Blobs implements Blobs {
  private readonly options: S3BlobsOptions;
  private readonly staging: string;
  private readonly client: S3Client;

  constructor(options: S3BlobsOptions, staging: string) {
    const { pathStyle, prefix: _, ...place } = options.place;
    this.options = options;
    this.staging = staging;
    this.client = new S3Client({ ...place, virtualHostedStyle: !pathStyle });
  }

  async put(key: string, source: BlobSource, options: PutOptions): Promise<Put> {
    const file = this.file(key);
    const { bytesMax } = options;
    const signal = within(this.options.putMsMax, options.signal);
    const staged = await stage(this.staging, source, { bytesMax, signal });
    const { bytes, sha256 } = staged;
    await this.send(file, staged, { type: typeOf(options), signal });
    // An answer says that it was taken; only the store says what it has.
    const stored = await this.stat(file);
    if (stored?.size === bytes) return { bytes, sha256 };
    await this.remove(key).catch(() => {}); // what is wrong is told below
    throw away(`${stored?.size ?? 0} of ${bytes} bytes arrived`);
  }

  async get(key: string, span?: Span): Promise<BlobRead | null> {
    const info = await this.head(key);
    if (info === null) return null;
    return { ...info, body: this.windows(this.file(key), spanWithin(info.bytes, span)) };
  }

  async head(key: string): Promise<BlobInfo | null> {
    const found = await this.stat(this.file(key));
    if (found === null) return null;
    // Bun adds a charset to the types of texts.
    const [type = ""] = found.type.split(";");
    return { bytes: found.size, type, etag: found.etag.replaceAll('"', "") };
  }

  async remove(key: string): Promise<void> {
    const file = this.file(key);
    await this.call(() => file.delete(), undefined);
  }

  private file(key: string): S3File {
    checkKey(key);
    return this.client.file(this.options.place.prefix + key);
  }

  private async stat(file: S3File) {
    return await this.call(() => file.stat(), null);
  }

  private async send(
    file: S3File,
    staged: Staged,
    { type, signal }: { type: string; signal: AbortSignal },
  ): Promise<void> {
    const options = { type, partSize: partBytes, queueSize: partsAtOnce, retry: triesMax };
    // Who gave up does not wait, but the file must be whole until it has been read.
    const sending = file.write(Bun.file(staged.path), options).finally(staged.discard);
    try {
      await orAborted(sending, signal);
    } catch (error) {
      throw explained(error);
    }
  }

  private windows(file: S3File, { first, last }: Span): ReadableStream<Uint8Array> {
    let from = first;
    const next = async () => {
      const end = Math.min(from + windowBytes, last + 1);
      const bytes = await this.call(() => file.slice(from, end).bytes(), null);
      if (bytes?.byteLength !== end - from) throw away("the object changed or is gone");
      from = end;
      return bytes;
    };
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (from > last) return controller.close();
          controller.enqueue(await next());
          if (from > last) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** What may be asked twice is, unless the store says no; where there is nothing: `absent`. */
  private async call<T, U>(ask: () => Promise<T>, absent: U): Promise<T | U> {
    const { clock, callMsMax } = this.options;
    for (let tried = 1; ; tried++) {
      try {
        return await orAborted(ask(), AbortSignal.timeout(callMsMax));
      } catch (error) {
        const code = codeOf(error);
        if (code === "NoSuchKey" || code === "NotFound") return absent;
        if (tried === triesMax || isRefusal(code)) throw explained(error);
      }
      await clock.sleep(retryMs * tried);
    }
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** Asking again changes nothing. */
function isRefusal(code: string): boolean {
  return /^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|NoSuchBucket)$/.test(code);
}

function explained(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (/^(QuotaExceeded|EntityTooLarge|XMinioStorageFull|ENOSPC)$/.test(codeOf(error))) {
    const message = "There is no room left to store this.";
    return new AppError("server.storage_full", message, { cause: error });
  }
  return away(error);
}

function away(cause: unknown): AppError {
  const message = "The store of files does not answer as it should.";
  return new AppError("blobs.unavailable", message, { cause, retryAfterSeconds: 5 });
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(away(signal.reason));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
