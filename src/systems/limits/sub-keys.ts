import type { State } from "../../platform/state/state.ts";
import { termsOf } from "./lease-terms.ts";
import type { Answer, Charge, Limit } from "./limiter.ts";
import type { MemoryLimiter } from "./memory.ts";
import { sharesOf, subKeysMax } from "./shares.ts";
import { SubKey } from "./sub-key.ts";

/**
 * Where the parts of divided rules lie: the part with number i on server i modulo their number, in
 * a slot of its own. All processes must name the same servers in the same order.
 */
export class SubKeys {
  private readonly all: readonly SubKey[];
  /** Where this process begins, so that processes begin at different ones. */
  private readonly first: number;

  constructor(options: { servers: readonly State[]; memory: MemoryLimiter; first?: number }) {
    const { servers, memory, first = anywhere() } = options;
    this.first = first;
    this.all = Array.from({ length: subKeysMax }, (_, part) => {
      const state = servers[part % servers.length] as State;
      return new SubKey({ state, memory, tag: `stoa:${part}` });
    });
  }

  at(part: number): SubKey {
    return this.all[part] as SubKey;
  }

  /** Numbers of the parts of a rule, in the order in which this process asks them. */
  inOrder({ subKeys }: Limit): number[] {
    return Array.from({ length: subKeys }, (_, step) => (this.first + step) % subKeys);
  }

  /** What all of them say together. */
  async peek({ limit, key, cost }: Charge): Promise<Answer> {
    const answers = sharesOf(limit).map((share, part) =>
      this.at(part).peek({ limit: termsOf(share, cost).central, key, cost }),
    );
    return together(await Promise.all(answers));
  }

  /** Takes it wherever something is left, and charges what is then missing above the limit. */
  async report({ limit, key, cost }: Charge): Promise<Answer> {
    const shares = sharesOf(limit);
    const parts = this.inOrder(limit);
    let left = cost;
    for (const part of parts) {
      const { central } = termsOf(shares[part] as Limit, 1);
      const asked = { limit: central, key, cost: 1, asked: left, want: left };
      const { units, late } = await this.at(part).lease(asked);
      left -= units;
      if (left === 0 || late) break;
    }
    const own = parts[0] as number;
    if (left > 0) await this.at(own).report({ limit: shares[own] as Limit, key, cost: left });
    const one = Math.min(cost, (shares.at(-1) as Limit).burst);
    const answer = await this.peek({ limit, key, cost: one });
    return left > 0 ? answer : { ...answer, allowed: true, retryAfterMs: 0 };
  }

  async reset(limit: Limit, key: string): Promise<void> {
    await Promise.all(sharesOf(limit).map((share, part) => this.at(part).reset(share, key)));
  }

  async penalize(limit: Limit, key: string, ms: number): Promise<void> {
    const parts = sharesOf(limit).map((share, part) => this.at(part).penalize(share, key, ms));
    await Promise.all(parts);
  }
}

/** Also for processes that know nothing of each other; two may meet, and then share. */
function anywhere(): number {
  return crypto.getRandomValues(new Uint8Array(1))[0] as number;
}

/** It passes when one lets it pass; the wait is until the first would. */
function together(answers: Answer[]): Answer {
  const allowed = answers.some((answer) => answer.allowed);
  return {
    allowed,
    remaining: answers.reduce((sum, { remaining }) => sum + remaining, 0),
    resetMs: Math.max(...answers.map(({ resetMs }) => resetMs)),
    retryAfterMs: allowed ? 0 : Math.min(...answers.map(({ retryAfterMs }) => retryAfterMs)),
    delayMs: 0,
  };
}
