import type { Clock } from "../../platform/clock/clock.ts";
import type { Reader, Writer } from "../../platform/db/db.ts";
import { assert } from "../../platform/errors/errors.ts";
import { maskSecrets } from "../../platform/log/log.ts";
import type { AuditEntry } from "./contract.ts";
import { idMax, type Page } from "./store.ts";

/** The audit log: what was done to accounts and what they own, by whom and from where. */
export type AuditRow = {
  id: string;
  account_id: string | null;
  actor_id: string | null;
  actor_kind: string;
  credential_id: string | null;
  action: string;
  target: string;
  detail: unknown;
  address: string | null;
  request_id: string | null;
  occurred_at: Date;
};

export type Audit = (tx: Writer, entry: AuditEntry) => Promise<void>;

const detailLengthMax = 16_384;
const actionFormat = /^[a-z]+\.[a-z_]+$/;

export function createAudit(options: { nextId: () => string; clock: Clock }): Audit {
  return async (tx, entry) => {
    assert(actionFormat.test(entry.action), `an audit action is not ${entry.action}`);
    const detail = maskSecrets(JSON.stringify(entry.detail ?? {}));
    assert(detail.length <= detailLengthMax, `the audit detail of ${entry.action} is too long`);
    const actor = entry.actor === "system" ? null : entry.actor;
    await tx.run`
      INSERT INTO accounts.audit (id, account_id, actor_id, actor_kind, credential_id, action,
        target, detail, address, request_id, occurred_at)
      VALUES (${options.nextId()}, ${entry.account_id}, ${actor?.account_id ?? null},
        ${actor?.kind ?? "system"}, ${actor?.credential_id ?? null}, ${entry.action},
        ${entry.target}, ${detail}::text::jsonb, ${entry.address ?? null},
        ${entry.request_id ?? null}, ${new Date(options.clock.now())})`;
  };
}

/** Newest first. Without `account_id` everybody's, which is for administrators. */
export async function listAudit(
  reader: Reader,
  filter: Page & { account_id: string | null; action: string | null },
): Promise<AuditRow[]> {
  const { account_id, action } = filter;
  const ofAccount = account_id === null ? reader.sql`` : reader.sql`AND account_id = ${account_id}`;
  const ofAction = action === null ? reader.sql`` : reader.sql`AND action = ${action}`;
  return await reader.all<AuditRow>`
    SELECT id, account_id, actor_id, actor_kind, credential_id, action, target, detail, address,
      request_id, occurred_at
    FROM accounts.audit WHERE id < ${filter.before ?? idMax} ${ofAccount} ${ofAction}
    ORDER BY id DESC LIMIT ${filter.limit}`;
}
