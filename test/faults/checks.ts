import { absent, gone, type Operation } from "./history.ts";

/**
 * What a history and the state at its end may not show. Pure functions, so that each is tested
 * on histories that break its rule. Every link has one writer at a time, which makes a link a
 * register: its value is that of the last acknowledged write, or of one whose fate is unknown.
 */
export type Violation = { rule: Rule; detail: string };
export type Rule =
  | "lost"
  | "undone"
  | "invented"
  | "made twice"
  | "code twice"
  | "stale"
  | "vanished"
  | "clicks lost"
  | "clicks invented"
  | "clicks rolled up wrongly"
  | "broke"
  | "count too high"
  | "count too low";

export type StoredLink = {
  id: string;
  code: string;
  url: string;
  /** The intention it was made with. */
  title: string;
  deleted: boolean;
  clicks_used: number;
};

/** Acknowledged is durable, nothing else is there, and nothing is there twice. */
export function checkLinks(operations: Operation[], stored: StoredLink[]): Violation[] {
  const out: Violation[] = [];
  const byId = new Map(stored.map((link) => [link.id, link]));
  for (const [id, writes] of writesByLink(operations)) {
    const link = byId.get(id);
    const ok = writes.filter((w) => w.outcome === "ok");
    if (!link) {
      if (ok.length > 0) out.push({ rule: "lost", detail: `link ${id} is not there` });
      continue;
    }
    const value = link.deleted ? gone : link.url;
    if (!currentValues(writes, Infinity, 0).has(value)) {
      out.push({ rule: "undone", detail: `link ${id} is ${value}` });
    }
  }
  return [...out, ...checkIdentity(operations, stored)];
}

function checkIdentity(operations: Operation[], stored: StoredLink[]): Violation[] {
  const out: Violation[] = [];
  const intents = new Set(operations.filter((o) => o.kind === "create").map((o) => o.intent));
  const owners = new Map<string, string>();
  const claim = (code: string, id: string) => {
    const owner = owners.get(code);
    if (owner === undefined) owners.set(code, id);
    else if (owner !== id) {
      out.push({ rule: "code twice", detail: `${code} is of ${owner} and of ${id}` });
    }
  };
  for (const { link, code } of operations) if (link !== null && code !== null) claim(code, link);
  const made = new Map<string, string>();
  const ids = new Set<string>();
  for (const link of stored) {
    claim(link.code, link.id);
    if (ids.has(link.id)) out.push({ rule: "made twice", detail: `two links with id ${link.id}` });
    ids.add(link.id);
    if (!intents.has(link.title)) {
      out.push({ rule: "invented", detail: `nobody asked for link ${link.id} (${link.title})` });
    }
    const twin = made.get(link.title);
    if (twin) out.push({ rule: "made twice", detail: `${link.title} made ${twin} and ${link.id}` });
    made.set(link.title, link.id);
  }
  return out;
}

export type Interval = { from: number; to: number };

/**
 * Every visit saw a value that was current at some moment while it ran. `lagMs` is how long a
 * process may take to hear of a write made by another one. While the database is away, and for
 * as long after, visitors may get what was true before.
 */
export function checkVisits(
  operations: Operation[],
  lagMs: number,
  outages: Interval[] = [],
): Violation[] {
  const out: Violation[] = [];
  const writes = writesByLink(operations);
  for (const visit of operations) {
    if (visit.kind !== "visit" || visit.outcome !== "ok" || visit.link === null) continue;
    const known = writes.get(visit.link) ?? [];
    const from = Math.min(visit.invokedAt, ...beganDuring(visit, outages, lagMs));
    const allowed = currentValues(known, visit.endedAt, lagMs, from);
    if (allowed.has(visit.seen ?? "")) continue;
    const expected = [...allowed].join(" or ");
    const rule = visit.seen === absent ? "vanished" : "stale";
    out.push({ rule, detail: `link ${visit.link}: saw ${visit.seen} instead of ${expected}` });
  }
  return out;
}

/**
 * From when on values count for a visit during an outage: the process may not have looked at the
 * link since the first one, and then what it knew before is all it has.
 */
function beganDuring(visit: Operation, outages: Interval[], lagMs: number): number[] {
  const during = ({ from, to }: Interval) => visit.endedAt >= from && visit.invokedAt <= to + lagMs;
  return outages.some(during) ? outages.map((outage) => outage.from) : [];
}

/**
 * The values a link may have for somebody who looks between `from` and `to`. A write stops being
 * one when a later acknowledged write began after it had ended, and ended `lagMs` before `from`.
 * A write of unknown fate may take effect at any time after it began.
 */
function currentValues(writes: Operation[], to: number, lagMs: number, from = to): Set<string> {
  const begun = writes.filter((w) => w.invokedAt <= to && w.outcome !== "failed");
  const acknowledged = begun.filter((w) => w.outcome === "ok");
  const replaced = (write: Operation) =>
    write.outcome === "ok" &&
    acknowledged.some((w) => w.invokedAt >= write.endedAt && w.endedAt + lagMs <= from);
  const current = begun.filter((w) => !replaced(w));
  return new Set(current.map((w) => (w.kind === "delete" ? gone : (w.url as string))));
}

function writesByLink(operations: Operation[]): Map<string, Operation[]> {
  const out = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.kind === "visit" || operation.link === null) continue;
    const known = out.get(operation.link);
    if (known) known.push(operation);
    else out.set(operation.link, [operation]);
  }
  return out;
}

export type ClickCounts = {
  /** Raw rows and rolled-up totals by link id. */
  raw: Map<string, number>;
  rolled: Map<string, number>;
};

/**
 * Clicks by link: none that nobody made, and of those answered no more missing than the process
 * may lose when it is killed: what was answered within `windowMs` before a kill.
 */
export function checkClicks(
  operations: Operation[],
  counts: ClickCounts,
  options: { kills: number[]; windowMs: number },
): Violation[] {
  const out: Violation[] = [];
  const answered = new Map<string, number>();
  const possible = new Map<string, number>();
  let allowance = 0;
  for (const visit of operations) {
    if (visit.kind !== "visit" || visit.link === null || visit.outcome === "failed") continue;
    if (visit.seen === gone || visit.seen === absent) continue;
    possible.set(visit.link, (possible.get(visit.link) ?? 0) + 1);
    if (visit.outcome !== "ok") continue;
    answered.set(visit.link, (answered.get(visit.link) ?? 0) + 1);
    const { endedAt } = visit;
    if (options.kills.some((at) => endedAt <= at && endedAt > at - options.windowMs)) allowance++;
  }
  let lost = 0;
  for (const link of new Set([...answered.keys(), ...counts.raw.keys()])) {
    const counted = counts.raw.get(link) ?? 0;
    const most = possible.get(link) ?? 0;
    if (counted > most) {
      out.push({ rule: "clicks invented", detail: `link ${link}: ${counted} of ${most}` });
    }
    lost += Math.max(0, (answered.get(link) ?? 0) - counted);
    const rolled = counts.rolled.get(link) ?? 0;
    if (rolled !== counted) {
      const detail = `link ${link}: ${rolled} rolled up of ${counted}`;
      out.push({ rule: "clicks rolled up wrongly", detail });
    }
  }
  if (lost > allowance) {
    out.push({ rule: "clicks lost", detail: `${lost} lost, ${allowance} may be` });
  }
  return out;
}

/** An acknowledged step is counted, and nothing is counted that was not tried. */
export function checkCounter(
  name: string,
  count: { acknowledged: number; attempted: number; value: number; max?: number },
): Violation[] {
  const { acknowledged, attempted, value, max = Infinity } = count;
  const detail = `${name}: ${value} of ${acknowledged} acknowledged, ${attempted} attempted`;
  const out: Violation[] = [];
  if (value < acknowledged) out.push({ rule: "count too low", detail });
  if (value > attempted || acknowledged > max || value > max) {
    out.push({ rule: "count too high", detail });
  }
  return out;
}

/** No answer says that Stoa itself is at fault. */
export function checkAnswers(operations: Operation[]): Violation[] {
  const broken = operations.filter((o) => o.status === 500);
  return broken.map((o) => ({ rule: "broke", detail: `a ${o.kind} (${o.intent}) got 500` }));
}

/** No value was given twice. */
export function checkUnique(what: string, values: Iterable<string>): Violation[] {
  const seen = new Set<string>();
  const out: Violation[] = [];
  for (const value of values) {
    if (seen.has(value)) out.push({ rule: "made twice", detail: `${what} ${value}` });
    seen.add(value);
  }
  return out;
}

export function rulesOf(violations: Violation[]): Rule[] {
  return [...new Set(violations.map((v) => v.rule))].toSorted();
}
