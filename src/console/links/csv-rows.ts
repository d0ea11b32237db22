/** How many rows CSV has below its heading. Only line ends outside quotes end one (RFC 4180). */
export function countRows(text: string): number {
  let rows = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === '"') quoted = !quoted;
    if (i < text.length && (char !== "\n" || quoted)) continue;
    if (text.slice(start, i).trim() !== "") rows++;
    start = i + 1;
  }
  return Math.max(0, rows - 1);
}
