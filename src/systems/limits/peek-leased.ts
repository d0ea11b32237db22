import { termsOf } from "./lease-terms.ts";
import type { Leases } from "./leases.ts";
import type { Answer, Charge, Decision } from "./limiter.ts";
import { decisionOf, type Way } from "./parts.ts";
import type { RedisLimiter } from "./redis.ts";
import type { SubKeys } from "./sub-keys.ts";

/** What is free centrally or in all parts, and what lies here. */
export async function peekLeased(
  from: { central: RedisLimiter; subKeys: SubKeys; leases: Leases },
  way: Way,
  charges: readonly Charge[],
): Promise<Decision> {
  const { central, subKeys, leases } = from;
  const answers =
    way === "divided"
      ? await Promise.all(charges.map((charge) => subKeys.peek(charge)))
      : (await central.peek(charges.map(centrally))).answers;
  const both = answers.map((answer, i): Answer => {
    const { limit, key, cost } = charges[i] as Charge;
    const stock = leases.stockOf(limit, key);
    const remaining = answer.remaining + stock;
    // What one part has adds nothing to what another has for one charge.
    const enough = (way === "divided" ? stock : remaining) >= cost;
    if (answer.allowed || !enough) return { ...answer, remaining };
    return { ...answer, remaining, allowed: true, retryAfterMs: 0 };
  });
  return decisionOf(both);
}

/** As the central limiter is asked for a rule that is leased. */
export function centrally(charge: Charge): Charge {
  return { ...charge, limit: termsOf(charge.limit, charge.cost).central };
}
