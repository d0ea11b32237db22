import { assert } from "../../platform/errors/errors.ts";
import { ofTier, type Compiled } from "./compile.ts";
import type { About, Limits, Verdict } from "./contract.ts";
import { chargesOf, type Decider } from "./decide.ts";
import type { Outcome } from "./outcome.ts";
import { refusalOf } from "./refusal.ts";
import type { Refusals } from "./refusals.ts";
import type { RuleBook } from "./rule-book.ts";
import { select } from "./selection.ts";
import { subjectOf, type Subject } from "./subject.ts";

/** Rules that systems ask for by name. */
export class NamedLimits implements Limits {
  private readonly book: RuleBook;
  private readonly decider: Decider;
  private readonly refusals: Refusals;

  constructor(deps: { book: RuleBook; decider: Decider; refusals: Refusals }) {
    this.book = deps.book;
    this.decider = deps.decider;
    this.refusals = deps.refusals;
  }

  take(name: string, about: About): Verdict | Promise<Verdict> {
    const { rules, subject } = this.find(name, about);
    const question = { route: name, writing: true, cost: null };
    const outcome = this.decider.take(select(rules, subject), question);
    return outcome instanceof Promise
      ? outcome.then((settled) => this.verdictOf(settled))
      : this.verdictOf(outcome);
  }

  async refund(name: string, about: About): Promise<void> {
    const charges = this.charges(name, about);
    if (charges.length > 0) await this.decider.limiter.refund(charges);
  }

  async reset(name: string, about: About): Promise<void> {
    for (const { limit, key } of this.charges(name, about)) {
      await this.decider.limiter.reset(limit, key);
    }
  }

  allowance(name: string, about: About): number {
    const { rules, subject } = this.find(name, about);
    const { asked, denied, exempt } = select(rules, subject);
    if (denied) return 0;
    if (exempt) return Infinity;
    return Math.min(Infinity, ...asked.map(({ compiled }) => compiled.rule.limit));
  }

  refused(name: string, about: About): void {
    const { rules, subject } = this.find(name, about);
    const { asked } = select(rules, subject);
    const limit = this.allowance(name, about);
    const found = asked.find(({ compiled }) => compiled.rule.limit === limit);
    if (!found) return;
    found.compiled.counts.refused.value++;
    const { compiled, key } = found;
    this.refusals.record({ rule: compiled.name, route: name, key, shadow: false });
  }

  private charges(name: string, about: About) {
    const { rules, subject } = this.find(name, about);
    const { asked, shadows } = select(rules, subject);
    return chargesOf([...asked, ...shadows], { route: name, writing: true, cost: null });
  }

  private find(name: string, about: About): { rules: readonly Compiled[]; subject: Subject } {
    const rules = this.book.named(name);
    assert(rules, `there is no rule ${name}`);
    const subject = subjectOf(about);
    return { rules: rules.filter(({ rule }) => ofTier(rule, subject.tier)), subject };
  }

  private verdictOf(outcome: Outcome): Verdict {
    return { refusal: refusalOf(outcome), giveBack: () => this.decider.giveBack(outcome) };
  }
}
