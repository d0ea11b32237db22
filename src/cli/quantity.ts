/** Numbers as people write them, `100M` or `10_000`, and as they like to read them. */
const suffixes: Record<string, number> = { "": 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 };

/** Null when it is no number of at least zero. Steps are thousands, for bytes as well. */
export function parseQuantity(text: string): number | null {
  const match = /^(\d[\d_,]*(?:\.\d+)?|\.\d+)(?:e(\d{1,2}))?([kmbgt]?)$/i.exec(text.trim());
  if (!match) return null;
  const [, digits = "", exponent = "0", suffix = ""] = match;
  if (/[_,]{2}|[_,](?:\.|$)/.test(digits)) return null;
  const scale = suffixes[suffix.toLowerCase()] as number;
  const value = Number(`${digits.replace(/[_,]/g, "")}e${exponent}`) * scale;
  return Number.isFinite(value) ? value : null;
}

const steps = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** `1.16k`, `10G`: three digits that matter. Counts of things say B for 10^9. */
export function showCount(value: number): string {
  return scaled(value).replace(/G$/, "B");
}

export function showBytes(value: number): string {
  const text = scaled(value);
  const unit = /[kMGTP]$/.exec(text)?.[0] ?? "";
  return `${text.slice(0, text.length - unit.length)} ${unit}B`;
}

/** Bits a second, from bytes. */
export function showBandwidth(bytesPerSecond: number): string {
  return `${showBytes(bytesPerSecond * 8).replace(/B$/, "bit")}/s`;
}

export function showShare(value: number): string {
  const percent = value * 100;
  if (percent > 0 && percent < 0.01) return "< 0.01 %";
  if (percent > 1000) return `${showCount(value)} times`;
  return `${Number(percent.toPrecision(3))} %`;
}

export function showYears(years: number): string {
  if (!Number.isFinite(years)) return "never";
  const days = years * 365;
  if (days < 1) return "less than a day";
  if (years < 1) return `${Math.floor(days)} days`;
  return `${showCount(years)} years`;
}

function scaled(value: number): string {
  for (const [size, unit] of steps) {
    // 999,950 reads as 1M, not as 1000k.
    if (Number(value.toPrecision(3)) < size) continue;
    return `${Number((value / size).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(3)));
}
