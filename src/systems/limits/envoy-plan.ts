import { Recent } from "../../platform/cache/cache.ts";
import type { Counter, Metrics } from "../../platform/metrics/metrics.ts";
import { unitsMax } from "./algorithms/counting.ts";
import { ofTier, type Compiled } from "./compile.ts";
import { isKeyedBy, readEntries } from "./envoy-names.ts";
import { Overrides } from "./envoy-override.ts";
import { never, type Place } from "./envoy-response.ts";
import type { Descriptor, RateLimitRequest } from "./envoy-wire.ts";
import type { RuleBook } from "./rule-book.ts";
import { select, type Asked, type Selection } from "./selection.ts";
import { capacityOf } from "./shares.ts";
import { subjectOf } from "./subject.ts";

/** A request in terms of rules. */
export type Plan = {
  selection: Selection;
  /** What `selection` asks and charges. */
  charged: Place[];
  /** What is only asked. */
  looked: Place[];
  /** What is given back, each with how much; shadow rules among them. */
  refunded: Place[];
  /** Deny lists, and who wants more than the rule could ever allow: no limiter is asked. */
  hopeless: Place[];
};

const shapesMax = 10_000;

/** Finds out which rules concern the descriptors of a request, and what each is to be asked. */
export class Planner {
  private readonly book: RuleBook;
  private readonly unmatched: Counter;
  private readonly shapes = new Recent<readonly Compiled[]>(shapesMax);
  private readonly overrides = new Overrides();
  private generation = -1;

  constructor({ book, metrics }: { book: RuleBook; metrics: Metrics }) {
    this.book = book;
    const help = "Descriptors of proxies that no rule concerns.";
    this.unmatched = metrics.counter("stoa_limits_envoy_unmatched_total", help);
  }

  plan({ domain, descriptors, hits }: RateLimitRequest): Plan {
    const selection = asking([]);
    const places: Place[] = [];
    const refunded: Place[] = [];
    const hopeless: Place[] = [];
    for (const [index, descriptor] of descriptors.entries()) {
      const found = this.selectionFor(domain, descriptor);
      if (found === null) {
        this.unmatched.value++;
        continue;
      }
      const cost = descriptor.hits ?? hits;
      const place = (one: Asked): Place => ({
        ...costing(one, cost),
        ...{ descriptors: [index], answer: null },
      });
      if (found.denied && !descriptor.negative) {
        hopeless.push({ ...place(found.denied), answer: never });
      }
      if (found.denied || found.exempt) continue;
      if (descriptor.negative) {
        for (const one of [...found.asked, ...found.shadows]) addRefund(refunded, place(one));
        continue;
      }
      selection.shadowDenied.push(...found.shadowDenied);
      if (cost !== 0) selection.shadows.push(...found.shadows.map((one) => costing(one, cost)));
      for (const one of found.asked) addPlace(places, place(one));
    }
    const possible = places.filter(isPossible);
    for (const one of places) if (!possible.includes(one)) hopeless.push({ ...one, answer: never });
    const looked = possible.filter(({ cost }) => cost === 0);
    const charged = possible.filter(({ cost }) => cost > 0);
    for (const one of looked) one.cost = 1;
    selection.asked.push(...charged);
    return { selection, charged, looked, refunded, hopeless };
  }

  /** Null when no rule concerns it. */
  private selectionFor(domain: string, descriptor: Descriptor): Selection | null {
    const reading = readEntries(domain, descriptor.entries);
    if (reading === null) return null;
    const { policy, parts } = reading;
    const subject = subjectOf(parts);
    const rules = this.rulesFor(policy, Object.keys(parts));
    const found = rules.filter(({ rule }) => ofTier(rule, subject.tier));
    if (found.length === 0) return null;
    const { override } = descriptor;
    return select(
      override ? found.map((rule) => this.overrides.of(rule, override)) : found,
      subject,
    );
  }

  /** Of a policy those whose key is made of these parts; worked out once until rules change. */
  private rulesFor(policy: string, names: string[]): readonly Compiled[] {
    const { book } = this;
    if (this.generation !== book.generation) {
      this.generation = book.generation;
      this.shapes.clear();
      this.overrides.clear();
    }
    const shape = `${policy} ${names.join(" ")}`;
    let rules = this.shapes.get(shape);
    if (rules === undefined) {
      rules = (book.named(policy) ?? []).filter((compiled) => isKeyedBy(compiled, names));
      this.shapes.set(shape, rules);
    }
    return rules;
  }
}

export function asking(asked: Asked[]): Selection {
  return { asked, shadows: [], shadowDenied: [], denied: null, exempt: false };
}

/** One counter is asked once, also where two descriptors of a request mean it. */
function addPlace(places: Place[], place: Place): void {
  const same = places.find(({ compiled, key }) => compiled === place.compiled && key === place.key);
  if (!same) {
    places.push(place);
    return;
  }
  same.cost += place.cost;
  same.descriptors.push(...place.descriptors);
}

/** What lets nothing pass was charged nothing. */
function addRefund(refunded: Place[], place: Place): void {
  if (place.compiled.rule.limit === 0) return;
  addPlace(refunded, { ...place, cost: Math.min(place.cost, unitsMax) });
}

function costing({ compiled, key }: Asked, cost: number | null): Required<Asked> {
  return { compiled, key, cost: cost ?? compiled.rule.cost };
}

/** To ask whether anything is left is to ask for one. */
function isPossible({ compiled: { reading }, cost }: Place): boolean {
  return reading !== null && Math.max(1, cost) <= capacityOf(reading);
}
