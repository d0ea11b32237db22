import type { StatsGroup } from "../../../sdk/types.ts";

const regions = new Intl.DisplayNames(["en"], { type: "region" });

const words: Partial<Record<StatsGroup, Record<string, string>>> = {
  device: { desktop: "Desktop", mobile: "Phone", tablet: "Tablet", bot: "Program" },
  os: {
    ios: "iOS",
    android: "Android",
    windows: "Windows",
    macos: "macOS",
    linux: "Linux",
    chromeos: "ChromeOS",
    other: "Other",
  },
  browser: { other: "Other" },
  kind: {
    human: "People",
    bot: "Bots",
    unfurler: "Link previews",
    prefetch: "Prefetches",
  },
};

/** What a value of the statistics is called on the screen. "" is what could not be told. */
export function labelOf(group: StatsGroup, key: string): string {
  if (key === "") return group === "referrer" ? "Direct, or not told" : "Unknown";
  if (group === "country" && /^[A-Z]{2}$/.test(key)) return regions.of(key) ?? key;
  return words[group]?.[key] ?? key;
}
