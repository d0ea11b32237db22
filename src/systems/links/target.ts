import type { Held } from "../../platform/cache/cache.ts";
import { compileRules, compileSplit, type Chooser, type Rule, type Split } from "./rules.ts";
import type { TargetRow } from "./store.ts";

/** What the redirect needs to know of a link, in the form in which it is quickest to use. */
export type Target = Held & {
  id: string;
  /** The id as two 32-bit halves, for the click record. */
  idHigh: number;
  idLow: number;
  domainId: string;
  code: string;
  url: string;
  status: number;
  /** Milliseconds since 1970; 0 and Infinity where there is no bound. */
  startsAt: number;
  expiresAt: number;
  /** Sends everybody to `url` within its time: nothing more to look at. */
  plain: boolean;
  /** Null for plain links, which are nearly all, to keep them small. */
  more: TargetMore | null;
};

export type TargetMore = {
  expiredUrl: string | null;
  deleted: boolean;
  limited: boolean;
  quarantined: string | null;
  passwordHash: string | null;
  forwardQuery: boolean;
  forwardPath: boolean;
  choose: Chooser | null;
  /** Weighted destinations, by visitor. */
  split: ((visitorKey: string) => string) | null;
  card: { title: string | null; description: string | null; image: string | null } | null;
  noindex: boolean;
};

/** What may stand in a header as it is; every URL that was parsed and written out again. */
const visibleAscii = /^[\x21-\x7e]+$/;

export function compileTarget(row: TargetRow): Target {
  const id = BigInt(row.id);
  const rules = row.rules as Rule[];
  const split = row.split as Split | null;
  const card =
    row.title || row.description || row.image
      ? { title: row.title, description: row.description, image: row.image }
      : null;
  const more: TargetMore = {
    expiredUrl: row.expired_url,
    deleted: row.deleted_at !== null,
    limited: row.max_clicks !== null,
    quarantined: row.owner_quarantined ? "owner" : row.quarantined,
    passwordHash: row.password_hash,
    forwardQuery: row.forward_query,
    forwardPath: row.forward_path,
    choose: rules.length > 0 ? compileRules(rules) : null,
    split: split && compileSplit(split, row.id),
    card,
    noindex: row.robots === "noindex",
  };
  const plain =
    !more.deleted &&
    !more.limited &&
    !more.quarantined &&
    !more.passwordHash &&
    !more.forwardQuery &&
    !more.forwardPath &&
    !more.choose &&
    !split &&
    !card &&
    !more.noindex &&
    visibleAscii.test(row.url);
  return {
    id: row.id,
    idHigh: Number(id >> 32n),
    idLow: Number(id & 0xffff_ffffn),
    domainId: row.domain_id,
    code: row.code,
    url: row.url,
    status: row.redirect,
    startsAt: row.starts_at?.getTime() ?? 0,
    expiresAt: row.expires_at?.getTime() ?? Infinity,
    plain,
    more: plain && !row.expired_url ? null : more,
    ...{ readAt: 0, freshUntil: 0, epoch: 0 },
  };
}
