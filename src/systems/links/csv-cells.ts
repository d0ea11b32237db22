/**
 * The cells of Stoa's own CSV: what an export writes and an import reads back exactly. A cell that
 * a spreadsheet would run as a formula gets an apostrophe in front, and so does one that already
 * looks like that, so that taking one away always gives back what was there.
 * Which cells are dangerous: https://owasp.org/www-community/attacks/CSV_Injection
 */
import type { ListedRow } from "./store.ts";

type Column = {
  write(row: ListedRow): string;
  /** Into the field of the same name of the API; absent where it only informs. */
  read?(text: string): unknown;
};

const text = (cell: string) => cell;
const flag = (cell: string) => (cell === "true" ? true : cell === "false" ? false : cell);
const json = (cell: string): unknown => {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
};
const time = (at: Date | null) => at?.toISOString() ?? "";

/** Besides code, domain, short_url, clicks and created_at, which need more than the row. */
export const stoaColumns: Record<string, Column> = {
  url: { write: (row) => row.url, read: text },
  title: { write: (row) => row.title ?? "", read: text },
  description: { write: (row) => row.description ?? "", read: text },
  image: { write: (row) => row.image ?? "", read: text },
  tags: { write: (row) => joinTags(Array.from(row.tags)), read: (cell) => splitTags(cell, "|") },
  redirect: { write: (row) => String(row.redirect), read: Number },
  starts_at: { write: (row) => time(row.starts_at), read: text },
  expires_at: { write: (row) => time(row.expires_at), read: text },
  expired_url: { write: (row) => row.expired_url ?? "", read: text },
  max_clicks: { write: (row) => row.max_clicks?.toString() ?? "", read: Number },
  forward_query: { write: (row) => String(row.forward_query), read: flag },
  forward_path: { write: (row) => String(row.forward_path), read: flag },
  rules: {
    write: ({ rules }) => (Array.isArray(rules) && rules.length > 0 ? JSON.stringify(rules) : ""),
    read: json,
  },
  split: { write: ({ split }) => (split === null ? "" : JSON.stringify(split)), read: json },
  robots: { write: (row) => row.robots, read: text },
  has_password: { write: (row) => String(row.password_hash !== null) },
};

const formula = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** One cell, harmless to spreadsheets and quoted where it must be. */
export function csvCell(value: string): string {
  const harmless = formula.test(value) ? `'${value}` : value;
  return /[",;\t\r\n]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** What a cell held before it was made harmless. */
export function plainCell(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}

/** `a|b`; a JSON list where that would be read otherwise. */
function joinTags(tags: string[]): string {
  const plain = tags.join("|");
  return tags.some((tag) => tag.includes("|")) || plain.startsWith("[")
    ? JSON.stringify(tags)
    : plain;
}

/** A JSON list of texts, or texts between separators. */
export function splitTags(cell: string, separator: string): string[] {
  const listed = cell.startsWith("[") ? json(cell) : null;
  const isList = Array.isArray(listed) && listed.every((item) => typeof item === "string");
  const parts = isList ? (listed as string[]) : cell.split(separator);
  return [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ""))];
}
