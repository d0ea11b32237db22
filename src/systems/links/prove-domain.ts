import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import { uniqueViolation } from "../../platform/db/sqlstate.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { Accounts } from "../accounts/contract.ts";
import { domainLost, domainVerified } from "./contract.ts";
import { type DomainRow, domainsChannel, domainTaken, noteDomain } from "./domain.ts";
import { isProved, unproved } from "./domain-proof.ts";

/**
 * Looks for the proof outside any transaction, then records it. Hosts change hands: whoever has
 * proved one before keeps it for as long as that proof can be found, and no longer.
 */
type ProofDeps = {
  db: Db;
  clock: Clock;
  events: Events;
  accounts: Pick<Accounts, "audit">;
  outbound: Outbound;
};

const proved = "another account has proved it";

export async function proveDomain(
  deps: ProofDeps,
  by: Principal,
  row: DomainRow,
): Promise<DomainRow> {
  const { db, outbound } = deps;
  const holder = await db.one<DomainRow>`
    SELECT * FROM links.domains WHERE host = ${row.host} AND verified_at IS NOT NULL`;
  if (!(await isProved(row, outbound))) {
    throw holder ? domainTaken(row.host, proved) : unproved(row);
  }
  if (holder && (await isProved(holder, outbound))) throw domainTaken(row.host, proved);
  return await db.write(async (tx) => {
    if (holder) await recordLoss(tx, deps, holder);
    return await recordProof(tx, deps, { by, row, holder });
  });
}

async function recordProof(
  tx: Writer,
  { clock, events, accounts }: ProofDeps,
  { by, row, holder }: { by: Principal; row: DomainRow; holder: DomainRow | null },
): Promise<DomainRow> {
  // A host that was stopped stays so, whoever proves it next.
  const { quarantined, quarantine_reason } = holder ?? row;
  const verified_at = new Date(clock.now());
  try {
    await tx.run`
      UPDATE links.domains SET verified_at = ${verified_at}, quarantined = ${quarantined},
        quarantine_reason = ${quarantine_reason}
      WHERE id = ${row.id}`;
  } catch (error) {
    if (uniqueViolation(error)) throw domainTaken(row.host, proved);
    throw error;
  }
  const { id: domain_id, host, owner_id } = row;
  events.publish(tx, domainVerified, { owner_id, data: { domain_id, host } });
  await noteDomain(tx, accounts, { actor: by, row, action: "domains.verified" });
  await tx.all`SELECT pg_notify(${domainsChannel}, '')`;
  return { ...row, verified_at, quarantined, quarantine_reason };
}

async function recordLoss(
  tx: Writer,
  { events, accounts }: ProofDeps,
  holder: DomainRow,
): Promise<void> {
  const { id, host, owner_id } = holder;
  await tx.run`UPDATE links.domains SET verified_at = NULL WHERE id = ${id}`;
  events.publish(tx, domainLost, { owner_id, data: { domain_id: id, host } });
  await noteDomain(tx, accounts, { actor: "system", row: holder, action: "domains.lost" });
}
