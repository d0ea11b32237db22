import { fold } from "../conversations/fold.ts";
import type { Body } from "../shapes.ts";

/**
 * Words as they are searched: folded, so that case and marks make no difference. Scripts that put
 * no space between words are taken character by character; whoever searches several gets the
 * messages that have all of them. PostgreSQL's own parser is passed over, as it makes one word of
 * an address or a file name, which nobody finds by a part of it then.
 */
const wordUnitsMax = 64;
const wordsMax = 2_000;
const queryWordsMax = 10;
const word =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]|[[\p{L}\p{N}]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]]+/gv;

function wordsIn(text: string, max: number): string[] {
  const words = new Set<string>();
  for (const [found] of fold(text).matchAll(word)) {
    words.add(found.slice(0, wordUnitsMax).toWellFormed());
    if (words.size === max) break;
  }
  return [...words];
}

export function wordsOf({ text, attachments, poll }: Body): string[] {
  const names = (attachments ?? []).map(({ name }) => name ?? "");
  const asked = poll ? [poll.question, ...poll.options] : [];
  return wordsIn([text, ...names, ...asked].join(" "), wordsMax);
}

/** As PostgreSQL takes it: all of the words, the last of which may go on. Null: there is none. */
export function queryOf(text: string): string | null {
  const words = wordsIn(text, queryWordsMax).map((found) => `'${found}'`);
  return words.length === 0 ? null : `${words.join(" & ")}:*`;
}
