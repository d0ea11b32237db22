/**
 * Text as it is compared: without case, marks, widths and characters that nobody sees, so that
 * "José", "JOSE" and "jo\u200bse" are one, and so are the Greek sigmas. Each character is folded
 * for itself, whatever stands beside it.
 */
export function fold(given: string): string {
  return ascii.test(given) ? given.toLowerCase() : folded(given);
}

/** With the place in the given text that each UTF-16 unit of the folded one comes from. */
export type Placed = { text: string; from(unit: number): number; until(unit: number): number };

export function foldWithPlaces(given: string): Placed {
  if (ascii.test(given)) {
    return { text: given.toLowerCase(), from: (unit) => unit, until: (unit) => unit + 1 };
  }
  let text = "";
  const from: number[] = [];
  const until: number[] = [];
  let offset = 0;
  for (const character of given) {
    const end = offset + character.length;
    const units = folded(character);
    text += units;
    for (let n = 0; n < units.length; n++) {
      from.push(offset);
      until.push(end);
    }
    offset = end;
  }
  return { text, from: (unit) => from[unit] ?? 0, until: (unit) => until[unit] ?? 0 };
}

const ascii = /^\p{ASCII}*$/u;
const unseen = /[\p{M}\p{Cf}]/gu;

function folded(text: string): string {
  return text.normalize("NFKD").replace(unseen, "").toLowerCase().replaceAll("ς", "σ");
}
