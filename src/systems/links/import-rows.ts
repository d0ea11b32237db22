import type { FieldError } from "../../platform/errors/errors.ts";
import { invalid } from "../../platform/http/problem.ts";
import { checkAlias, reservedWords } from "./aliases.ts";
import type { RecognisedFormat } from "./csv-formats.ts";
import type { CsvRow } from "./csv-rows.ts";
import { normalHost } from "./host-name.ts";
import type { Naming } from "./link.ts";
import { createLinkBody, type CreateLink } from "./wire.ts";

/** A row that is well-formed: what to make, and under which of the owner's domains. */
export type Wanted = {
  row: number;
  wish: CreateLink;
  /** Null for a host that is no proved domain of the owner. */
  domainId: string | null;
  /** The short code to keep, if any. */
  kept: Kept | null;
  /** Why the old code cannot be kept. */
  note: string | null;
};

/** `skeleton` is null for a code that is kept as it is and no alias: it may look like another. */
export type Kept = { code: string; skeleton: string | null };

export type RowRules = {
  recognised: RecognisedFormat;
  naming: Naming;
  /** Host for every row; without it a row keeps its own where the owner has proved that. */
  domain: string | undefined;
  /** The owner's proved domains: host to id, Stoa's own under "". */
  domains: Map<string, string>;
  /** Whether codes of one or two characters may be kept on Stoa's own host, which all share. */
  mayKeepShort: boolean;
};

/** What a row asks for, or everything that is wrong with it. */
export function wantedOf(csv: CsvRow, rules: RowRules): Wanted | FieldError[] {
  if ("problem" in csv) return [{ field: "row", message: csv.problem }];
  if (csv.cells.some((cell) => cell.includes("\0"))) {
    return [{ field: "row", message: "must not contain a NUL character" }];
  }
  const { code, host, wish, problems } = rules.recognised.read(csv.cells);
  const domain = domainOf(host, rules);
  const body = { ...wish, domain };
  const parsed = createLinkBody.safeParse(body);
  if (!parsed.success) return firstOfEach(invalid("row", parsed.error).fields);
  if (problems.length > 0) return problems;
  const domainId = rules.domains.get(domain ?? "") ?? null;
  const wanted = { row: csv.row, wish: parsed.data, domainId, kept: null, note: null };
  if (code === null || code === "") return wanted;
  const alias = checkAlias(code);
  if (alias.ok) return { ...wanted, kept: { code, skeleton: alias.skeleton } };
  const mayBeShort = rules.mayKeepShort || domain !== undefined;
  if (mayBeShort && isShortCode(code)) return { ...wanted, kept: { code, skeleton: null } };
  return { ...wanted, note: alias.message };
}

/** One cell that is wrong twice is one line of the report. */
function firstOfEach(fields: FieldError[]): FieldError[] {
  const names = fields.map(({ field }) => field);
  return fields.filter(({ field }, i) => names.indexOf(field) === i);
}

function isShortCode(code: string): boolean {
  return /^[A-Za-z0-9]{1,2}$/.test(code) && !reservedWords.includes(code.toLowerCase());
}

/** Our own format means the domain it names; another program's host may be none of ours. */
function domainOf(host: string | null, rules: RowRules): string | undefined {
  const { domain, domains, recognised, naming } = rules;
  if (domain !== undefined) return unlessOwn(domain, naming);
  if (host === null) return undefined;
  const proved = domains.has(normalHost(host) ?? "?");
  return proved || recognised.format === "stoa" ? unlessOwn(host, naming) : undefined;
}

function unlessOwn(host: string, naming: Naming): string | undefined {
  const own = new URL(naming.publicUrl);
  return host === own.host || host === own.hostname ? undefined : (normalHost(host) ?? host);
}
