import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Definition } from "./rules.ts";

/** The SQL of rules. Refusals have a file of their own. */
export type RuleRow = {
  id: string;
  preset: boolean;
  definition: Definition;
  version: number;
  updated_at: Date;
  updated_by: string | null;
};

export type VersionRow = {
  rule_id: string;
  version: number;
  change: "created" | "updated" | "removed";
  name: string;
  definition: Definition;
  changed_at: Date;
  changed_by: string | null;
};

export const rulesChannel = "limits_rules_changed";

export async function listRules(reader: Reader): Promise<RuleRow[]> {
  return await reader.all<RuleRow>`
    SELECT id, preset, definition, version, updated_at, updated_by
    FROM limits.rules ORDER BY name`;
}

export async function findRule(reader: Reader, id: string): Promise<RuleRow | null> {
  return await reader.one<RuleRow>`
    SELECT id, preset, definition, version, updated_at, updated_by
    FROM limits.rules WHERE id = ${id}`;
}

export async function findPresets(reader: Reader): Promise<RuleRow[]> {
  return await reader.all<RuleRow>`
    SELECT id, preset, definition, version, updated_at, updated_by
    FROM limits.rules WHERE preset`;
}

/**
 * Lets one change of rules happen at a time and tells every process of it, on commit. To be
 * called first, so that what is read afterwards stays true.
 */
export async function announceChange(tx: Writer): Promise<void> {
  await tx.run`UPDATE limits.revision SET revision = revision + 1`;
  await tx.all`SELECT pg_notify(${rulesChannel}, '')`;
}

export async function findRevision(reader: Reader): Promise<string> {
  const row = await reader.one<{ revision: string }>`SELECT revision FROM limits.revision`;
  return row?.revision ?? "0";
}

export async function countRules(reader: Reader): Promise<number> {
  const row = await reader.one<{ n: number }>`SELECT count(*)::int AS n FROM limits.rules`;
  return row?.n ?? 0;
}

export async function insertRule(tx: Writer, row: RuleRow): Promise<void> {
  await tx.run`
    INSERT INTO limits.rules (id, name, preset, definition, version, updated_at, updated_by)
    VALUES (${row.id}, ${row.definition.name}, ${row.preset}, ${tx.json(row.definition)},
      ${row.version}, ${row.updated_at}, ${row.updated_by})`;
  await insertVersion(tx, row, "created");
}

export async function updateRule(tx: Writer, row: RuleRow): Promise<void> {
  await tx.run`
    UPDATE limits.rules SET name = ${row.definition.name}, definition = ${tx.json(row.definition)},
      version = ${row.version}, updated_at = ${row.updated_at}, updated_by = ${row.updated_by}
    WHERE id = ${row.id}`;
  await insertVersion(tx, row, "updated");
}

/** `row` is its last state, with the version that the removal is. */
export async function deleteRule(tx: Writer, row: RuleRow): Promise<void> {
  await tx.run`DELETE FROM limits.rules WHERE id = ${row.id}`;
  await insertVersion(tx, row, "removed");
}

async function insertVersion(
  tx: Writer,
  row: RuleRow,
  change: VersionRow["change"],
): Promise<void> {
  await tx.run`
    INSERT INTO limits.rule_versions
      (rule_id, version, change, name, definition, changed_at, changed_by)
    VALUES (${row.id}, ${row.version}, ${change}, ${row.definition.name},
      ${tx.json(row.definition)}, ${row.updated_at}, ${row.updated_by})`;
}

/** Newest first; of a removed rule too. `before` is the last version of the page before. */
export async function listVersions(
  reader: Reader,
  id: string,
  page: { before: number | null; limit: number },
): Promise<VersionRow[]> {
  return await reader.all<VersionRow>`
    SELECT rule_id, version, change, name, definition, changed_at, changed_by
    FROM limits.rule_versions
    WHERE rule_id = ${id} AND (${page.before}::int IS NULL OR version < ${page.before}::int)
    ORDER BY version DESC LIMIT ${page.limit}`;
}
