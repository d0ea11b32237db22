import type { Principal } from "../../platform/auth/principal.ts";
import type { Reader } from "../../platform/db/db.ts";
import type { AppError } from "../../platform/errors/errors.ts";
import type { Limits } from "../limits/contract.ts";
import { aliasLimit } from "./alias-refusals.ts";
import type { Draft } from "./shorten.ts";
import { countAliases } from "./store.ts";

/** How many live aliases an owner may hold: by the rule `links.aliases`, counted in the table. */
type Owner = Pick<Principal, "account_id" | "tier">;

const rule = "links.aliases";

export class AliasRoom {
  private readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** Infinity where no rule says. */
  max({ account_id: user, tier }: Owner): number {
    return this.limits.allowance(rule, { user, tier });
  }

  async left(reader: Reader, owner: Owner): Promise<number> {
    const max = this.max(owner);
    return max - (await countAliases(reader, { ownerId: owner.account_id, max }));
  }

  /** Drafts with an alias for which their owner has no room; first come, first served. */
  async beyond(reader: Reader, drafts: Draft[]): Promise<Map<Draft, AppError>> {
    const aliased = drafts.filter((d) => d.alias);
    const refused = new Map<Draft, AppError>();
    for (const [user, wanted] of Map.groupBy(aliased, (d) => d.row.owner_id)) {
      const owner = { account_id: user, tier: (wanted[0] as Draft).tier };
      const left = await this.left(reader, owner);
      for (const draft of wanted.slice(Math.max(0, left))) {
        this.limits.refused(rule, { user, tier: owner.tier });
        refused.set(draft, aliasLimit(this.max(owner)));
      }
    }
    return refused;
  }
}
