import type { Rule } from "../../../sdk/types.ts";

/** The conditions a rule may have, as the editor shows them. */
export type ConditionKind = keyof Rule["if"];

export const conditionKinds: ConditionKind[] = [
  "country",
  "city",
  "language",
  "device",
  "os",
  "query",
  "address",
  "from",
  "until",
];

export const conditionLabels: Record<ConditionKind, string> = {
  country: "Country",
  city: "City",
  language: "Language",
  device: "Device",
  os: "Operating system",
  query: "Query parameter",
  address: "Address range",
  from: "From",
  until: "Until",
};

export const deviceOptions = [
  { value: "mobile", label: "Phone" },
  { value: "tablet", label: "Tablet" },
  { value: "desktop", label: "Desktop" },
];

export const systemOptions = [
  { value: "ios", label: "iOS" },
  { value: "android", label: "Android" },
  { value: "windows", label: "Windows" },
  { value: "macos", label: "macOS" },
  { value: "linux", label: "Linux" },
  { value: "chromeos", label: "ChromeOS" },
  { value: "other", label: "Other" },
];

export function startOf(kind: ConditionKind | string): unknown {
  return kind === "from" || kind === "until" ? new Date().toISOString() : [];
}

export function wordsOf(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** `ref=mail, beta` is one parameter with a value and one with any. */
export function queryOf(text: string): { name: string; value?: string }[] {
  return wordsOf(text).map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0) return { name: word };
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

export function queryText(query: { name: string; value?: string }[]): string {
  return query
    .map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))
    .join(", ");
}
