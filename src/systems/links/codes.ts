/**
 * Codes of short links: a keyed permutation of a sequence number, spelled in an alphabet.
 *
 * Idea. The database leases blocks of a sequence to each process; a permutation turns every
 * number into another one of the same range, so two numbers never give one code and no
 * collision check is needed. permutation.ts says how; 62^7 is 62^3 * 62^4 and 29^8 is
 * 29^4 * 29^4, so it is exact on either range.
 *
 * What it withstands. Somebody who creates links at will, sees every code they get, knows
 * the order and this file, but not the key, can neither tell how many links exist nor
 * compute a code of another. A guess hits with the density of live codes alone: with a
 * million links, one in 3.5 million for base62. That is no access control: a secret target
 * needs a password. Somebody with the key can list all codes. One sequence keeps one key
 * for life: codes made under two keys may collide.
 *
 * Rejected: random codes (a collision check per create, worse as the space fills); a table
 * of spare keys (a hot table to refill); multiply-and-xor scramblers such as Hashids and
 * Optimus (recovered from a few codes).
 *
 * Limits: 62^7 = 3,521,614,606,208 codes; for people 29^8 = 500,246,412,961 (8.8 * 62^6).
 * The two alphabets derive separate keys and count in separate sequences.
 */
import { hkdfSync } from "node:crypto";
import { assert } from "../../platform/errors/errors.ts";
import { createPermutation } from "./permutation.ts";
import { sipKey, type SipKey } from "./siphash.ts";

export type CodeAlphabet = "base62" | "people";

export type Codec = {
  /** How many codes there are; sequence numbers are 0 .. size - 1. */
  readonly size: number;
  encode(sequence: number): string;
  /** The sequence number, or null where the text is no code: shape, or check character. */
  decode(text: string): number | null;
  /** The stored spelling of a typed code, or null where it is none. */
  canonical(text: string): string | null;
  /** Codes that a mistyped one may have meant, likeliest first. Empty for base62. */
  suggest(typed: string): string[];
};

const keyBytesMin = 16;

const base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** No 0 O 1 I L U S. Their number is a prime, which the check character relies on. */
const peopleDigits = "23456789ABCDEFGHJKMNPQRTVWXYZ";
const base62Length = 7;
const peopleDataLength = 8;
const peopleLength = peopleDataLength + 1;

export function createCodec(key: Uint8Array, alphabet: CodeAlphabet): Codec {
  assert(key.length >= keyBytesMin, `a code key has at least ${keyBytesMin} bytes`);
  const derived = hkdfSync("sha256", key, new Uint8Array(0), `stoa/links/codes/${alphabet}`, 16);
  const secret = sipKey(new Uint8Array(derived));
  return alphabet === "base62" ? base62Codec(secret) : peopleCodec(secret);
}

/** Whether the text has the shape of a generated base62 code. Cheap, for the redirect path. */
export function looksLikeCode(text: string): boolean {
  if (text.length !== base62Length) return false;
  for (let i = 0; i < base62Length; i++) {
    if (valueOf(base62Values, text, i) < 0) return false;
  }
  return true;
}

function base62Codec(secret: SipKey): Codec {
  const permutation = createPermutation(secret, 62 ** 3, 62 ** 4);
  return {
    size: permutation.size,
    encode: (sequence) => spell(permutation.apply(sequence), base62Digits, base62Length),
    decode: (text) =>
      looksLikeCode(text) ? permutation.invert(read(text, base62Values, 62, base62Length)) : null,
    canonical: (text) => (looksLikeCode(text) ? text : null),
    suggest: () => [],
  };
}

function peopleCodec(secret: SipKey): Codec {
  const permutation = createPermutation(secret, 29 ** 4, 29 ** 4);
  return {
    size: permutation.size,
    encode(sequence) {
      const data = spell(permutation.apply(sequence), peopleDigits, peopleDataLength);
      // The check character has weight 1, so it is what brings the sum to zero.
      return data + peopleDigits[(29 - weightedSum(data)) % 29]!;
    },
    decode(text) {
      const code = canonicalPeople(text);
      if (code === null) return null;
      return permutation.invert(read(code, peopleValues, 29, peopleDataLength));
    },
    canonical: canonicalPeople,
    suggest: (typed) => suggestCorrections(plainSpelling(typed)),
  };
}

function canonicalPeople(text: string): string | null {
  const plain = plainSpelling(text);
  return plain.length === peopleLength && checksum(plain) === 0 ? plain : null;
}

const base62Values = valueTable(base62Digits);
const peopleValues = valueTable(peopleDigits);

function valueTable(digits: string): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let i = 0; i < digits.length; i++) values[digits.charCodeAt(i)] = i;
  return values;
}

function valueOf(values: Int8Array, text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < 128 ? values[unit]! : -1;
}

function spell(value: number, digits: string, length: number): string {
  let text = "";
  let rest = value;
  for (let i = 0; i < length; i++) {
    const next = Math.floor(rest / digits.length);
    text = digits[rest - next * digits.length]! + text;
    rest = next;
  }
  return text;
}

function read(text: string, values: Int8Array, radix: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * radix + valueOf(values, text, i);
  return value;
}

/**
 * The check: positions weigh 9, 8 .. 1 and the weighted sum is 0 modulo the prime 29. All
 * weights differ and none is 0, so a wrong character, or two characters swapped (adjacent
 * or not), always changes the sum.
 */
function weight(position: number): number {
  return peopleLength - position;
}

function weightedSum(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum += weight(i) * valueOf(peopleValues, text, i);
  return sum % 29;
}

/** 0 for a right code, -1 where a character is not of the alphabet. */
function checksum(text: string): number {
  for (let i = 0; i < text.length; i++) if (valueOf(peopleValues, text, i) < 0) return -1;
  return weightedSum(text);
}

/** People add hyphens and spaces to long codes; more than this is no code. */
const typedLengthMax = 32;

/** Upper case, without separators, S read as 5 and U as V, which no code contains. */
function plainSpelling(text: string): string {
  if (text.length > typedLengthMax) return "";
  return text.toUpperCase().replace(/[\s-]/g, "").replaceAll("S", "5").replaceAll("U", "V");
}

/** What a character that no code contains may have been; the ones that look most alike first. */
const foreignLooksLike: Record<string, string> = {
  "0": "QDC",
  O: "QDC",
  "1": "J7T",
  I: "J7T",
  L: "J7T",
};
/** Pairs within the alphabet that are misread for each other. */
const pairs = ["8B", "2Z", "6G", "DQ", "VY", "MN", "VW", "7T", "KX", "EF", "PR", "9G", "CG"];
const alike: ReadonlySet<string> = new Set(pairs.flatMap((pair) => [pair, pair[1]! + pair[0]!]));
const foreignMax = 3;

function suggestCorrections(typed: string): string[] {
  if (typed.length !== peopleLength || checksum(typed) === 0) return [];
  const foreign = [...typed].flatMap((c, i) => (valueOf(peopleValues, c, 0) < 0 ? [i] : []));
  if (foreign.length > foreignMax) return [];
  const folded = foldForeign(typed, foreign).filter((text) => checksum(text) === 0);
  if (foreign.length > 1) return folded;
  const at = foreign[0];
  if (at !== undefined) return [...new Set([...folded, substitute(typed, at)])];
  const bySubstitution = [...typed].map((_, i) => substitute(typed, i));
  const looksRight = (text: string) => [...text].some((c, i) => alike.has(typed[i]! + c));
  const likely = bySubstitution.filter(looksRight);
  return [...new Set([...likely, ...transpositions(typed), ...bySubstitution])];
}

function foldForeign(typed: string, positions: number[]): string[] {
  let texts = positions.length === 0 ? [] : [typed];
  for (const at of positions) {
    const options = foreignLooksLike[typed[at]!] ?? "";
    texts = texts.flatMap((text) => [...options].map((c) => replaceAt(text, at, c)));
  }
  return texts;
}

/** The one character at `at` that makes the check right, given all the others. */
function substitute(typed: string, at: number): string {
  const first = peopleDigits[0]!;
  const others = weightedSum(replaceAt(typed, at, first));
  for (let value = 0; value < 29; value++) {
    if ((others + weight(at) * value) % 29 === 0) return replaceAt(typed, at, peopleDigits[value]!);
  }
  throw new Error("unreachable: a weight has an inverse modulo a prime");
}

function transpositions(typed: string): string[] {
  const swapped = [...typed].slice(1).map((c, i) => {
    return typed.slice(0, i) + c + typed[i]! + typed.slice(i + 2);
  });
  return swapped.filter((text) => checksum(text) === 0);
}

function replaceAt(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}
