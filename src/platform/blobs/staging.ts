import { mkdir, open, readdir, rm, stat, type FileHandle } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import type { BlobSource, Put } from "./blobs.ts";

/**
 * Files that are still being written. Everything is taken in here first, to its end and within
 * its limits, whatever the backend: Bun's S3 writer publishes what it was given so far when it is
 * ended by an error, so a stream that may yet fail must not reach it.
 *
 * A file's name says who writes it: the machine, the process and which run of that process. So a
 * later start tells leftovers from what another live process is writing at this moment.
 */
export type Staged = Put & {
  path: string;
  /** Open for what the backend adds; closed by `discard`. */
  handle: FileHandle;
  /** Closes the file, and removes it unless it was renamed. */
  discard(): Promise<void>;
};

export type StageOptions = {
  bytesMax: number;
  signal: AbortSignal;
  /** Sees all bytes in order. */
  observe?(chunk: Uint8Array): void;
};

const privateFile = 0o600;
const privateFolder = 0o700;
/** A file that nobody wrote to for so long is nobody's, whoever it was. */
export const abandonedAfterMs = 24 * 3_600_000;

const machine = new Bun.CryptoHasher("sha256").update(hostname()).digest("hex").slice(0, 12);
const run = crypto.randomUUID().slice(0, 8);

export async function stage(
  folder: string,
  source: BlobSource,
  options: StageOptions,
): Promise<Staged> {
  const path = join(folder, `${machine}.${process.pid}.${run}.${crypto.randomUUID()}`);
  const handle = await onDisk(() => open(path, "wx+", privateFile));
  const discard = async () => {
    await handle.close().catch(() => {});
    await rm(path, { force: true });
  };
  try {
    return { ...(await fill(handle, source, options)), path, handle, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function fill(
  handle: FileHandle,
  source: BlobSource,
  { bytesMax, signal, observe }: StageOptions,
): Promise<Put> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  for await (const chunk of chunksOf(source, signal)) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      throw new AppError("request.too_large", `The bytes are more than ${bytesMax}.`);
    }
    hash.update(chunk);
    observe?.(chunk);
    await onDisk(() => writeAll(handle, chunk));
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function* chunksOf(source: BlobSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    yield source;
    return;
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = source.getReader();
  // Cancelling ends a read that waits, as if the source had ended.
  const giveUp = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    while (true) {
      if (signal.aborted) throw gaveUp(signal);
      const { done, value } = await reader.read();
      if (signal.aborted) throw gaveUp(signal);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
    giveUp();
  }
}

function gaveUp(signal: AbortSignal): AppError {
  return new AppError("request.timeout", "The bytes did not come in time.", {
    cause: signal.reason,
  });
}

/** A write may take less than it was given. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.byteLength;) {
    from += (await handle.write(bytes, from)).bytesWritten;
  }
}

/** Says that the disk is full in the words of the table of errors. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    throw new AppError("server.storage_full", "There is no room left to store this.", { cause });
  }
}

/** Makes the folder, and removes what processes that are gone have left in it. */
export async function openStaging(folder: string, nowMs: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: privateFolder });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    if (isLeftover(name) || found.mtimeMs < nowMs - abandonedAfterMs) {
      await rm(path, { force: true });
    }
  }
}

function isLeftover(name: string): boolean {
  const [where, pid, which] = name.split(".");
  // Processes of other machines that share the folder cannot be asked.
  if (where !== machine) return false;
  return Number(pid) === process.pid ? which !== run : !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
}

/** Ends by itself, or with what the caller gave. */
export function within(msMax: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(msMax);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}
