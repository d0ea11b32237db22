/** Units of time as Envoy numbers them. */
export const units = {
  unknown: 0,
  second: 1,
  minute: 2,
  hour: 3,
  day: 4,
  month: 5,
  year: 6,
  week: 7,
} as const;
export type Unit = keyof typeof units;

/** As its rate limit service has them: a month of thirty days. */
export const unitMs: Record<Exclude<Unit, "unknown">, number> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
};

const names = Object.keys(units) as Unit[];

export function unitNumbered(number: number): Unit {
  return names.find((name) => units[name] === number) ?? "unknown";
}

/** Other lengths have no name there. */
export function unitOfMs(ms: number): Unit {
  return names.find((name) => name !== "unknown" && unitMs[name] === ms) ?? "unknown";
}
