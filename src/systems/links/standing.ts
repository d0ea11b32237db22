import type { Reader } from "../../platform/db/db.ts";
import type { Link } from "./wire.ts";

/** Whether visitors are sent on, or something was stopped: a link, its domain or its owner. */
export type StoppedBy = {
  /** Why the domain, and why the owner, is stopped; null where it is not. */
  domain_quarantine: string | null;
  owner_quarantine: string | null;
};

export type Standing = StoppedBy & { quarantined: string | null };

/** The columns of `StoppedBy`, of a link `l` on a domain `d`. */
export function standing(reader: Reader): unknown {
  return reader.sql`
    CASE WHEN d.quarantined THEN coalesce(d.quarantine_reason, '')
      WHEN d.verified_at IS NULL THEN 'the domain is not proved any more'
    END AS domain_quarantine,
    (SELECT q.reason FROM links.quarantined_owners q WHERE q.owner_id = l.owner_id)
      AS owner_quarantine`;
}

/** The narrowest first: what would have to be released before the others matter. */
export function quarantineOf(row: Standing): Link["quarantine"] {
  if (row.quarantined !== null) return { of: "link", reason: row.quarantined };
  if (row.domain_quarantine !== null) return { of: "domain", reason: row.domain_quarantine };
  return row.owner_quarantine === null ? null : { of: "owner", reason: row.owner_quarantine };
}
