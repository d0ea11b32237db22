import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { settings } from "../platform/config/config.ts";
import { type Call, UsageError } from "./call.ts";
import { planPage, type Measured } from "./plan-page.ts";
import { planLinks, type Traffic } from "./plan.ts";
import { parseQuantity } from "./quantity.ts";
import { assumedRates, type Rates } from "./rates.ts";

/** `stoa plan links`: what a given traffic needs, from the numbers that the bench measured. */
const measuredPath = fileURLToPath(new URL("../../bench/measured.json", import.meta.url));
const howToMeasure =
  "measure this machine with bin/bun bench/links.ts, which writes bench/measured.json";

export async function planCommand(call: Call): Promise<number> {
  const [system] = call.args;
  if (system !== "links") {
    throw new UsageError(`plan: there is no plan for "${system}"; there is one for links`);
  }
  const traffic = trafficOf(call);
  const measured = await readMeasured(call.text("measured") ?? measuredPath);
  const plan = planLinks(traffic, measured.rates);
  if (!call.is("json")) {
    call.print(planPage(traffic, measured, plan).trimEnd());
    return 0;
  }
  const { rates, from, said } = measured;
  const assumed = Object.keys(rates).filter((name) => !(name in from));
  call.json({ traffic: snakeCase(traffic), rates, assumed, note: said, ...plan });
  return 0;
}

function trafficOf(call: Call): Traffic {
  const retention = settings.clickRetentionDays.fallback;
  const traffic: Traffic = {
    writesPerDay: quantity(call, "writes-per-day", null),
    readsPerWrite: quantity(call, "reads-per-write", 100),
    years: quantity(call, "years", 5),
    peakFactor: quantity(call, "peak-factor", 3),
    retentionDays: quantity(call, "retention-days", retention),
    hotShare: quantity(call, "hot-share", 20) / 100,
    zipf: quantity(call, "zipf", 1),
    cacheEntries: quantity(call, "cache-entries", settings.linkCacheEntriesMax.fallback),
  };
  if (traffic.hotShare > 1) throw new UsageError("--hot-share: a percentage up to 100");
  if (traffic.peakFactor < 1) throw new UsageError("--peak-factor: at least 1");
  if (traffic.zipf > 3) throw new UsageError("--zipf: an exponent from 0 to 3");
  return traffic;
}

function quantity(call: Call, flag: string, fallback: number | null): number {
  const text = call.text(flag);
  if (text === undefined) {
    if (fallback !== null) return fallback;
    throw new UsageError(`plan: --${flag} is needed, e.g. --${flag} 100M`);
  }
  const value = parseQuantity(text);
  const mayBeZero = flag === "zipf" || flag === "reads-per-write";
  if (value === null || (value === 0 && !mayBeZero)) {
    throw new UsageError(`--${flag}: "${text}" is not a number such as 100M, 1.5k, 2B or 10_000`);
  }
  return value;
}

async function readMeasured(path: string): Promise<Measured> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) {
    const said = `Every rate here is an assumption, because nothing was measured: ${howToMeasure}.`;
    return { rates: assumedRates, from: {}, said };
  }
  const found = parseObject(text, path);
  const rates = { ...assumedRates };
  const from: Measured["from"] = {};
  for (const name of Object.keys(assumedRates) as (keyof Rates)[]) {
    const value = found[name];
    if (typeof value !== "number" || !(value > 0)) continue;
    rates[name] = value;
    from[name] = true;
  }
  const { machine, cores, date } = found;
  const box = typeof machine === "string" ? machine : "a machine";
  const where = typeof cores === "number" ? ` on ${box} of ${cores} cores` : ` on ${box}`;
  const when = typeof date === "string" ? `, ${date}` : "";
  return { rates, from, said: `Measured${where}${when}; for other machines, ${howToMeasure}.` };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object") return value as Record<string, unknown>;
  } catch {
    // Told below, as for any other file that is something else.
  }
  throw new UsageError(`${path} is not what the bench writes; ${howToMeasure}`);
}

function snakeCase(traffic: Traffic): Record<string, number> {
  return Object.fromEntries(
    Object.entries(traffic).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
