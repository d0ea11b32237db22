import type { Principal } from "../../platform/auth/principal.ts";
import type { Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { CodeAlphabet } from "./codes.ts";

/** One host that serves links, or is claimed by an owner to do so. */
export type Domain = {
  id: string;
  owner_id: string;
  host: string;
  alphabet: CodeAlphabet;
  root_url: string | null;
  not_found_url: string | null;
  quarantined: boolean;
  /** Of the domain itself. */
  quarantine_reason: string | null;
  /** Why its owner is stopped; on Stoa's own domain, whoever makes a link there. */
  owner_quarantine: string | null;
};

export type DomainRow = Domain & { token: string; verified_at: Date | null; created_at: Date };

export const domainsChannel = "links_domains_changed";

/** In the owner's audit log. */
export async function noteDomain(
  tx: Writer,
  accounts: Pick<Accounts, "audit">,
  { actor, row, action }: { actor: Principal | "system"; row: DomainRow; action: string },
): Promise<void> {
  const { host, owner_id: account_id, id: target } = row;
  await accounts.audit(tx, { account_id, actor, action, target, detail: { host } });
}

export function domainTaken(host: string, why: string): AppError {
  const message = `${host}: ${why}`;
  return new AppError("links.domain_taken", `host: ${message}`, {
    fields: [{ field: "host", message }],
  });
}
