import type { AppError } from "../../platform/errors/errors.ts";

/**
 * What other systems may use of limits. They ask by the name of a preset and say whom it is about;
 * how much is allowed, and to whom, is what administrators make of the rule. A name stands for the
 * rule that has it and for every rule called `<name>.something`; all must allow.
 */
export interface Limits {
  /** Charges, or charges nothing and refuses. */
  take(name: string, about: About): Verdict | Promise<Verdict>;
  /** Gives back one charge; for a `concurrency` it frees a place. */
  refund(name: string, about: About): Promise<void>;
  /** Forgets what the key has used. */
  reset(name: string, about: About): Promise<void>;
  /**
   * How many of a thing may be held, for things whose owner counts them itself; Infinity where no
   * rule says. Whoever refuses because of it says so by `refused`.
   */
  allowance(name: string, about: About): number;
  refused(name: string, about: About): void;
}

/** By the parts that the rule's key names: `user`, `ip`, `tier`, or others for rules of one's own. */
export type About = Record<string, string | undefined>;

export type Verdict = {
  /** Null when it may go on; else a 429 that names the rule and when to come back. */
  refusal: AppError | null;
  /** Gives back exactly what was charged. */
  giveBack(): Promise<void>;
};
