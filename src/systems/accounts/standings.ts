import type { Principal } from "../../platform/auth/principal.ts";
import type { Reader } from "../../platform/db/db.ts";
import { mustChangeScopes } from "./authenticate.ts";

/** Whether callers who proved themselves before still have the same credentials and rights. */
type Row = Pick<Principal, "account_id" | "role" | "tier" | "credential_id"> & {
  scopes: string[] | null;
  must_change_password: boolean;
};

export async function standingsOf(
  reader: Reader,
  principals: readonly Principal[],
): Promise<(principal: Principal) => boolean> {
  const of = (kind: Principal["kind"]) => principals.filter((one) => one.kind === kind);
  const ids = (kind: Principal["kind"]) => of(kind).map((one) => one.credential_id);
  const outside = of("outside");
  const [keys, sessions, identities] = await Promise.all([
    reader.all<Row>`
      SELECT k.id AS credential_id, k.account_id, a.role, a.tier, k.scopes,
        false AS must_change_password
      FROM accounts.keys k JOIN accounts.accounts a ON a.id = k.account_id
      WHERE k.id = ANY(${reader.array(ids("key"), "int8")}) AND a.disabled_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > now())`,
    reader.all<Row>`
      SELECT s.id AS credential_id, s.account_id, a.role, a.tier, NULL AS scopes,
        a.must_change_password
      FROM accounts.sessions s JOIN accounts.accounts a ON a.id = s.account_id
      WHERE s.id = ANY(${reader.array(ids("session"), "int8")}) AND a.disabled_at IS NULL
        AND s.expires_at > now()`,
    reader.all<Row>`
      SELECT i.subject AS credential_id, i.account_id, a.role, a.tier, NULL AS scopes,
        false AS must_change_password
      FROM accounts.identities i JOIN accounts.accounts a ON a.id = i.account_id
      WHERE i.account_id = ANY(${reader.array(
        outside.map((one) => one.account_id),
        "int8",
      )}) AND a.disabled_at IS NULL`,
  ]);
  const rows = { key: keys, session: sessions, outside: identities };
  const good = new Set<string>();
  for (const kind of ["key", "session", "outside"] as const) {
    for (const row of rows[kind]) {
      const scopes = row.scopes ?? (row.must_change_password ? mustChangeScopes : ["*"]);
      good.add(textOf({ ...row, kind, scopes }));
    }
  }
  return (principal) => good.has(textOf(principal));
}

type Rights = Pick<Principal, "kind" | "account_id" | "role" | "tier" | "credential_id" | "scopes">;

function textOf({ kind, account_id, role, tier, credential_id, scopes }: Rights): string {
  return JSON.stringify([kind, account_id, role, tier, credential_id, ...scopes]);
}
