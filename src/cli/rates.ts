/** What one process and one database do, and what things take; measured by the bench. */
export type Rates = {
  redirects_per_core_s: number;
  creates_per_s: number;
  clicks_drained_per_s: number;
  database_reads_per_s: number;
  bytes_per_link: number;
  bytes_per_click_raw: number;
  bytes_per_rollup_row: number;
  cache_bytes_per_entry: number;
  redirect_bytes_in: number;
  redirect_bytes_out: number;
};

/** Used for what has not been measured. Sizes include indexes. */
export const assumedRates: Rates = {
  redirects_per_core_s: 40_000,
  creates_per_s: 2_500,
  clicks_drained_per_s: 100_000,
  database_reads_per_s: 20_000,
  bytes_per_link: 900,
  bytes_per_click_raw: 60,
  bytes_per_rollup_row: 400,
  cache_bytes_per_entry: 600,
  redirect_bytes_in: 400,
  redirect_bytes_out: 400,
};
