import { defineScript, type State } from "../../platform/state/state.ts";
import amendSource from "./amend.lua" with { type: "text" };
import decideSource from "./decide.lua" with { type: "text" };
import type { Answer, Charge, Decision, Limit, Limiter } from "./limiter.ts";
import { answerAt, Batch, codes, decisionAt, keyOf, ops } from "./redis-batch.ts";

/**
 * Limits decided centrally, on Redis: every answer is exact whichever process asks, as long as
 * Redis keeps what it acknowledged. Its clock (TIME) is the only one, to the millisecond.
 *
 * One question is one atomic step of one script, however many charges it has. Questions that are
 * asked in the same turn of the event loop share a round trip: the script decides them one after
 * the other. All its keys carry one hash tag, so a cluster keeps them on one slot;
 * docs/decisions/0015-limits-on-redis.md says why and what that costs.
 *
 * Rejects with StateAwayError when Redis does not answer in time. If that was `sent`, the charges
 * count as used: whether they do is not known, and giving them back could give twice.
 */
export class RedisLimiter implements Limiter {
  private readonly state: State;
  private readonly tag: string;
  private open: Batch | null = null;
  private inFlight = 0;

  constructor({ state, tag = mainTag }: { state: State; tag?: string }) {
    this.state = state;
    this.tag = tag;
  }

  take(charges: readonly Charge[]): Promise<Decision> {
    return this.ask(ops.take, charges);
  }

  peek(charges: readonly Charge[]): Promise<Decision> {
    return this.ask(ops.peek, charges);
  }

  report(charges: readonly Charge[]): Promise<Decision> {
    return this.ask(ops.report, charges);
  }

  async refund(charges: readonly Charge[]): Promise<void> {
    await this.giveBack(charges.map((charge) => ({ ...charge, at: 0, alone: false })));
  }

  async reset(limit: Limit, key: string): Promise<void> {
    await this.amend([[ops.reset, { limit, key, cost: 0 }, 0]]);
  }

  async penalize(limit: Limit, key: string, ms: number): Promise<void> {
    await this.amend([[ops.penalize, { limit, key, cost: Math.ceil(ms) }, 0]]);
  }

  /**
   * Units to hand out elsewhere: none when not even `cost` is free, else as many of `asked` as
   * there are, or more, up to `want`, while that is a small share of what is free.
   */
  lease(charge: Ask): Promise<Grant> {
    return new Promise((resolve, reject) => {
      const done = (reply: number[], at: number) => {
        const answer = answerAt(reply, at);
        const units = answer.delayMs;
        resolve({ at: reply[0] as number, units, answer, alone: false, late: false });
      };
      const batch = this.batch(1);
      batch.numbers.push(ops.lease, 1);
      batch.add(charge);
      batch.numbers.push(charge.asked, charge.want);
      batch.questions.push({ size: 1, done, reject });
    });
  }

  async giveBack(units: readonly Units[]): Promise<void> {
    for (let i = 0; i < units.length; i += chargesPerScriptMax) {
      const some = units.slice(i, i + chargesPerScriptMax);
      await this.amend(some.map((charge) => [ops.giveBack, charge, charge.at]));
    }
  }

  private ask(op: number, charges: readonly Charge[]): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const size = charges.length;
      const done = (reply: number[], at: number) => resolve(decisionAt(reply, at, size));
      if (op !== ops.report) checkCosts(charges);
      const batch = this.batch(size);
      batch.numbers.push(op, size);
      for (const charge of charges) batch.add(charge);
      batch.questions.push({ size, done, reject });
    });
  }

  /** The batch of this turn, as long as it has room for a question of so many charges. */
  private batch(size: number): Batch {
    let batch = this.open;
    if (batch && batch.keys.length + size > chargesPerScriptMax) {
      this.send(batch);
      batch = null;
    }
    if (!batch) {
      const fresh = new Batch(this.tag);
      batch = fresh;
      this.open = fresh;
      if (this.inFlight < scriptsInFlightMax) queueMicrotask(() => this.send(fresh));
    }
    return batch;
  }

  private send(batch: Batch): void {
    if (this.open === batch) this.open = null;
    if (batch.sent) return;
    batch.sent = true;
    this.inFlight++;
    this.state.run(decide, batch.keys, batch.numbers).then(
      (reply) => {
        this.sendNext();
        batch.answer(reply);
      },
      (error: unknown) => {
        this.sendNext();
        batch.fail(error);
      },
    );
  }

  private sendNext(): void {
    this.inFlight--;
    if (this.open) this.send(this.open);
  }

  private async amend(changes: [op: number, charge: Charge, at: number][]): Promise<void> {
    const keys = changes.map(([, { limit, key }]) => keyOf(this.tag, limit, key));
    const numbers = changes.flatMap(([op, { limit, cost }, at]) => {
      const { algorithm, windowMs } = limit;
      return [op, codes[algorithm], cost, at, limit.limit, windowMs];
    });
    await this.state.run(amend, keys, numbers);
  }
}

/** For units to hand out elsewhere: as many as are asked for now, and a stock, `want` in all. */
export type Ask = Charge & { asked: number; want: number };

export type Grant = {
  /** The time of Redis in ms since 1970. */
  at: number;
  units: number;
  answer: Answer;
  /** Counted by this process by itself, since the server is away; and whether it was waited for. */
  alone: boolean;
  late: boolean;
};

/** What comes back: `at` and `alone` of the grant that they are from, 0 for unknown. */
export type Units = Charge & { at: number; alone: boolean };

/** Of everything but sub-keys. */
const mainTag = "stoa";

/** A script holds up all others while it runs; so many charges take it about 0.2 ms. */
const chargesPerScriptMax = 64;

/** Questions that come while so many are out go together, once one of these is answered. */
const scriptsInFlightMax = 2;

const decide = defineScript(decideSource);
const amend = defineScript(amendSource);

/** A cost that could never pass is the caller's error, not a refusal. */
function checkCosts(charges: readonly Charge[]): void {
  charges.forEach(({ limit, key, cost }, i) => {
    let units = cost;
    for (const before of charges.slice(0, i)) {
      if (before.key === key && before.limit.id === limit.id) units += before.cost;
    }
    if (Number.isInteger(cost) && cost >= 1 && units <= limit.burst) return;
    throw new RangeError(`a cost of ${units}; rule ${limit.id} has 1 to ${limit.burst}`);
  });
}
