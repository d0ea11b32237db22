import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
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
import { createSeal, readChecked, readInfo } from "./seal.ts";
import { onDisk, openStaging, stage, within, writeAll } from "./staging.ts";

/**
 * Blobs on the disk, each a file in one of 256 folders by the hash of its key: no folder grows
 * too large to list, and all of them are there, and known to the disk, before the first put. A
 * file gets its name once it and its bytes are on the disk, by one rename.
 */
const privateFolder = 0o700;
const folders = 256;

export type EmbeddedBlobsOptions = { folder: string; putMsMax: number; nowMs: number };

export async function openEmbedded(options: EmbeddedBlobsOptions): Promise<Blobs> {
  const { folder } = options;
  const staging = join(folder, ".staging");
  await openStaging(staging, options.nowMs);
  for (let shard = 0; shard < folders; shard++) {
    await mkdir(join(folder, shardName(shard)), { recursive: true, mode: privateFolder });
  }
  await syncFolder(folder);
  return new EmbeddedBlobs(folder, staging, options.putMsMax);
}

const shardName = (shard: number) => shard.toString(16).padStart(2, "0");

class EmbeddedBlobs implements Blobs {
  private readonly folder: string;
  private readonly staging: string;
  private readonly putMsMax: number;

  constructor(folder: string, staging: string, putMsMax: number) {
    this.folder = folder;
    this.staging = staging;
    this.putMsMax = putMsMax;
  }

  async put(key: string, source: BlobSource, options: PutOptions): Promise<Put> {
    const path = this.pathOf(key);
    const { bytesMax } = options;
    const signal = within(this.putMsMax, options.signal);
    const seal = createSeal();
    const staged = await stage(this.staging, source, { bytesMax, signal, observe: seal.update });
    try {
      const { bytes, sha256, handle } = staged;
      await onDisk(async () => {
        await writeAll(handle, seal.finish(sha256, bytes, typeOf(options)));
        await handle.sync();
        await rename(staged.path, path);
        await syncFolder(dirname(path));
      });
      return { bytes, sha256 };
    } finally {
      await staged.discard();
    }
  }

  async get(key: string, span?: Span): Promise<BlobRead | null> {
    const handle = await this.open(key);
    if (handle === null) return null;
    try {
      const info = await readInfo(handle);
      const wanted = spanWithin(info.bytes, span);
      return { ...info, body: streamOf(handle, readChecked(handle, info.bytes, wanted)) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async head(key: string): Promise<BlobInfo | null> {
    const handle = await this.open(key);
    if (handle === null) return null;
    try {
      return await readInfo(handle);
    } finally {
      await handle.close();
    }
  }

  async remove(key: string): Promise<void> {
    const path = this.pathOf(key);
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  }

  private async open(key: string): Promise<FileHandle | null> {
    try {
      return await open(this.pathOf(key), "r");
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return null;
      throw error;
    }
  }

  /** Keys have no dots, so that names with dots for slashes are as distinct as the keys. */
  private pathOf(key: string): string {
    checkKey(key);
    const shard = Bun.hash.crc32(key) % folders;
    return join(this.folder, shardName(shard), key.replaceAll("/", "."));
  }
}

/** Without this a rename or removal may not outlive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function streamOf(
  handle: FileHandle,
  chunks: AsyncGenerator<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next();
          if (!done) return controller.enqueue(value);
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      cancel: () => handle.close(),
    },
    // Nothing is read before somebody wants it.
    { highWaterMark: 0 },
  );
}
