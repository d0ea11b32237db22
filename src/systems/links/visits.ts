/**
 * What made a click: a person, a program, a service that draws a link's card, or a browser
 * that fetches ahead of its user. Only what the visitor says of itself is judged, so a
 * program that copies a browser's headers counts as human: no count of people on the open
 * web is better than that. Fragments are looked for first (cheap and exact about who it
 * is), then isbot's patterns, then bowser names the browser.
 *
 * Everything here is pure and bounded. classifyAgent costs tens of microseconds, so callers
 * keep its answers in a bounded cache by User-Agent.
 */
import { getParser } from "bowser";
import { isbot } from "isbot";
import { appBrowsers, headlessBrowsers, programs } from "./known-agents.ts";
import { scanners, unfurlers, type KnownAgent } from "./known-agents.ts";

export type VisitKind = "human" | "bot" | "unfurler" | "prefetch";
/** `reason` is a short stable word such as `slack`, `program:curl` or `browser`. */
export type Verdict = { kind: VisitKind; reason: string };

export type Device = "mobile" | "tablet" | "desktop" | "bot" | "other";
export const operatingSystems = [
  "ios",
  "android",
  "windows",
  "macos",
  "linux",
  "chromeos",
  "other",
] as const;
export type OperatingSystem = (typeof operatingSystems)[number];

export type Agent = {
  device: Device;
  os: OperatingSystem;
  /** Browser family such as `Chrome`, or `other`. */
  browser: string;
  /** The app whose built-in browser it is. */
  app?: string;
  /** What the User-Agent alone says of who is behind it. */
  verdict: Verdict;
};

/** The header values as received; null or undefined where absent. */
export type VisitHeaders = {
  method: string;
  userAgent: string | null | undefined;
  secPurpose?: string | null;
  purpose?: string | null;
  xPurpose?: string | null;
  xMoz?: string | null;
};

/** Longer User-Agents are cut before any pattern sees them. */
export const userAgentLengthMax = 512;
const purposeLengthMax = 256;
const referrerLengthMax = 2048;
const packageLengthMax = 128;
const searchLengthMax = 8192;
const utmLengthMax = 128;
const acceptLanguageLengthMax = 512;
const languagesMax = 20;

/** `agent` is what a cache already knows of this User-Agent. */
export function verdict(headers: VisitHeaders, agent?: Agent): Verdict {
  const said = agent?.verdict ?? verdictOfAgent(headers.userAgent);
  if (said.kind !== "human") return said;
  return prefetchVerdict(headers) ?? (headers.method === "HEAD" ? headRequest : said);
}

/** No browser navigates by HEAD; it is link checkers and unfurlers that do. */
const headRequest: Verdict = { kind: "bot", reason: "head_request" };
const browserVerdict: Verdict = { kind: "human", reason: "browser" };

function prefetchVerdict(headers: VisitHeaders): Verdict | null {
  const sec = headers.secPurpose;
  if (says(sec, "prefetch") || says(sec, "prerender")) {
    return { kind: "prefetch", reason: "sec_purpose" };
  }
  for (const purpose of [headers.purpose, headers.xPurpose]) {
    if (says(purpose, "prefetch") || says(purpose, "preview") || says(purpose, "prerender")) {
      return { kind: "prefetch", reason: "purpose" };
    }
  }
  if (says(headers.xMoz, "prefetch")) return { kind: "prefetch", reason: "x_moz" };
  return null;
}

function says(value: string | null | undefined, word: string): boolean {
  if (!value || value.length > purposeLengthMax) return false;
  return value.toLowerCase().includes(word);
}

/** The part of the verdict that depends on the User-Agent alone. */
export function verdictOfAgent(userAgent: string | null | undefined): Verdict {
  const agent = (userAgent ?? "").slice(0, userAgentLengthMax).trim();
  if (agent === "") return { kind: "bot", reason: "no_user_agent" };
  const lower = agent.toLowerCase();
  const unfurler = unfurlerReason(lower);
  if (unfurler !== null) return { kind: "unfurler", reason: unfurler };
  const known =
    find(scanners, lower) ?? find(headlessBrowsers, lower) ?? findStart(programs, lower);
  if (known !== null) return { kind: "bot", reason: known };
  if (isbot(agent)) return { kind: "bot", reason: "crawler" };
  return browserVerdict;
}

function unfurlerReason(lower: string): string | null {
  // iMessage claims to be Safari, Facebook and Twitter at once.
  if (lower.includes("facebookexternalhit") && lower.includes("twitterbot")) return "imessage";
  // Signal sends the same `WhatsApp/2` so as not to stand out.
  if (lower.startsWith("whatsapp/")) return "whatsapp";
  return find(unfurlers, lower);
}

function find(known: readonly KnownAgent[], lower: string): string | null {
  for (const { has, reason } of known) if (lower.includes(has)) return reason;
  return null;
}

function findStart(known: readonly KnownAgent[], lower: string): string | null {
  for (const { has, reason } of known) if (lower.startsWith(has)) return reason;
  return null;
}

const osNames: Record<string, OperatingSystem> = {
  iOS: "ios",
  Android: "android",
  Windows: "windows",
  macOS: "macos",
  Linux: "linux",
  "Chrome OS": "chromeos",
};
const shorterNames: Record<string, string> = {
  "Microsoft Edge": "Edge",
  "Samsung Internet for Android": "Samsung Internet",
  "NAVER Whale Browser": "Whale",
  "Android Browser": "Android WebView",
};

export function classifyAgent(userAgent: string | null | undefined): Agent {
  const said = verdictOfAgent(userAgent);
  if (said.kind !== "human") return { device: "bot", os: "other", browser: "other", verdict: said };
  const text = (userAgent ?? "").slice(0, userAgentLengthMax);
  const parser = getParser(text, true);
  const os = osNames[parser.getOSName()] ?? "other";
  const browser = parser.getBrowserName() || "other";
  const app = find(appBrowsers, text.toLowerCase());
  return {
    device: deviceOf(parser.getPlatformType(true), os),
    os,
    browser: shorterNames[browser] ?? browser,
    ...(app === null ? {} : { app }),
    verdict: said,
  };
}

/** bowser knows no Chromebooks, and calls televisions by their own name. */
function deviceOf(platform: string, os: OperatingSystem): Device {
  if (platform === "mobile" || platform === "tablet" || platform === "desktop") return platform;
  return os === "chromeos" ? "desktop" : "other";
}

/**
 * The host a visitor came from, lower case and without `www.`; `android-app://<package>` for
 * apps that name themselves; "" for none or anything else.
 */
export function parseReferrer(header: string | null | undefined): string {
  if (!header || header.length > referrerLengthMax) return "";
  const text = header.trim();
  const url = URL.parse(text);
  if (url === null) return "";
  if (url.protocol === "http:" || url.protocol === "https:") {
    const host = url.hostname.toLowerCase();
    const bare = host.startsWith("www.") ? host.slice(4) : host;
    return bare.endsWith(".") ? bare.slice(0, -1) : bare;
  }
  if (url.protocol !== "android-app:") return "";
  const name = url.hostname.toLowerCase();
  const isPackage = name.length <= packageLengthMax && /^[a-z0-9_.]+$/.test(name);
  return isPackage ? `android-app://${name}` : "";
}

export type Utm = {
  utm_source: string;
  utm_medium: string;
  utm_campaign: string;
  utm_term: string;
  utm_content: string;
};

const noUtm: Utm = {
  utm_source: "",
  utm_medium: "",
  utm_campaign: "",
  utm_term: "",
  utm_content: "",
};

/** The campaign fields of a query string, "" where absent; the first of a repeated one. */
export function parseUtm(search: string): Utm {
  if (!search.includes("utm_") || search.length > searchLengthMax) return noUtm;
  const query = new URLSearchParams(search);
  const field = (name: string) => plainText(query.get(name) ?? "", utmLengthMax);
  return {
    utm_source: field("utm_source"),
    utm_medium: field("utm_medium"),
    utm_campaign: field("utm_campaign"),
    utm_term: field("utm_term"),
    utm_content: field("utm_content"),
  };
}

/** Without control characters (PostgreSQL takes no NUL), cut without halving a character. */
function plainText(text: string, lengthMax: number): string {
  const cut = text.slice(0, lengthMax * 2).replace(/\p{Cc}/gu, "");
  return [...cut.trim()].slice(0, lengthMax).join("").toWellFormed();
}

/**
 * Lower-case language tags in order of preference, without those refused (q=0) and those
 * accepted less than `qualityMin`.
 */
export function parseAcceptLanguage(header: string | null | undefined, qualityMin = 0): string[] {
  if (!header) return [];
  const parts = header.slice(0, acceptLanguageLengthMax).split(",").slice(0, languagesMax);
  const weighed = parts.flatMap((part) => {
    const [tag = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    if (!/^[a-z]{1,8}(-[a-z0-9]{1,8}){0,4}$/.test(tag)) return [];
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    const weight = q === undefined ? 1 : Number(q.slice(2));
    return weight > 0 && weight <= 1 && weight >= qualityMin ? [{ tag, weight }] : [];
  });
  return weighed.toSorted((a, b) => b.weight - a.weight).map(({ tag }) => tag);
}
