import { oneMachine, type Plan, type Traffic, utilisation } from "./plan.ts";
import { showBandwidth, showBytes, showCount, showShare, showYears } from "./quantity.ts";
import type { Rates } from "./rates.ts";
import { tableLines } from "./terminal.ts";

/** A plan for reading: what, how much, and how that was reckoned. */
export type Measured = { rates: Rates; from: Partial<Record<keyof Rates, true>>; said: string };

type Line = [label: string, value: string, how: string];

export function planPage(traffic: Traffic, measured: Measured, plan: Plan): string {
  const { rates } = measured;
  const sections: [string, Line[]][] = [
    ["Load", loadLines(traffic, plan)],
    ["Storage", storageLines(traffic, rates, plan)],
    ["Memory for links", cacheLines(traffic, rates, plan)],
    ["Codes", codeLines(plan)],
    ["Processes and database", processLines(rates, plan)],
    ["Network at peak", networkLines(rates, plan)],
    ["Need by what one machine with one PostgreSQL has", shareLines(plan)],
  ];
  const all = tableLines(sections.flatMap(([, lines]) => lines));
  const out: string[] = [];
  let next = 0;
  for (const [title, lines] of sections) {
    out.push("", title);
    for (const _ of lines) out.push(`  ${all[next++]}`);
  }
  const { resource, share, advice } = plan.bottleneck;
  out.push("", `The bottleneck is ${resource}: ${showTimes(share)}.`, `  To do: ${advice}.`);
  if (plan.codes.used_share > 0.01) {
    out.push(
      `Codes: one in ${showCount(plan.codes.guesses_per_link)} guesses finds a link; ` +
        "secret targets need a password.",
    );
  }
  out.push("", ...rateLines(measured));
  return `${out.join("\n").trimStart()}\n`;
}

function loadLines({ writesPerDay, readsPerWrite, peakFactor, years }: Traffic, plan: Plan) {
  const { writes_s, writes_s_peak, reads_s, reads_s_peak, links, clicks, reads_day } = plan.load;
  const writes = showCount(writesPerDay);
  return [
    ["Creates, average", `${showCount(writes_s)}/s`, `${writes} a day / 86,400 s`],
    ["Creates, peak", `${showCount(writes_s_peak)}/s`, `average x ${peakFactor}`],
    ["Redirects, average", `${showCount(reads_s)}/s`, `creates x ${showCount(readsPerWrite)}`],
    ["Redirects, peak", `${showCount(reads_s_peak)}/s`, `average x ${peakFactor}`],
    ["Links in the end", showCount(links), `${writes} a day x 365 x ${years} years`],
    [
      "Clicks in the end",
      showCount(clicks),
      `${showCount(reads_day)} a day x 365 x ${years} years`,
    ],
  ] satisfies Line[];
}

function storageLines({ years, retentionDays }: Traffic, rates: Rates, { storage, load }: Plan) {
  const days = Math.min(retentionDays, years * 365);
  const clicks = `${showCount(load.reads_day)} x ${showCount(days)} days kept`;
  const link = `${rates.bytes_per_link} B with indexes`;
  const click = `${rates.bytes_per_click_raw} B`;
  return [
    ["Links", showBytes(storage.links_bytes), `${showCount(load.links)} x ${link}`],
    ["Raw clicks", showBytes(storage.clicks_bytes), `${clicks} x ${click}`],
    [
      "Roll-ups",
      showBytes(storage.rollups_bytes),
      `${showCount(storage.rollup_rows)} link-days with clicks x ${rates.bytes_per_rollup_row} B`,
    ],
    ["Together", showBytes(storage.total_bytes), `after ${years} years, for one copy`],
  ] satisfies Line[];
}

function cacheLines({ hotShare, zipf }: Traffic, rates: Rates, { cache, load }: Plan) {
  const entry = `${rates.cache_bytes_per_entry} B`;
  const misses = 1 - cache.configured_hit_ratio;
  const hits = (ratio: number) => `answers ${showShare(ratio)} of requests`;
  return [
    [
      `Hot ${showShare(hotShare)} of links`,
      showBytes(cache.hot_bytes),
      `${showCount(cache.hot_entries)} x ${entry}; ${hits(cache.hot_hit_ratio)} (Zipf ${zipf})`,
    ],
    [
      "As configured, each process",
      showBytes(cache.configured_bytes),
      `${showCount(cache.configured_entries)} x ${entry}; ${hits(cache.configured_hit_ratio)}`,
    ],
    [
      "For 80 % of requests",
      showBytes(cache.bytes_for_80),
      `the ${showCount(cache.entries_for_80)} most popular x ${entry}`,
    ],
    [
      "Reads of the database, peak",
      `${showCount(cache.configured_misses_s_peak)}/s`,
      `${showCount(load.reads_s_peak)}/s x ${showShare(misses)} not in memory`,
    ],
  ] satisfies Line[];
}

function codeLines({ codes }: Plan) {
  const one = showCount(codes.guesses_per_link);
  return [
    ["Used of 62^7", showShare(codes.used_share), `${showCount(codes.used)} of 3.52T`],
    ["1 % full", showYears(codes.years_until_1_percent), "35.2B codes / creates a year"],
    ["Guesses to find a link", one, "62^7 / links in the end"],
  ] satisfies Line[];
}

function processLines(rates: Rates, { processes, database, load }: Plan) {
  const at = `x ${utilisation * 100} %`;
  const core = `(${showCount(rates.redirects_per_core_s)}/s a core ${at})`;
  const creates = `(${showCount(rates.creates_per_s)}/s ${at})`;
  const drained = `${showCount(rates.clicks_drained_per_s)} clicks/s`;
  return [
    ["Processes for redirects", String(processes.for_reads), `peak / ${core}`],
    ["Processes for creates", String(processes.for_writes), `peak / ${creates}`],
    ["Processes", String(processes.needed), "the greater; a core each, and one more for clicks"],
    [
      "PostgreSQL writes",
      `${showBytes(database.bytes_written_s)}/s`,
      `(${showCount(load.writes_s)} links + ${showCount(load.reads_s)} clicks)/s, log and table`,
    ],
    [
      "PostgreSQL primaries",
      String(database.primaries),
      `creates at peak, or clicks / (${drained} ${at})`,
    ],
  ] satisfies Line[];
}

function networkLines(rates: Rates, { network }: Plan) {
  return [
    ["In", showBandwidth(network.bytes_in_s_peak), `${rates.redirect_bytes_in} B a request`],
    ["Out", showBandwidth(network.bytes_out_s_peak), `${rates.redirect_bytes_out} B a redirect`],
  ] satisfies Line[];
}

function shareLines({ shares }: Plan): Line[] {
  const { cores, memoryBytes, diskBytes, networkBytesS } = oneMachine;
  const capacity: Record<string, string> = {
    processor: `${cores} cores`,
    memory: `${showBytes(memoryBytes)}`,
    disk: `${showBytes(diskBytes)}`,
    network: `${showBandwidth(networkBytesS)} each way`,
  };
  return shares.map(({ resource, share }) => {
    const kind = /^\w+/.exec(resource)?.[0] ?? "";
    return [resource, showTimes(share), capacity[kind] ?? "what one primary does"];
  });
}

function showTimes(share: number): string {
  return `${showCount(share)} x`;
}

function rateLines({ rates, from, said }: Measured): string[] {
  const names = Object.keys(rates) as (keyof Rates)[];
  const list = (chosen: (keyof Rates)[]) =>
    chosen.map((name) => `${name} ${rates[name]}`).join(", ");
  const assumed = names.filter((name) => !from[name]);
  const measured = names.filter((name) => from[name]);
  const out = [said];
  if (measured.length > 0) out.push(`Measured: ${list(measured)}.`);
  if (assumed.length > 0) out.push(`Assumed: ${list(assumed)}.`);
  return out.flatMap((line) => wrapped(line, 98));
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "  ";
    }
    line += line.trim() === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
