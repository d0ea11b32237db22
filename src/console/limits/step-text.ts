import { spans, type SpanName } from "./rules.ts";

/** How an instant of a chart of refusals is written. Days are cut in UTC. */
export const refusalUnit = { one: "refusal", many: "refusals" };

export function stepLabel(iso: string, span: SpanName): string {
  const options: Intl.DateTimeFormatOptions =
    spans[span].step === "day"
      ? { day: "numeric", month: "short", timeZone: "UTC" }
      : { hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
}

export function stepLongLabel(iso: string, span: SpanName): string {
  const day: Intl.DateTimeFormatOptions = { weekday: "short", day: "numeric", month: "short" };
  const options: Intl.DateTimeFormatOptions =
    spans[span].step === "day"
      ? { ...day, timeZone: "UTC" }
      : { ...day, hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
}
