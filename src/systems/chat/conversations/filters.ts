import type { Body } from "../shapes.ts";
import { fold, foldWithPlaces } from "./fold.ts";

/**
 * Words that are refused or masked. Text and filters are compared folded. A filter of whole words
 * is found by its first word in a map, so a message costs its own length however many there are;
 * one that is looked for anywhere costs a search of the text, which is why their number is bounded.
 * Rejected: one regular expression of all, whose cost whoever writes the filters decides.
 */
export type Filter = {
  id: string;
  text: string;
  action: "refuse" | "mask";
  /** Also within words, and in scripts that put no space between them. */
  anywhere: boolean;
};

export type Filters = { version: number; find(text: string): Found[] };
type Found = { start: number; end: number; action: Filter["action"] };
type Phrase = { words: string[]; action: Filter["action"] };

const word = /[\p{L}\p{N}]+/gu;

export function compileFilters(version: number, filters: readonly Filter[]): Filters {
  const anywhere: { text: string; action: Filter["action"] }[] = [];
  const phrases = new Map<string, Phrase[]>();
  for (const { text, action, anywhere: within } of filters) {
    const words = wordsOf(fold(text)).map(({ text: spelled }) => spelled);
    const [first] = words;
    if (within || first === undefined) anywhere.push({ text: fold(text), action });
    else phrases.set(first, [...(phrases.get(first) ?? []), { words, action }]);
  }
  return { version, find };

  function find(given: string): Found[] {
    const { text, from, until } = foldWithPlaces(given);
    const found: Found[] = [];
    const add = (start: number, end: number, action: Filter["action"]) => {
      found.push({ start: from(start), end: until(end - 1), action });
    };
    for (const { text: part, action } of anywhere) {
      for (let n = text.indexOf(part); n >= 0; n = text.indexOf(part, n + part.length)) {
        add(n, n + part.length, action);
      }
    }
    const words = phrases.size === 0 ? [] : wordsOf(text);
    for (const [n, { text: spelled, start }] of words.entries()) {
      for (const phrase of phrases.get(spelled) ?? []) {
        if (!phrase.words.every((wanted, m) => words[n + m]?.text === wanted)) continue;
        add(start, words[n + phrase.words.length - 1]?.end ?? start, phrase.action);
      }
    }
    return found;
  }
}

function wordsOf(text: string): { text: string; start: number; end: number }[] {
  return [...text.matchAll(word)].map((match) => ({
    text: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/** Null where a filter refuses; else the body with what is masked covered, or the very same one. */
export function filterBody(sets: readonly Filters[], body: Body): Body | null {
  let refused = false;
  let masked = false;
  const clean = (text: string): string => {
    const found = sets.flatMap((set) => set.find(text));
    if (found.length === 0) return text;
    refused ||= found.some(({ action }) => action === "refuse");
    masked = true;
    return found.reduce(cover, text);
  };
  const { poll, attachments } = body;
  const cleaned: Body = {
    ...body,
    text: clean(body.text),
    ...(poll && {
      poll: { ...poll, question: clean(poll.question), options: poll.options.map(clean) },
    }),
    ...(attachments && {
      attachments: attachments.map((one) =>
        one.name === undefined ? one : { ...one, name: clean(one.name) },
      ),
    }),
  };
  if (refused) return null;
  return masked ? cleaned : body;
}

/** As long as before in UTF-16 units, so that every other place stays where it is. */
function cover(text: string, { start, end }: Found): string {
  return text.slice(0, start) + "*".repeat(end - start) + text.slice(end);
}
