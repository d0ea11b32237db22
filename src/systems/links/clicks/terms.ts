import {
  firstIndex,
  overflowIndex,
  termType,
  termWords,
  textWords,
  unknownIndex,
} from "./frames.ts";
import type { Spool } from "./spool.ts";

/**
 * The dictionary of one family in the segment being written. A term is written in front of the
 * first record that uses it; the caches above hold terms, not indexes, so that they survive the
 * change to a new segment.
 */
export type Term = { readonly text: string; generation: number; index: number };

export const termBytesMax = 4_096;
/** Distinct values of one family in a segment; more are all "beyond the limit". */
const termsPerSegmentMax = 65_536;

export class TermWriter {
  private readonly family: number;
  private readonly spool: Spool;
  private readonly known = new Map<string, number>();
  private generation = -1;

  constructor(family: number, spool: Spool) {
    this.family = family;
    this.spool = spool;
  }

  /** The caller has made room for one term. */
  indexOf(term: Term): number {
    if (term.generation === this.spool.generation || term === unknownTerm) return term.index;
    if (this.generation !== this.spool.generation) {
      this.known.clear();
      this.generation = this.spool.generation;
    }
    term.index = this.known.get(term.text) ?? this.define(term.text);
    term.generation = this.generation;
    return term.index;
  }

  private define(text: string): number {
    const tooLong = text.length * 3 > termBytesMax && Buffer.byteLength(text) > termBytesMax;
    if (this.known.size >= termsPerSegmentMax || tooLong) return overflowIndex;
    const index = this.known.size + firstIndex;
    const { spool } = this;
    const at = spool.used;
    const length = spool.putText(text, at + termWords, termBytesMax);
    spool.words[at] = ((termType << 30) | this.family) >>> 0;
    spool.words[at + 1] = index;
    spool.words[at + 2] = length;
    spool.used = at + termWords + textWords(length);
    this.known.set(text, index);
    return index;
  }
}

/** Fields as the spool and the database hold them; all empty is "not known" and has no term. */
export function termOf(fields: readonly string[]): Term {
  if (fields.every((field) => field === "")) return unknownTerm;
  return { text: JSON.stringify(fields), generation: -1, index: 0 };
}

/** Index 0 in every segment. */
export const unknownTerm: Term = Object.freeze({
  text: "",
  generation: Number.NaN,
  index: unknownIndex,
});
