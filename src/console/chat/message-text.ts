/** Text taken apart into what is drawn differently: links, and people who are named. */
export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string };

const links = /\bhttps?:\/\/[^\s<>"]+/g;
/** What ends a sentence rather than an address. */
const trailing = ".,;:!?)]}'\"";

export function piecesOf(text: string, mentioned: readonly string[] = []): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(links)) {
    const address = withoutTrailing(match[0]);
    if (!URL.canParse(address)) continue;
    pieces.push(...mentionsIn(text.slice(at, match.index), mentioned));
    pieces.push({ kind: "link", text: address, href: address });
    at = match.index + address.length;
  }
  pieces.push(...mentionsIn(text.slice(at), mentioned));
  return pieces;
}

function withoutTrailing(text: string): string {
  let end = text.length;
  while (end > 0 && trailing.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function mentionsIn(text: string, names: readonly string[]): Piece[] {
  if (text === "") return [];
  // The longest first: Ann must not take the beginning of Anna.
  for (const name of names.toSorted((a, b) => b.length - a.length)) {
    const at = name === "" ? -1 : text.indexOf(`@${name}`);
    if (at < 0) continue;
    const end = at + name.length + 1;
    return [
      ...mentionsIn(text.slice(0, at), names),
      { kind: "mention", text: text.slice(at, end) },
      ...mentionsIn(text.slice(end), names),
    ];
  }
  return [{ kind: "text", text }];
}

/** The word after an @ that is being written before the caret; null where there is none. */
export function mentionBefore(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|\s)@([^\s@]{0,40})$/u.exec(text.slice(0, caret));
  if (!found) return null;
  const query = found[1] as string;
  return { from: caret - query.length - 1, query };
}

/** Those of the chosen people who are still named in the text. */
export function mentionsLeft(
  text: string,
  chosen: ReadonlyMap<string, string>,
): string[] | undefined {
  const left = [...chosen].filter(([, name]) => text.includes(`@${name}`)).map(([id]) => id);
  return left.length > 0 ? left : undefined;
}
