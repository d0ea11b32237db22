import { isLeasable } from "./lease-terms.ts";
import type { Accuracy, Answer, Charge, Decision, Limit } from "./limiter.ts";
import { isCountable } from "./local.ts";

/** Charges of one question that are decided in the same way, and where they stand in it. */
export type Part = { way: Accuracy; at: number[]; charges: Charge[] };

const ways = new WeakMap<Limit, Accuracy>();

/** How a rule is decided: as it asks for, or more exactly where its algorithm needs that. */
export function wayOf(limit: Limit): Accuracy {
  let way = ways.get(limit);
  if (way === undefined) {
    way = limit.accuracy;
    if (way === "local" && !isCountable(limit)) way = "leased";
    if (way === "leased" && !isLeasable(limit)) way = "strict";
    ways.set(limit, way);
  }
  return way;
}

/** Null when they differ. */
export function commonWay(charges: readonly Charge[]): Accuracy | null {
  let common: Accuracy | null = null;
  for (const { limit } of charges) {
    const way = wayOf(limit);
    if (common !== null && way !== common) return null;
    common = way;
  }
  return common ?? "local";
}

/** What is answered here first, what may need Redis last. */
const order: Accuracy[] = ["local", "leased", "strict"];

export function partsOf(charges: readonly Charge[]): Part[] {
  const parts: Part[] = order.map((way) => ({ way, at: [], charges: [] }));
  charges.forEach((charge, i) => {
    const part = parts[order.indexOf(wayOf(charge.limit))] as Part;
    part.at.push(i);
    part.charges.push(charge);
  });
  return parts.filter((part) => part.at.length > 0);
}

/** One decision of the parts that were asked. */
export function join(
  charges: readonly Charge[],
  decided: readonly { part: Part; decision: Decision }[],
): Decision {
  const answers = charges.map(unasked);
  for (const { part, decision } of decided) {
    part.at.forEach((at, i) => {
      answers[at] = decision.answers[i] as Answer;
    });
  }
  return { allowed: decided.every(({ decision }) => decision.allowed), answers };
}

/** Of a rule that was not asked since another refused. */
export function unasked({ limit }: Charge): Answer {
  const { burst } = limit;
  return { allowed: true, remaining: burst, resetMs: 0, retryAfterMs: 0, delayMs: 0 };
}
