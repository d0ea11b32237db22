import { StateAwayError, type State } from "../../platform/state/state.ts";
import { closedAnswer } from "./away.ts";
import type { Answer, Charge, Limit } from "./limiter.ts";
import type { MemoryLimiter } from "./memory.ts";
import { RedisLimiter, type Ask, type Grant, type Units } from "./redis.ts";

/**
 * One part of divided rules: keys that lie in a slot of their own, of a server that others need
 * not share. While that server is away the shares that lie here answer by `on_failure`: none is
 * given away of a `closed` rule, and of an `open` one this process counts alone, so that at most
 * the share passes once more per process and outage. The other parts go on.
 */
export class SubKey {
  private readonly state: State;
  private readonly memory: MemoryLimiter;
  private readonly central: RedisLimiter;

  constructor({ state, memory, tag }: { state: State; memory: MemoryLimiter; tag: string }) {
    this.state = state;
    this.memory = memory;
    this.central = new RedisLimiter({ state, tag });
  }

  async lease(ask: Ask): Promise<Grant> {
    try {
      return await this.central.lease(ask);
    } catch (error) {
      const late = isLate(error);
      if (ask.limit.onFailure === "open") return this.leaseAlone(ask, late);
      return { at: 0, units: 0, answer: closedAnswer, alone: true, late };
    }
  }

  async giveBack(units: readonly Units[]): Promise<void> {
    const isHere = ({ alone }: Units) => alone || this.state.state() === "down";
    const here = units.filter(isHere);
    const there = units.filter((one) => !isHere(one));
    if (here.length > 0) this.memory.refund(here);
    if (there.length > 0) await this.central.giveBack(there);
  }

  async peek(charge: Charge): Promise<Answer> {
    return await this.orAlone(charge, async () => this.central.peek([charge]));
  }

  async report(charge: Charge): Promise<Answer> {
    return await this.orAlone(charge, async () => this.central.report([charge]), true);
  }

  async reset(limit: Limit, key: string): Promise<void> {
    await this.central.reset(limit, key);
  }

  async penalize(limit: Limit, key: string, ms: number): Promise<void> {
    await this.central.penalize(limit, key, ms);
  }

  /** As much as is asked, as far as it is there; nothing is held beyond that. */
  private leaseAlone({ limit, key, cost, asked }: Ask, late: boolean): Grant {
    const { remaining } = this.memory.peek([{ limit, key, cost }]).answers[0] as Answer;
    const units = Math.max(cost, Math.min(asked, remaining));
    const { allowed, answers } = this.memory.take([{ limit, key, cost: units }]);
    const answer = answers[0] as Answer;
    return { at: 0, units: allowed ? units : 0, answer, alone: true, late };
  }

  private async orAlone(
    charge: Charge,
    ask: () => Promise<{ answers: Answer[] }>,
    charging = false,
  ): Promise<Answer> {
    try {
      return (await ask()).answers[0] as Answer;
    } catch (error) {
      isLate(error);
      const { memory } = this;
      const alone = charging ? memory.report([charge]) : memory.peek([charge]);
      return charge.limit.onFailure === "open" ? (alone.answers[0] as Answer) : closedAnswer;
    }
  }
}

/** Whether somebody waited for it; any error but of a server that is away is thrown on. */
function isLate(error: unknown): boolean {
  if (!(error instanceof StateAwayError)) throw error;
  return error.sent;
}
