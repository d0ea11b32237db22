import { closeSync, openSync, readSync, rmSync } from "node:fs";
import {
  baseType,
  baseWords,
  clickType,
  clickWords,
  firstIndex,
  frameAt,
  frameBytesMax,
  headerWords,
  orphanType,
  orphanWords,
  termWords,
  textWords,
  typeOf,
} from "./frames.ts";
import { segmentPath, sizeOf } from "./spool-folder.ts";

/**
 * The reading end of one segment. Frames are taken in order and only whole; a reader that
 * starts in the middle first walks the frames before it, because they define the terms.
 */
const chunkBytes = 2 * (frameBytesMax + headerWords * 4);

/** JSON texts by index, one list a family; the first two are never defined. */
export type SegmentTerms = [string[], string[], string[]];

/** A stretch of whole frames: [from, to) words of `words`, in pairs. */
export type Stretch = { words: Uint32Array; ranges: number[]; clicks: number; end: number };

export class SegmentReader {
  readonly path: string;
  readonly segment: number;
  readonly terms: SegmentTerms = [[], [], []];
  /** Bytes up to which the frames were taken. */
  position = 0;
  base = 0;
  private readonly fd: number;
  private readonly chunk: Uint8Array;
  private readonly words: Uint32Array;
  private readonly decoder = new TextDecoder();

  constructor(folder: string, segment: number, chunk = new Uint8Array(chunkBytes)) {
    this.segment = segment;
    this.path = segmentPath(folder, segment);
    this.fd = openSync(this.path, "r");
    this.chunk = chunk;
    this.words = new Uint32Array(chunk.buffer);
  }

  /** Learns the terms of what is drained already. False when that cannot be read any more. */
  skipTo(position: number): boolean {
    while (this.position < position) {
      const stretch = this.peek(Number.MAX_SAFE_INTEGER, position - this.position);
      if (stretch === null) return false;
      this.take(stretch);
      this.walk(stretch, noVisitor);
    }
    return true;
  }

  /** Whole frames from here on, about `clicksMax`; null when there is none. */
  peek(clicksMax: number, bytesMax = chunkBytes): Stretch | null {
    const wanted = Math.min(bytesMax, this.chunk.length);
    let got = 0;
    while (got < wanted) {
      const read = readSync(this.fd, this.chunk, got, wanted - got, this.position + got);
      if (read === 0) break;
      got += read;
    }
    const { words } = this;
    const ranges: number[] = [];
    let clicks = 0;
    let at = 0;
    while (clicks < clicksMax) {
      const frame = frameAt(words, at, got >>> 2);
      if (frame === null) break;
      ranges.push(frame.from, frame.to);
      clicks += frame.clicks;
      at = frame.to;
    }
    return ranges.length === 0 ? null : { words, ranges, clicks, end: this.position + at * 4 };
  }

  /** Moves on past a stretch and learns its terms, which its own records may use. */
  take(stretch: Stretch): void {
    for (let i = 0; i < stretch.ranges.length; i += 2) {
      this.learn(stretch.words, stretch.ranges[i]!, stretch.ranges[i + 1]!);
    }
    this.position = stretch.end;
  }

  /** Bytes after the last whole frame: still being written, or torn by a crash. */
  rest(): number {
    return sizeOf(this.path) - this.position;
  }

  /** Visits the records of a stretch in order. */
  walk(stretch: Stretch, visit: RecordVisitor): void {
    for (let i = 0; i < stretch.ranges.length; i += 2) {
      this.walkFrame(stretch.words, stretch.ranges[i]!, stretch.ranges[i + 1]!, visit);
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  /** Closes and deletes it; returns its size. */
  remove(): number {
    const size = sizeOf(this.path);
    this.close();
    rmSync(this.path, { force: true });
    return size;
  }

  private walkFrame(words: Uint32Array, from: number, to: number, visit: RecordVisitor): void {
    for (let at = from; at < to;) {
      switch (typeOf(words[at]!)) {
        case clickType:
          visit.click(words, at, this.base);
          at += clickWords;
          break;
        case baseType:
          this.base = readFloat(words, at + 1);
          at += baseWords;
          break;
        case orphanType:
          visit.orphan(words, at, this.base, this.text(words, at + orphanWords, words[at + 5]!));
          at += orphanWords + textWords(words[at + 5]!);
          break;
        default:
          at += termWords + textWords(words[at + 2]!);
      }
    }
  }

  private learn(words: Uint32Array, from: number, to: number): void {
    for (let at = from; at < to;) {
      const type = typeOf(words[at]!);
      if (type === clickType) at += clickWords;
      else if (type === baseType) at += baseWords;
      else if (type === orphanType) at += orphanWords + textWords(words[at + 5]!);
      else {
        const length = words[at + 2]!;
        const family = words[at]! & 3;
        const list = this.terms[family as 0 | 1 | 2];
        list[words[at + 1]! - firstIndex] = this.text(words, at + termWords, length);
        at += termWords + textWords(length);
      }
    }
  }

  private text(words: Uint32Array, at: number, length: number): string {
    return this.decoder.decode(new Uint8Array(words.buffer, words.byteOffset + at * 4, length));
  }
}

export type RecordVisitor = {
  click(words: Uint32Array, at: number, base: number): void;
  orphan(words: Uint32Array, at: number, base: number, code: string): void;
};

const noVisitor: RecordVisitor = { click() {}, orphan() {} };

const floatBytes = new Uint32Array(2);
const float = new Float64Array(floatBytes.buffer);

function readFloat(words: Uint32Array, at: number): number {
  floatBytes[0] = words[at]!;
  floatBytes[1] = words[at + 1]!;
  return float[0]!;
}
