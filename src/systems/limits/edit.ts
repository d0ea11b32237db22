import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Writer } from "../../platform/db/db.ts";
import { uniqueViolation } from "../../platform/db/sqlstate.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { definitionOf, type Definition } from "./rules.ts";
import { requireSameParts, requireSound, type Known } from "./sound.ts";
import * as store from "./store.ts";
import type { RuleRow } from "./store.ts";

/** Making, changing and removing rules; each leaves a version and a line in the audit log. */
export type AuditEntry = {
  account_id: string | null;
  actor: Principal;
  action: string;
  target: string;
  detail: Record<string, unknown>;
  address: string;
  request_id: string;
};
export type Audit = (tx: Writer, entry: AuditEntry) => Promise<void>;

/** Who does it, and from where. */
export type Origin = { actor: Principal; address: string; request_id: string };

export type Wish = { [K in keyof Definition]?: Definition[K] | undefined };

/** Every process holds all of them, and each request is matched against them. */
export const rulesMax = 1_000;

export type EditDeps = { clock: Clock; nextId: () => string; audit: Audit; known: Known };

export class RuleEdits {
  private readonly deps: EditDeps;

  constructor(deps: EditDeps) {
    this.deps = deps;
  }

  async create(tx: Writer, wish: Wish, origin: Origin): Promise<RuleRow> {
    const definition = definitionOf(wish);
    requireSound(definition, this.deps.known);
    await store.announceChange(tx);
    if ((await store.countRules(tx)) >= rulesMax) {
      throw new AppError("limits.rule_limit", `There are ${rulesMax} rules; remove one first.`);
    }
    const row = { ...this.stamp(origin), id: this.deps.nextId(), preset: false, version: 1 };
    const made = { ...row, definition };
    await store.insertRule(tx, made).catch(explainName);
    await this.audit(tx, "limits.rule_created", made, origin);
    return made;
  }

  async update(
    tx: Writer,
    id: string,
    { wish, version }: { wish: Wish; version: number | null },
    origin: Origin,
  ): Promise<RuleRow> {
    const row = await this.lock(tx, id, version);
    const definition = definitionOf(wish, row.definition);
    if (row.preset && definition.name !== row.definition.name) {
      throw new AppError("limits.rule_needed", "name: Stoa itself asks for this rule by its name.");
    }
    requireSound(definition, this.deps.known);
    requireSameParts(row.definition, definition);
    const next = { ...row, ...this.stamp(origin), definition, version: row.version + 1 };
    await store.updateRule(tx, next).catch(explainName);
    await this.audit(tx, "limits.rule_updated", next, origin);
    return next;
  }

  async remove(tx: Writer, id: string, version: number | null, origin: Origin): Promise<void> {
    const row = await this.lock(tx, id, version);
    if (row.preset) {
      const message = "Stoa itself asks for this rule by its name; disable it instead.";
      throw new AppError("limits.rule_needed", message);
    }
    const last = { ...row, ...this.stamp(origin), version: row.version + 1 };
    await store.deleteRule(tx, last);
    await this.audit(tx, "limits.rule_removed", last, origin);
  }

  /** The rule as it stays until the commit, when it still is the version that was read. */
  private async lock(tx: Writer, id: string, version: number | null): Promise<RuleRow> {
    await store.announceChange(tx);
    const row = await store.findRule(tx, id);
    if (!row) throw unknownRule(id);
    if (version === null || version === row.version) return row;
    const message = `version: it is ${row.version} by now; read the rule again`;
    throw new AppError("limits.rule_changed", message, {
      fields: [{ field: "version", message: `it is ${row.version} by now` }],
    });
  }

  private stamp(origin: Origin) {
    const updated_at = new Date(this.deps.clock.now());
    return { updated_at, updated_by: origin.actor.account_id };
  }

  private async audit(tx: Writer, action: string, row: RuleRow, origin: Origin): Promise<void> {
    const detail = { name: row.definition.name, version: row.version };
    await this.deps.audit(tx, { ...origin, account_id: null, action, target: row.id, detail });
  }
}

export function unknownRule(id: string): AppError {
  return new AppError("limits.rule_not_found", `There is no rule ${id}.`);
}

function explainName(error: unknown): never {
  if (uniqueViolation(error) !== "rules_name_key") throw error;
  throw new AppError("limits.rule_name_taken", "name: another rule is called so.", {
    fields: [{ field: "name", message: "another rule is called so" }],
  });
}
