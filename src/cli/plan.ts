import type { Rates } from "./rates.ts";
import { distinctLinks, ranksForShare, shareOfTop } from "./zipf.ts";

/**
 * What short links of a given traffic need: arithmetic and nothing else, so that every figure can
 * be checked by hand. A year has 365 days, a day 86,400 seconds, a kilobyte 1,000 bytes.
 */
export type Traffic = {
  writesPerDay: number;
  readsPerWrite: number;
  years: number;
  /** How much busier the busiest hour is than the average one. */
  peakFactor: number;
  /** Days that raw clicks are kept; roll-ups stay. */
  retentionDays: number;
  /** The share of links called hot. */
  hotShare: number;
  /** Exponent of popularity; 0 is even, 1 what the web is measured at. */
  zipf: number;
  /** Links that one process holds in memory. */
  cacheEntries: number;
};

/** What one machine is taken to be, to tell what runs out first. */
export const oneMachine = { cores: 8, memoryBytes: 64e9, diskBytes: 8e12, networkBytesS: 1.25e9 };

/** Peaks should leave room for a process that is being restarted. */
export const utilisation = 0.7;
/** PostgreSQL writes a row to its log and to its table. */
export const writtenPerStored = 2;
export const codeSpace = 62 ** 7;

const secondsPerDay = 86_400;
const daysPerYear = 365;
/** Roll-up rows are summed over so many stretches of the time, as the number of links grows. */
const growthSteps = 24;

export type Plan = ReturnType<typeof planLinks>;

export function planLinks(traffic: Traffic, rates: Rates) {
  const load = loadOf(traffic);
  const storage = storageOf(traffic, rates, load);
  const cache = cacheOf(traffic, rates, load);
  const codes = codesOf(traffic, load);
  const processes = {
    for_reads: Math.ceil(load.reads_s_peak / (rates.redirects_per_core_s * utilisation)),
    for_writes: Math.ceil(load.writes_s_peak / (rates.creates_per_s * utilisation)),
  };
  const stored_s = load.writes_s * rates.bytes_per_link + load.reads_s * rates.bytes_per_click_raw;
  const database = {
    link_rows_s_peak: load.writes_s_peak,
    click_rows_s: load.reads_s,
    bytes_written_s: stored_s * writtenPerStored,
    reads_s_peak: cache.configured_misses_s_peak,
    /** Clicks wait on disk over a peak, so only the average has to be kept up with. */
    primaries: Math.max(
      1,
      Math.ceil(load.reads_s / (rates.clicks_drained_per_s * utilisation)),
      Math.ceil(load.writes_s_peak / (rates.creates_per_s * utilisation)),
    ),
  };
  const network = {
    bytes_in_s_peak: load.reads_s_peak * rates.redirect_bytes_in,
    bytes_out_s_peak: load.reads_s_peak * rates.redirect_bytes_out,
  };
  const shares = sharesOf(rates, { load, storage, cache, network });
  const needed = Math.max(processes.for_reads, processes.for_writes, 1);
  return {
    load,
    storage,
    cache,
    codes,
    processes: { ...processes, needed },
    database,
    network,
    shares,
    bottleneck: shares[0]!,
  };
}

function loadOf({ writesPerDay, readsPerWrite, years, peakFactor }: Traffic) {
  const reads_day = writesPerDay * readsPerWrite;
  return {
    writes_s: writesPerDay / secondsPerDay,
    writes_s_peak: (writesPerDay / secondsPerDay) * peakFactor,
    reads_day,
    reads_s: reads_day / secondsPerDay,
    reads_s_peak: (reads_day / secondsPerDay) * peakFactor,
    links: writesPerDay * daysPerYear * years,
    clicks: reads_day * daysPerYear * years,
  };
}

type Load = ReturnType<typeof loadOf>;

function storageOf(traffic: Traffic, rates: Rates, load: Load) {
  const days = traffic.years * daysPerYear;
  const kept_clicks = load.reads_day * Math.min(days, traffic.retentionDays);
  let rollup_rows = 0;
  for (let step = 0; step < growthSteps; step++) {
    const links = (load.links * (step + 0.5)) / growthSteps;
    rollup_rows += (distinctLinks(load.reads_day, links, traffic.zipf) * days) / growthSteps;
  }
  const links_bytes = load.links * rates.bytes_per_link;
  const clicks_bytes = kept_clicks * rates.bytes_per_click_raw;
  const rollups_bytes = rollup_rows * rates.bytes_per_rollup_row;
  const total_bytes = links_bytes + clicks_bytes + rollups_bytes;
  return { links_bytes, kept_clicks, clicks_bytes, rollup_rows, rollups_bytes, total_bytes };
}

function cacheOf({ hotShare, zipf, cacheEntries }: Traffic, rates: Rates, load: Load) {
  const entry = rates.cache_bytes_per_entry;
  const hot_entries = load.links * hotShare;
  const configured_entries = Math.min(cacheEntries, load.links);
  const configured_hit_ratio = shareOfTop(configured_entries, load.links, zipf);
  const entries_for_80 = ranksForShare(0.8, load.links, zipf);
  return {
    hot_entries,
    hot_bytes: hot_entries * entry,
    hot_hit_ratio: shareOfTop(hot_entries, load.links, zipf),
    configured_entries,
    configured_bytes: configured_entries * entry,
    configured_hit_ratio,
    configured_misses_s_peak: load.reads_s_peak * (1 - configured_hit_ratio),
    entries_for_80,
    bytes_for_80: entries_for_80 * entry,
  };
}

function codesOf({ writesPerDay }: Traffic, { links }: Load) {
  return {
    used: links,
    used_share: links / codeSpace,
    years_until_1_percent: (0.01 * codeSpace) / (writesPerDay * daysPerYear),
    /** What somebody who guesses needs to find one link, on average. */
    guesses_per_link: codeSpace / Math.max(1, links),
  };
}

/** How much of what one machine and one PostgreSQL have each resource takes; the most first. */
function sharesOf(
  rates: Rates,
  needs: {
    load: Load;
    storage: ReturnType<typeof storageOf>;
    cache: ReturnType<typeof cacheOf>;
    network: { bytes_in_s_peak: number; bytes_out_s_peak: number };
  },
): { resource: string; share: number; advice: string }[] {
  const { load, storage, cache, network } = needs;
  const { cores, memoryBytes, diskBytes, networkBytesS } = oneMachine;
  const of = (need: number, capacity: number) => need / capacity;
  return [
    {
      resource: "processor",
      share: of(load.reads_s_peak, rates.redirects_per_core_s * cores),
      advice: "run more processes behind a balancer; they share nothing but the database",
    },
    {
      resource: "database, for creates",
      share: of(load.writes_s_peak, rates.creates_per_s),
      advice: "create in bulk (1,000 a request), then divide the links over several databases",
    },
    {
      resource: "database, for clicks",
      share: of(load.reads_s, rates.clicks_drained_per_s),
      advice: "keep clicks in a database of their own, divided by link",
    },
    {
      resource: "database, for cold links",
      share: of(cache.configured_misses_s_peak, rates.database_reads_per_s),
      advice: "raise STOA_LINK_CACHE_ENTRIES_MAX, send each code to one process, add a replica",
    },
    {
      resource: "memory, for 80 %",
      share: of(cache.bytes_for_80, memoryBytes),
      advice: "let the balancer send each code to one process, so that each holds a part",
    },
    {
      resource: "disk",
      share: of(storage.total_bytes, diskBytes),
      advice: "shorten STOA_CLICK_RETENTION_DAYS and the life of links, then divide over databases",
    },
    {
      resource: "network",
      share: of(Math.max(network.bytes_in_s_peak, network.bytes_out_s_peak), networkBytesS),
      advice: "let a CDN answer (STOA_LINK_REDIRECT_CACHE_CONTROL), at the price of counted clicks",
    },
  ].toSorted((a, b) => b.share - a.share);
}
