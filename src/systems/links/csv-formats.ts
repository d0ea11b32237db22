/**
 * What the CSV of each program says about a link. A format is recognised by its heading, whose
 * names are compared without case, blanks and underscores, because programs and people vary them.
 *
 * Bitly: what its link export holds (Link, Custom Link, Title, Destination URL, ...) and the names
 * of its API (link, custom_bitlinks, long_url). Kutt has no export of its own: the names of its
 * API and of its table. YOURLS: its table as phpMyAdmin writes it, and the usual export plugin
 * (source, target, hits). Shlink: its web client's export and what its own CSV import takes.
 */
import { AppError, type FieldError } from "../../platform/errors/errors.ts";
import { plainCell, splitTags, stoaColumns } from "./csv-cells.ts";

export const csvFormats = ["stoa", "bitly", "kutt", "yourls", "shlink"] as const;
export type CsvFormat = (typeof csvFormats)[number];

/** A row as its format understands it; nothing is checked but what only the format can know. */
export type ForeignLink = {
  code: string | null;
  /** Where the short link lived; null where the format does not say. */
  host: string | null;
  /** By the names of the API, as far as the row says something. */
  wish: Record<string, unknown>;
  problems: FieldError[];
};

/** The first of the named columns that holds something, else "". */
type Cell = (...names: string[]) => string;

type Format = {
  /** Columns that make it this format; one set is enough. */
  marks: string[][];
  read(cell: Cell, has: (name: string) => boolean): ForeignLink;
};

/** In the order of recognition: what marks one format must not be part of a later one. */
const formats: Record<CsvFormat, Format> = {
  yourls: {
    marks: [
      ["keyword", "url"],
      ["source", "target", "hits"],
    ],
    read: readYourls,
  },
  kutt: { marks: [["address", "target"]], read: readKutt },
  shlink: { marks: [["longurl", "shortcode"]], read: readShlink },
  bitly: { marks: [["destinationurl"], ["longurl"]], read: readBitly },
  stoa: { marks: [["url"]], read: readStoa },
};

export type RecognisedFormat = { format: CsvFormat; read(cells: string[]): ForeignLink };

export function recogniseFormat(heading: string[], wanted: CsvFormat | "auto"): RecognisedFormat {
  const columns = new Map<string, number>();
  for (const [index, name] of heading.entries()) {
    const plain = columnName(name);
    if (!columns.has(plain)) columns.set(plain, index);
  }
  const candidates = wanted === "auto" ? (Object.keys(formats) as CsvFormat[]) : [wanted];
  const format = candidates.find((name) =>
    formats[name].marks.some((set) => set.every((column) => columns.has(column))),
  );
  if (format === undefined) throw unknownHeading(heading, candidates);
  const clean = format === "stoa" ? plainCell : emptyIfNull;
  const read = (cells: string[]): ForeignLink => {
    const cell: Cell = (...names) => {
      for (const name of names) {
        const index = columns.get(columnName(name));
        const text = index === undefined ? "" : clean((cells[index] ?? "").trim());
        if (text !== "") return text;
      }
      return "";
    };
    return formats[format].read(cell, (name) => columns.has(columnName(name)));
  };
  return { format, read };
}

function columnName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function emptyIfNull(text: string): string {
  return text === "NULL" || text === "\\N" ? "" : text;
}

function unknownHeading(heading: string[], candidates: CsvFormat[]): AppError {
  const wanted = candidates.map((name) => {
    const sets = formats[name].marks.map((set) => set.join(" + "));
    return `${name} (${sets.join(" or ")})`;
  });
  const found = heading.join(", ").slice(0, 200);
  const message = `the columns "${found}" are not those of ${wanted.join(", ")}`;
  return new AppError("links.import_invalid", `heading: ${message}`, {
    fields: [{ field: "heading", message }],
  });
}

function readStoa(cell: Cell, has: (name: string) => boolean): ForeignLink {
  const wish: Record<string, unknown> = {};
  const problems: FieldError[] = [];
  for (const [name, column] of Object.entries(stoaColumns)) {
    const text = cell(name);
    if (column.read === undefined) continue;
    if (text !== "") wish[name] = column.read(text);
    // An export says "for ever" by an empty cell, which is not the default life.
    else if (name === "expires_at" && has(name)) wish[name] = null;
  }
  if (cell("has_password") === "true") problems.push(needsPassword);
  return { code: cell("code", "alias") || null, host: cell("domain") || null, wish, problems };
}

function readBitly(cell: Cell): ForeignLink {
  const custom = firstOf(cell("custom_link", "custom_bitlinks", "custom_bitlink"));
  const short = shortLink(custom || cell("link", "bitlink", "short_link", "id"));
  const wish = {
    url: cell("destination_url", "long_url"),
    ...titled(cell("title")),
    ...tagged(splitTags(cell("tags"), ",")),
  };
  const code = cell("custom_back_half", "back_half") || short?.code || null;
  return { code, host: cell("domain") || short?.host || null, wish, problems: [] };
}

function readKutt(cell: Cell): ForeignLink {
  const isSet = (name: string) => !/^(|false|f|0|null)$/i.test(cell(name));
  const problems: FieldError[] = [];
  if (isSet("password")) problems.push(needsPassword);
  if (isSet("banned")) problems.push({ field: "banned", message: "it is banned in Kutt" });
  const expires = cell("expire_in");
  const wish = {
    url: cell("target"),
    // A note for its owner in Kutt; here a description is what the world sees.
    ...titled(cell("description")),
    ...(expires === "" ? {} : { expires_at: instantText(expires) }),
  };
  return { code: cell("address"), host: cell("domain") || null, wish, problems };
}

function readYourls(cell: Cell): ForeignLink {
  const url = cell("url", "target");
  const title = cell("title");
  const code = cell("keyword", "source").split("/").filter(Boolean).join("/");
  // YOURLS takes the address for the title of a page that has none.
  return { code, host: null, wish: { url, ...titled(title === url ? "" : title) }, problems: [] };
}

function readShlink(cell: Cell): ForeignLink {
  const wish = {
    url: cell("long_url"),
    ...titled(cell("title")),
    ...tagged(splitTags(cell("tags"), "|")),
  };
  const host = cell("domain") || shortLink(cell("short_url"))?.host || null;
  return { code: cell("short_code"), host, wish, problems: [] };
}

const needsPassword: FieldError = {
  field: "password",
  message: "the link has a password, which exports do not hold; make it by hand",
};

/** The titles of other programs are those of whole web pages. */
const titleLengthMax = 300;

function titled(title: string): { title?: string } {
  return title === "" ? {} : { title: Array.from(title).slice(0, titleLengthMax).join("") };
}

function tagged(tags: string[]): { tags?: string[] } {
  return tags.length === 0 ? {} : { tags };
}

/** The first of a JSON list or of a list with commas. */
function firstOf(text: string): string {
  return splitTags(text, ",")[0] ?? "";
}

function shortLink(text: string): { host: string; code: string } | null {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  const code = url?.pathname.slice(1) ?? "";
  return url && code !== "" ? { host: url.hostname, code } : null;
}

/** ISO 8601 from what databases print; a time without a zone is UTC. */
function instantText(text: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))? ?(.*)$/.exec(text);
  if (!parts) return text;
  const [, day, time = "00:00", zone] = parts;
  const offset = zone === "" || zone === "UTC" ? "Z" : zone;
  const at = new Date(`${day}T${time}${/^[+-]\d\d$/.test(offset ?? "") ? `${offset}:00` : offset}`);
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
}
