/**
 * Text as it is compared: without case, marks, widths and characters that nobody sees, so that
 * "José", "JOSE" and "jo\u200bse" are one. Each character is folded for itself, whatever stands
 * beside it.
 */
export function fold(given: string): string {
  let text = "";
  for (const character of given) text += folded(character);
  return text;
}

/** With the place in the given text that each UTF-16 unit of the folded one comes from. */
export type Placed = { text: string; from: number[]; until: number[] };

export function foldWithPlaces(given: string): Placed {
  const placed: Placed = { text: "", from: [], until: [] };
  let offset = 0;
  for (const character of given) {
    const end = offset + character.length;
    const units = folded(character);
    placed.text += units;
    for (let n = 0; n < units.length; n++) {
      placed.from.push(offset);
      placed.until.push(end);
    }
    offset = end;
  }
  return placed;
}

const unseen = /[\p{M}\p{Cf}]/gu;

function folded(character: string): string {
  return character.normalize("NFKD").replace(unseen, "").toLowerCase();
}
