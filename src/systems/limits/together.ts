import { unitsMax } from "./algorithms/counting.ts";
import type { Compiled, KeyAtHand } from "./key-at-hand.ts";
import type { Charge, Limit } from "./limiter.ts";

/** One charge of a question, found, and whether its rule admits it. */
export type Asked = { rule: Compiled; low: number; high: number; cost: number; admitted: boolean };

/**
 * The charges of one question, each of which is looked at twice: all have to be asked before the
 * first is charged. What was found is kept until the next question and its places used again, as
 * making them anew would take longer than to decide.
 */
export class Together {
  private readonly keys: KeyAtHand;
  private readonly asked: Asked[] = [];

  constructor(keys: KeyAtHand) {
    this.keys = keys;
  }

  /** Whether all admit, each as if those before it in this question were charged. */
  ask(charges: readonly Charge[], now: number): boolean {
    let all = true;
    for (let i = 0; i < charges.length; i++) {
      const { limit, key, cost } = charges[i] as Charge;
      const rule = this.keys.turnTo(limit, key);
      const units = cost + this.costBefore(i);
      checkCost(limit, units);
      const admitted = this.keys.look(rule, units, now);
      if (!admitted) all = false;
      this.keep(i, rule, cost, admitted);
    }
    return all;
  }

  at(i: number): Asked {
    return this.asked[i] as Asked;
  }

  /** Before anything else: an earlier charge may have moved the cell, or be to the same key. */
  turnTo(i: number, now: number): Asked {
    const one = this.at(i);
    this.keys.low = one.low;
    this.keys.high = one.high;
    this.keys.look(one.rule, one.cost, now);
    return one;
  }

  /** What those before ask of the key at hand. */
  private costBefore(i: number): number {
    const { low, high } = this.keys;
    let units = 0;
    for (let before = 0; before < i; before++) {
      const one = this.at(before);
      if (one.low === low && one.high === high) units += one.cost;
    }
    return units;
  }

  private keep(i: number, rule: Compiled, cost: number, admitted: boolean): void {
    const { low, high } = this.keys;
    const one = this.asked[i];
    if (one === undefined) {
      this.asked.push({ rule, low, high, cost, admitted });
      return;
    }
    one.rule = rule;
    one.low = low;
    one.high = high;
    one.cost = cost;
    one.admitted = admitted;
  }
}

export function checkUnits(cost: number): void {
  if (Number.isInteger(cost) && cost >= 1 && cost <= unitsMax) return;
  throw new RangeError(`a cost of ${cost}; it must be a whole number from 1`);
}

/** A cost that could never pass is the caller's error, not a refusal. */
export function checkCost({ id, burst }: Limit, cost: number): void {
  checkUnits(cost);
  if (cost > burst) throw new RangeError(`a cost of ${cost} is above ${burst}, all of rule ${id}`);
}
