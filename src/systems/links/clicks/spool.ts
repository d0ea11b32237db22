import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { claim, type Claim, segmentPath } from "./spool-folder.ts";
import { baseType, baseWords, frameBytesMax, headerWords, seal, textWords } from "./frames.ts";

/**
 * The writing end of a process's spool. Records collect in memory and one synchronous write()
 * hands them to the operating system, whose page cache outlives kill -9. The buffer has a fixed
 * size: while the disk refuses writes it fills up, and then records are refused, not memory.
 */
export const segmentBytesMax = 16 * 1024 * 1024;
const flushBytes = 256 * 1024;
const bufferWords = frameBytesMax / 4;
/** Times are 32-bit distances from a base, which lies this far back so that clocks may step. */
const baseDistanceMs = 2 ** 31;

export type Position = { segment: number; position: number };

export class Spool {
  readonly id: string = crypto.randomUUID();
  readonly words = new Uint32Array(bufferWords);
  /** The next free word; a caller that has made room writes there and moves it. */
  used = headerWords;
  clicks = 0;
  /** Changes with each segment: indexes of terms are only valid in the one they were made in. */
  generation = 0;
  /** Set while the disk or the limit refuses more. */
  full = false;
  readonly folder: string;
  private readonly bytes = new Uint8Array(this.words.buffer);
  private readonly encoder = new TextEncoder();
  private readonly root: string;
  private readonly bytesMax: number;
  private fd = -1;
  private segment = 0;
  private position = 0;
  private closedBytes = 0;
  private removedBytes = 0;
  private base = Number.NaN;
  private refused = false;
  private lock: Claim | null = null;

  constructor(root: string, bytesMax: number) {
    this.root = root;
    this.folder = join(root, this.id);
    this.bytesMax = bytesMax;
  }

  /** Until then records wait in memory. */
  open(): void {
    // Made and claimed under a name that nobody adopts, then shown.
    const hidden = join(this.root, `.${this.id}`);
    mkdirSync(hidden, { recursive: true, mode: 0o700 });
    this.lock = claim(hidden);
    renameSync(hidden, this.folder);
    this.fd = openSync(segmentPath(this.folder, 0), "a", 0o600);
  }

  /** False when there is no room for so many words now. May flush, and so start a segment. */
  makeRoom(words: number): boolean {
    if (this.full) return false;
    // A disk that refuses is asked again by the timer, not by every record.
    if (this.used * 4 >= flushBytes && !this.refused) this.flush();
    return this.used + words + baseWords <= bufferWords;
  }

  /** The distance of a time from the base, which is first written where it has to change. */
  timeWord(at: number): number {
    const distance = at - this.base;
    if (distance >= 0 && distance < 2 ** 32) return distance;
    this.base = Math.floor(at) - baseDistanceMs;
    this.words[this.used] = (baseType << 30) >>> 0;
    const float = new Float64Array([this.base]);
    this.bytes.set(new Uint8Array(float.buffer), (this.used + 1) * 4);
    this.used += baseWords;
    return baseDistanceMs;
  }

  /** Appends text after a record's words and returns its byte length. */
  putText(text: string, atWord: number, bytesMax: number): number {
    const target = this.bytes.subarray(atWord * 4, atWord * 4 + bytesMax);
    const { written } = this.encoder.encodeInto(text, target);
    target.fill(0, written, Math.min(bytesMax, textWords(written) * 4));
    return written;
  }

  /** Hands what was collected to the operating system. False when it refused. */
  flush(): boolean {
    if (this.used === headerWords || this.fd < 0) return true;
    seal(this.words, this.used, this.clicks);
    const size = this.used * 4;
    try {
      // What an earlier attempt left is cut off first: frames must follow each other.
      if (fstatSync(this.fd).size !== this.position) ftruncateSync(this.fd, this.position);
      for (let done = 0; done < size;) {
        done += writeSync(this.fd, this.bytes, done, size - done);
      }
    } catch {
      this.refused = true;
      return false;
    }
    this.refused = false;
    this.position += size;
    this.used = headerWords;
    this.clicks = 0;
    if (this.position >= segmentBytesMax) this.rotate();
    this.measure();
    return true;
  }

  /** Where the written end is. */
  written(): Position {
    return { segment: this.segment, position: this.position };
  }

  /** Bytes on disk, drained segments not yet removed included. */
  size(): number {
    return this.closedBytes + this.position - this.removedBytes;
  }

  /** The drainer has removed so many bytes of closed segments since the start. */
  removed(bytes: number): void {
    this.removedBytes = bytes;
    this.measure();
  }

  /** Ends writing; the spool stays claimed. */
  end(): void {
    this.full = true;
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }

  /** From here on anybody may adopt what is left. */
  release(): void {
    this.end();
    this.lock?.release();
    this.lock = null;
  }

  private measure(): void {
    this.full = this.size() > this.bytesMax;
  }

  private rotate(): void {
    let next: number;
    try {
      next = openSync(segmentPath(this.folder, this.segment + 1), "a", 0o600);
    } catch {
      return; // The disk is full; the old segment takes what it can until a new one opens.
    }
    closeSync(this.fd);
    this.fd = next;
    this.closedBytes += this.position;
    this.segment++;
    this.position = 0;
    this.generation++;
    this.base = Number.NaN;
  }
}
