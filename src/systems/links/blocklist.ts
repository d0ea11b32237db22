/**
 * Hosts and URLs that links must not point to, from files that may change at any time.
 *
 * A host entry blocks the host and everything below it; a URL entry blocks exactly that URL in
 * its normal form; an entry of an allow file wins over all. Lines may be plain hosts, hosts files
 * (`0.0.0.0 host`), adblock hosts (`||host^`), URLs or URLhaus CSV, mixed as they like. A host
 * that is a public suffix (co.uk, github.io) is left out: it would block thousands of owners.
 *
 * Each file has a table of its own that is replaced as a whole, so a file that is missing or
 * broken keeps its last good one. Reading yields to the event loop with every block.
 */
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { getPublicSuffix } from "tldts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Log } from "../../platform/log/log.ts";
import { entriesOf, normalUrl } from "./blocklist-lines.ts";
import { FingerprintSet } from "./fingerprint-set.ts";

/** Over all files together, at about 20 bytes each. */
export const blocklistEntriesMax = 5_000_000;
export const blocklistLineBytesMax = 16_384;
const readBytes = 16 * 1024;

export type Blocklist = {
  /** What blocks this URL: the file's name and the entry, or null. */
  matches(url: URL): { list: string; entry: string } | null;
  /** Reads again the files that changed; true if any table was replaced. Cheap otherwise. */
  reloadIfChanged(): Promise<boolean>;
  /** Entries in the block files. */
  readonly size: number;
};

export type BlocklistOptions = {
  blockFiles: string[];
  allowFiles: string[];
  log: Log;
  clock: Clock;
  entriesMax?: number;
};

type ListFile = {
  path: string;
  name: string;
  allows: boolean;
  /** Of the version last tried, good or not. */
  stamp: string;
  entries: FingerprintSet;
};

export async function openBlocklist(options: BlocklistOptions): Promise<Blocklist> {
  const fresh = (allows: boolean) => (file: string) => ({
    path: file,
    name: path.basename(file),
    allows,
    stamp: "",
    entries: new FingerprintSet(),
  });
  const blocks: ListFile[] = options.blockFiles.map(fresh(false));
  const allows: ListFile[] = options.allowFiles.map(fresh(true));
  const files = [...allows, ...blocks];
  let reloading: Promise<boolean> | undefined;
  const blocklist: Blocklist = {
    matches(url) {
      if (blocks.length === 0) return null;
      const keys = keysOf(url);
      return find(allows, keys) === null ? find(blocks, keys) : null;
    },
    reloadIfChanged() {
      reloading ??= reload(files, options).finally(() => {
        reloading = undefined;
      });
      return reloading;
    },
    get size() {
      return blocks.reduce((sum, file) => sum + file.entries.size, 0);
    },
  };
  await blocklist.reloadIfChanged();
  return blocklist;
}

function find(files: ListFile[], keys: string[]): { list: string; entry: string } | null {
  for (const { entries, name } of files) {
    const entry = keys.find((key) => entries.has(key));
    if (entry !== undefined) return { list: name, entry };
  }
  return null;
}

/** Entries that would cover this URL: itself, its host and every domain above. */
function keysOf(url: URL): string[] {
  const host = url.hostname.replace(/\.$/, "");
  const keys = [normalUrl(url), host];
  if (/^[\d.]+$|^\[/.test(host)) return keys;
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
    keys.push(host.slice(dot + 1));
  }
  return keys;
}

async function reload(files: ListFile[], options: BlocklistOptions): Promise<boolean> {
  let changed = false;
  for (const file of files) {
    const stamp = await stampOf(file.path);
    if (stamp === file.stamp) continue;
    file.stamp = stamp;
    const held = files.reduce((sum, other) => sum + (other === file ? 0 : other.entries.size), 0);
    const room = Math.max(0, (options.entriesMax ?? blocklistEntriesMax) - held);
    changed = (await reloadFile(file, room, options)) || changed;
  }
  return changed;
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return "missing";
  }
}

async function reloadFile(file: ListFile, room: number, { log, clock }: BlocklistOptions) {
  const started = clock.monotonic();
  try {
    const read = await readList(file, room);
    // A page or a binary put in the list's place, rather than a list with a few odd lines.
    if (read.unknown > read.known) {
      throw new Error(`${read.unknown} of ${read.unknown + read.known} lines are no entries`);
    }
    if (read.full) log.error("list is larger than the limit; the rest is ignored", { room });
    file.entries = read.entries;
    log.info("list loaded", {
      list: file.path,
      entries: read.entries.size,
      unknown: read.unknown,
      public_suffixes: read.suffixes,
      elapsed_ms: Math.round(clock.monotonic() - started),
    });
    return true;
  } catch (error) {
    const kept = file.entries.size;
    log.error("list cannot be read; the last good one stays", { list: file.path, kept, error });
    return false;
  }
}

type Read = {
  entries: FingerprintSet;
  known: number;
  unknown: number;
  suffixes: number;
  full: boolean;
};

async function readList(file: ListFile, room: number): Promise<Read> {
  const handle = await open(file.path);
  try {
    const { size } = await handle.stat();
    const typicalLineBytes = 25;
    const entries = new FingerprintSet(Math.min(room, size / typicalLineBytes));
    const read: Read = { entries, known: 0, unknown: 0, suffixes: 0, full: false };
    const decoder = new TextDecoder("utf-8");
    const block = new Uint8Array(readBytes);
    let rest = "";
    while (!read.full) {
      const { bytesRead } = await handle.read(block, 0, block.length, null);
      const lines = (rest + decoder.decode(block.subarray(0, bytesRead), { stream: true })).split(
        /\r\n|\n|\r/,
      );
      rest = bytesRead === 0 ? "" : (lines.pop() ?? "");
      if (rest.length > blocklistLineBytesMax) throw new Error("a line is too long for a list");
      for (const line of lines) take(read, line, file.allows, room);
      if (bytesRead === 0) break;
    }
    return read;
  } finally {
    await handle.close();
  }
}

function take(read: Read, line: string, allows: boolean, room: number): void {
  const found = entriesOf(line);
  if (found === null) read.unknown++;
  else if (found.length > 0) read.known++;
  for (const entry of found ?? []) {
    if (!allows && isPublicSuffix(entry)) read.suffixes++;
    else if (read.entries.size < room || read.entries.has(entry)) read.entries.add(entry);
    else read.full = true;
  }
}

const suffixOptions = { allowPrivateDomains: true, extractHostname: false, detectIp: false };

/** Every single label counts as one, so a hosts file's `localhost` and `broadcasthost` do too. */
function isPublicSuffix(entry: string): boolean {
  if (entry.startsWith("[") || entry.includes("/")) return false;
  return getPublicSuffix(entry, suffixOptions) === entry;
}
