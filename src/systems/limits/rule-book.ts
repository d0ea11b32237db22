import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import { compile, inOrder, type Compiled } from "./compile.ts";
import { findRevision, listRules, rulesChannel, type RuleRow } from "./store.ts";

/**
 * The rules as this process knows them, all in memory. A change is heard by NOTIFY at once; since
 * silence proves nothing, the revision is also asked for all the time, so that a change is known
 * everywhere within a second, also where LISTEN does not work. While the database is away the rules
 * stay as they are, as nobody can change them.
 */
export type RuleBookOptions = { db: Db; clock: Clock; log: Log; metrics: Metrics };

const pollMs = 800;

export class RuleBook {
  /** Those that are enabled, in the order that they are asked in. */
  rules: readonly Compiled[] = [];
  /** Counts up whenever `rules` are others, for what is derived from them. */
  generation = 0;
  private readonly options: RuleBookOptions;
  private readonly stopping = new AbortController();
  private known = new Map<string, Compiled>();
  private policies = new Map<string, readonly Compiled[]>();
  private byName = new Map<string, readonly Compiled[]>();
  private revision = "";
  private reading: Promise<void> | null = null;
  private again = false;
  private polling: Promise<void> | null = null;
  private unlisten: (() => Promise<void>) | null = null;

  constructor(options: RuleBookOptions) {
    this.options = options;
  }

  /**
   * The enabled rules asked for by a name: the rule that has it, or the policy of all rules
   * called `<name>.something`. Undefined when no rule, enabled or not, is called so.
   */
  named(name: string): readonly Compiled[] | undefined {
    const before = this.policies.get(name);
    if (before) return before;
    const belongs = (other: string) => other === name || other.startsWith(`${name}.`);
    if (![...this.byName.keys()].some(belongs)) return undefined;
    const found = this.rules.filter((compiled) => belongs(compiled.name));
    this.policies.set(name, found);
    return found;
  }

  /** The one rule of this name, none while it is disabled; undefined when there is no such. */
  called(name: string): readonly Compiled[] | undefined {
    return this.byName.get(name);
  }

  /** Resolves once everything committed before the call is known here. */
  reload(): Promise<void> {
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
    this.reading = this.read().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async read(): Promise<void> {
    const { db } = this.options;
    do {
      this.again = false;
      // The revision first: a change between the two reads is then read once more, not missed.
      const revision = await findRevision(db);
      if (revision === this.revision) continue;
      this.take(await listRules(db));
      this.revision = revision;
    } while (this.again);
  }

  /** Goes by these rules from now on. */
  take(rows: readonly RuleRow[]): void {
    const next = new Map<string, Compiled>();
    for (const row of rows) {
      const before = this.known.get(row.id);
      const same = before !== undefined && before.row.version === row.version;
      const compiled = same ? before : this.compiled(row);
      if (compiled) next.set(row.id, compiled);
    }
    this.known = next;
    this.rules = [...next.values()].filter(({ rule }) => rule.enabled).toSorted(inOrder);
    this.byName = new Map(rows.map((row) => [row.definition.name, []]));
    for (const compiled of this.rules) this.byName.set(compiled.name, [compiled]);
    this.policies = new Map();
    this.generation++;
  }

  private compiled(row: RuleRow): Compiled | null {
    try {
      return compile(row, this.options.metrics);
    } catch (error) {
      // Written by a newer version or by hand; the others must hold all the same.
      this.options.log.error("a rule cannot be read and does not hold", { rule: row.id, error });
      return null;
    }
  }

  async start(): Promise<void> {
    const hear = () => void this.reload().catch(() => {});
    this.unlisten = await this.options.db.listen(rulesChannel, hear, hear);
    await this.reload();
    this.polling = this.poll();
  }

  private async poll(): Promise<void> {
    const { clock, log } = this.options;
    while (!this.stopping.signal.aborted) {
      await clock.sleep(pollMs, this.stopping.signal);
      await this.reload().catch((error: unknown) => {
        log.debug("rules stay as they are while the database is away", { error });
      });
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.unlisten?.().catch(() => {});
    await this.polling;
  }
}
