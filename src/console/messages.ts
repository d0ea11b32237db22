import { RateLimitedError, StoaConnectionError, StoaError } from "../../sdk/errors.ts";

/** What went wrong, and what to do, in words for the person in front of the screen. */
export function messageOf(error: unknown): string {
  return withLocalTimes(textOf(error));
}

/** Servers name times as programs do. */
export function withLocalTimes(text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (iso) => dateTime(iso));
}

function textOf(error: unknown): string {
  if (error instanceof StoaConnectionError) {
    return "Stoa did not answer. Check the connection; nothing you typed is lost.";
  }
  if (error instanceof RateLimitedError) {
    const seconds = error.retryAfterSeconds;
    return seconds ? `Too many tries. Wait ${timeSpan(seconds)} and try again.` : error.message;
  }
  if (error instanceof StoaError) {
    return error.status >= 500 && error.requestId
      ? `${error.message} (request ${error.requestId})`
      : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}

export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof StoaError)) return {};
  return Object.fromEntries(error.fields.map(({ field, message }) => [field, message]));
}

export function timeSpan(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 5_400) return `${Math.ceil(seconds / 60)} minutes`;
  return `${Math.ceil(seconds / 3_600)} hours`;
}

const number = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(n: number): string {
  return n < 100_000 ? number.format(n) : compact.format(n);
}

/** `3 links`, `1 link`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${number.format(n)} ${n === 1 ? one : many}`;
}

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export function date(iso: string): string {
  return dateFormat.format(new Date(iso));
}

export function dateTime(iso: string): string {
  return timeFormat.format(new Date(iso));
}

export function isPast(iso: string): boolean {
  return Date.parse(iso) < Date.now();
}

/** `5 minutes ago`, `in 3 days`. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ["year", 31_557_600],
    ["month", 2_629_800],
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? "in a moment" : "just now";
}

export function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}
