import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import { unsafeTarget } from "./draft.ts";
import type { Quarantine } from "./quarantine.ts";
import type { UrlPolicy } from "./safety.ts";
import type { LinkRow } from "./store.ts";
import { walk } from "./walk.ts";

/**
 * Checks every target of every live link again by the rules of today: lists change, and so do
 * schemes and domains. What became unsafe is stopped; what a check had stopped and is fine now
 * redirects again. What a person stopped is a person's to release.
 */
export type RecheckDeps = {
  db: Db;
  clock: Clock;
  quarantine: Quarantine;
  urlPolicy(): UrlPolicy;
};

/** Small, with a pause after each, because checking holds up redirects in this process. */
const recheckStepLinks = 100;
const pauseMs = 5;
const byCheck = "check: ";

export async function recheckLinks(
  deps: RecheckDeps,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { db, clock } = deps;
  await walk({ db, clock, name, signal, step });

  async function step(after: string): Promise<string | null> {
    const rows = await liveAfter(db, after, new Date(clock.now()));
    const changed = rows.filter((row) => needsChange(row, deps.urlPolicy()));
    if (changed.length > 0) await settle(deps, changed);
    await clock.sleep(pauseMs, signal);
    return rows.length < recheckStepLinks ? null : (rows.at(-1)?.id ?? null);
  }
}

type CheckedRow = Pick<LinkRow, "id" | "url" | "rules" | "split" | "expired_url" | "quarantined">;

async function liveAfter(db: Db, after: string, now: Date): Promise<CheckedRow[]> {
  return await db.all<CheckedRow>`
    SELECT id, url, rules, split, expired_url, quarantined FROM links.links
    WHERE id > ${after} AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
    ORDER BY id LIMIT ${recheckStepLinks}`;
}

function needsChange(row: CheckedRow, policy: UrlPolicy): boolean {
  if (row.quarantined === null) return unsafeTarget(row, policy) !== null;
  return row.quarantined.startsWith(byCheck) && unsafeTarget(row, policy) === null;
}

/** Looks again with each row locked, because its owner may have changed it meanwhile. */
async function settle(deps: RecheckDeps, rows: CheckedRow[]): Promise<void> {
  const { db, quarantine } = deps;
  await db.write(async (tx) => {
    const ids = tx.array(
      rows.map((row) => row.id),
      "int8",
    );
    const locked = await tx.all<CheckedRow>`
      SELECT id, url, rules, split, expired_url, quarantined FROM links.links
      WHERE id = ANY (${ids}) AND deleted_at IS NULL ORDER BY id FOR UPDATE`;
    const policy = deps.urlPolicy();
    for (const row of locked.filter((found) => needsChange(found, policy))) {
      const reason = unsafeTarget(row, policy);
      if (reason === null) await quarantine.releaseLink(tx, "system", row.id);
      else await quarantine.link(tx, "system", row.id, `${byCheck}${reason}`);
    }
  });
}
