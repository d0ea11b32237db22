/**
 * Targeting rules and split tests of one link.
 *
 * The first rule whose conditions all hold decides. Rules are compiled once per link (ranges
 * parsed, instants and names normalised), and a visit is asked only for what some rule wants
 * to know: the User-Agent, the place and the languages are looked up lazily, at most once.
 *
 * Language: of the languages that any rule of the link names, the one that the visitor
 * prefers decides, so the order of rules does not outvote the order of preferences. What a
 * visitor accepts below q=0.9 is ignored: browsers list their owner's languages from the
 * top, and somebody who reads English first wants no German page for a q of 0.7.
 *
 * Split: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005). Every destination
 * scores -weight / ln(u) with u from a hash of (visitor, link, destination); the highest
 * wins. It needs no memory, weights are exact in expectation, and a changed weight moves only
 * the visitors it must: towards that destination, or away from it. Rejected: a hash modulo
 * the sum of the weights, where one change reshuffles nearly everybody.
 */
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { timeSchema } from "../../platform/http/route.ts";
import { assert } from "../../platform/errors/errors.ts";
import { type Agent, operatingSystems, parseAcceptLanguage } from "./visits.ts";

export const rulesMax = 50;
export const splitMax = 20;
const conditionValuesMax = 50;
const targetLengthMax = 2_048;
const languageQualityMin = 0.9;

const target = z.string().min(1).max(targetLengthMax);
const anyOf = <T extends z.ZodType>(value: T) => z.array(value).min(1).max(conditionValuesMax);

const conditionSchema = z.strictObject({
  device: anyOf(z.enum(["mobile", "tablet", "desktop"])).optional(),
  os: anyOf(z.enum(operatingSystems)).optional(),
  language: anyOf(
    z.string().regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$/, "a BCP 47 tag such as de or pt-BR"),
  )
    .optional()
    .describe("`de` matches de-CH too; `de-CH` matches only itself and what is below it."),
  country: anyOf(
    z.string().regex(/^[A-Za-z]{2}$/, "an ISO 3166-1 code of two letters such as CH"),
  ).optional(),
  city: anyOf(z.string().trim().min(1).max(100))
    .optional()
    .describe("Compared without case and accents."),
  query: anyOf(
    z.strictObject({ name: z.string().min(1).max(100), value: z.string().max(500).optional() }),
  )
    .optional()
    .describe("Every one must be in the query string; without `value`, any value will do."),
  address: anyOf(
    z.string().max(64).refine(isRange, "an address or CIDR range such as 203.0.113.0/24"),
  ).optional(),
  from: timeSchema.optional(),
  until: timeSchema.optional().describe("The first instant that is no longer matched."),
});

export const ruleSchema = z
  .strictObject({
    if: conditionSchema.describe("All that is said must hold; of a list, one is enough."),
    url: target.describe("Where those lead whom it concerns."),
    ios_app: target.optional().describe("Opened on iOS instead; `url` remains the fallback."),
    android_app: target.optional().describe("Opened on Android instead; `url` is the fallback."),
  })
  .refine(({ if: { from, until } }) => !from || !until || Date.parse(from) < Date.parse(until), {
    path: ["if", "until"],
    message: "until must be later than from",
  });
export type Rule = z.infer<typeof ruleSchema>;

export const splitSchema = z
  .array(z.strictObject({ url: target, weight: z.number().int().min(1).max(1_000) }))
  .min(2)
  .max(splitMax)
  .refine((arms) => new Set(arms.map((arm) => arm.url)).size === arms.length, {
    message: "each url may stand once; raise its weight instead",
  });
export type Split = z.infer<typeof splitSchema>;

/** All the places that rules and split may send somebody to, for the checks of URLs. */
export function destinations(rules: Rule[], split: Split | null): string[] {
  const all = rules.flatMap((rule) => [rule.url, rule.ios_app, rule.android_app]);
  return [...new Set([...all, ...(split ?? []).map((arm) => arm.url)])].filter(
    (url) => url !== undefined,
  );
}

/** What rules may ask about a visit. Each is called at most once, and only where needed. */
export type VisitContext = {
  /** Milliseconds since 1970. */
  now: number;
  agent(): Agent;
  acceptLanguage(): string | null;
  place(): { country: string; city: string } | null;
  /** The visitor's address, IPv4 or IPv6. */
  address(): string;
  query(): URLSearchParams;
};

/** `app` is to be tried first and may have no handler on the device; `url` always works. */
export type Choice = { url: string; app: string | null };
export type Chooser = (visit: VisitContext) => Choice | null;

type Test = (visit: VisitContext, languages: () => string | null) => boolean;

export function compileRules(rules: Rule[]): Chooser {
  assert(rules.length <= rulesMax, `a link has at most ${rulesMax} rules`);
  const named = new Set(rules.flatMap((rule) => rule.if.language ?? []).map(lower));
  const compiled = rules.map((rule) => ({ rule, tests: compileConditions(rule.if) }));
  return (visit) => {
    const asked = askOnce(visit);
    const language = once(() => preferredLanguage(visit.acceptLanguage(), named));
    for (const { rule, tests } of compiled) {
      if (tests.every((holds) => holds(asked, language))) return choiceOf(rule, asked);
    }
    return null;
  };
}

function choiceOf(rule: Rule, visit: VisitContext): Choice {
  if (rule.ios_app === undefined && rule.android_app === undefined) {
    return { url: rule.url, app: null };
  }
  const { os } = visit.agent();
  const app = os === "ios" ? rule.ios_app : os === "android" ? rule.android_app : undefined;
  return { url: rule.url, app: app ?? null };
}

/** Cheap tests come first, so that a failing date spares the lookup of a place. */
function compileConditions(condition: Rule["if"]): Test[] {
  const tests: Test[] = [];
  if (condition.from !== undefined) {
    const from = Date.parse(condition.from);
    tests.push((visit) => visit.now >= from);
  }
  if (condition.until !== undefined) {
    const until = Date.parse(condition.until);
    tests.push((visit) => visit.now < until);
  }
  for (const { name, value } of condition.query ?? []) {
    tests.push((visit) => visit.query().has(name, value));
  }
  if (condition.language !== undefined) {
    const languages = condition.language.map(lower);
    tests.push((_, preferred) => {
      const tag = preferred();
      return tag !== null && languages.some((language) => isWithin(tag, language));
    });
  }
  if (condition.device !== undefined) {
    const devices = new Set<string>(condition.device);
    tests.push((visit) => devices.has(visit.agent().device));
  }
  if (condition.os !== undefined) {
    const systems = new Set<string>(condition.os);
    // Programs are no "other" system: they get what the link says without rules.
    tests.push((visit) => visit.agent().device !== "bot" && systems.has(visit.agent().os));
  }
  if (condition.address !== undefined) tests.push(addressTest(condition.address));
  if (condition.country !== undefined) {
    const countries = new Set(condition.country.map((code) => code.toUpperCase()));
    tests.push((visit) => countries.has(visit.place()?.country.toUpperCase() ?? ""));
  }
  if (condition.city !== undefined) {
    const cities = new Set(condition.city.map(foldName));
    tests.push((visit) => cities.has(foldName(visit.place()?.city ?? "")));
  }
  return tests;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

function addressTest(ranges: string[]): Test {
  const parsed = ranges.map(parseRange).filter((range) => range !== null);
  return (visit) => {
    const text = visit.address();
    if (!ipaddr.isValid(text)) return false;
    const address: Address = ipaddr.process(text);
    return parsed.some(
      ([base, bits]) => base.kind() === address.kind() && address.match(base, bits),
    );
  };
}

function isRange(text: string): boolean {
  return parseRange(text) !== null;
}

/** IPv4 must have four parts; a range of mapped addresses is the IPv4 range it stands for. */
function parseRange(text: string): [Address, number] | null {
  const [host = "", prefix, ...more] = text.trim().split("/");
  const strict = ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host);
  if (!strict || more.length > 0) return null;
  const given: Address = ipaddr.parse(host);
  const bitsMax = given.kind() === "ipv4" ? 32 : 128;
  const bits = prefix === undefined ? bitsMax : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (bits < 0 || bits > bitsMax) return null;
  const address: Address = ipaddr.process(host);
  if (address.kind() === given.kind()) return [address, bits];
  return bits >= 96 ? [address, bits - 96] : null;
}

function preferredLanguage(header: string | null, named: Set<string>): string | null {
  const tags = parseAcceptLanguage(header, languageQualityMin);
  return tags.find((tag) => [...named].some((language) => isWithin(tag, language))) ?? null;
}

function isWithin(tag: string, language: string): boolean {
  return tag === language || tag.startsWith(`${language}-`);
}

function lower(text: string): string {
  return text.toLowerCase();
}

function foldName(name: string): string {
  return name
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .trim();
}

function once<T>(ask: () => T): () => T {
  let answer: { value: T } | undefined;
  return () => (answer ??= { value: ask() }).value;
}

function askOnce(visit: VisitContext): VisitContext {
  return {
    now: visit.now,
    agent: once(() => visit.agent()),
    acceptLanguage: once(() => visit.acceptLanguage()),
    place: once(() => visit.place()),
    address: once(() => visit.address()),
    query: once(() => visit.query()),
  };
}

/** The same visitor key always gets the same URL, as long as the weights stay. */
export function compileSplit(split: Split, linkId: string): (visitorKey: string) => string {
  const arms = split.map(({ url, weight }) => ({ url, weight, seed: Bun.hash.xxHash32(url) }));
  return (visitorKey) => {
    const key = `${linkId}\n${visitorKey}`;
    let best = arms[0]!;
    let scoreMax = -1;
    for (const arm of arms) {
      // Never 0 nor 1, whose logarithms would make the weight meaningless.
      const uniform = (Bun.hash.xxHash32(key, arm.seed) + 0.5) / 2 ** 32;
      const score = -arm.weight / Math.log(uniform);
      if (score > scoreMax) {
        scoreMax = score;
        best = arm;
      }
    }
    return best.url;
  };
}
