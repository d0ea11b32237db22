import { isLeasable } from "./lease-terms.ts";
import type { Accuracy, Answer, Charge, Decision, Limit } from "./limiter.ts";
import { isCountable } from "./local.ts";
import { isDivided } from "./shares.ts";

/** Charges of one question that are decided in the same way, and where they stand in it. */
export type Part = { way: Way; at: number[]; charges: Charge[] };

export type Decided = {
  part: Part;
  decision: Decision;
  /** By this process, as Redis was away. */
  alone: boolean;
};

type Soon<T> = T | Promise<T>;

/** A divided rule is leased, from sub-keys which may lie on other servers. */
export type Way = Accuracy | "divided";

const ways = new WeakMap<Limit, Way>();

/** How a rule is decided: as it asks for, or more exactly where its algorithm needs that. */
export function wayOf(limit: Limit): Way {
  let way = ways.get(limit);
  if (way === undefined) {
    way = limit.accuracy;
    if (way === "local" && !isCountable(limit)) way = "leased";
    if (isDivided(limit)) way = "divided";
    else if (way === "leased" && !isLeasable(limit)) way = "strict";
    ways.set(limit, way);
  }
  return way;
}

/** Null when they differ. */
export function commonWay(charges: readonly Charge[]): Way | null {
  let common: Way | null = null;
  for (const { limit } of charges) {
    const way = wayOf(limit);
    if (common !== null && way !== common) return null;
    common = way;
  }
  return common ?? "local";
}

/** What is answered here first, what may need Redis last. */
const order: Way[] = ["local", "divided", "leased", "strict"];

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
  decided: readonly Pick<Decided, "part" | "decision">[],
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

/**
 * One part after the other until one refuses, at once as far as they are answered at once. What was
 * taken before a refusal or a failure is undone.
 */
export function takeInTurn(
  charges: readonly Charge[],
  { take, undo }: { take: (part: Part) => Soon<Decided>; undo: (one: Decided) => void },
): Soon<Decision> {
  const parts = partsOf(charges);
  const decided: Decided[] = [];
  const undoAll = () => {
    for (const one of decided) if (one.decision.allowed) undo(one);
  };
  const isLast = (one: Decided): boolean => {
    decided.push(one);
    if (!one.decision.allowed) undoAll();
    return !one.decision.allowed || decided.length === parts.length;
  };
  const failed = (error: unknown): never => {
    undoAll();
    throw error;
  };
  const goOn = (): Soon<Decision> => {
    for (;;) {
      const one = take(parts[decided.length] as Part);
      if (one instanceof Promise) {
        return one.then((late) => (isLast(late) ? join(charges, decided) : goOn()), failed);
      }
      if (isLast(one)) return join(charges, decided);
    }
  };
  return goOn();
}

/** All parts at once, which charge nothing that another's refusal would take back. */
export async function askEach(
  charges: readonly Charge[],
  ask: (part: Part) => Promise<Decision>,
): Promise<Decision> {
  const parts = partsOf(charges);
  const decisions = await Promise.all(parts.map(ask));
  const decided = parts.map((part, i) => ({ part, decision: decisions[i] as Decision }));
  return join(charges, decided);
}

export function decisionOf(answers: Answer[]): Decision {
  return { allowed: answers.every((answer) => answer.allowed), answers };
}
