/**
 * Short links measured beside nginx and a bare Bun server, each on one core with the load on the
 * other, in one run. Prints ratios and writes bench/measured.json, which `stoa plan` reads.
 *
 *   bun bench/links.ts            everything, about 15 minutes
 *   bun bench/links.ts redirects  one part: redirects, creates, growth, edges, clicks, costs
 */
import { benchClicks } from "./clicks.ts";
import { benchCosts } from "./links-costs.ts";
import { benchCreates } from "./links-creates.ts";
import { benchEdges } from "./links-edges.ts";
import { benchGrowth } from "./links-growth.ts";
import { benchRedirects } from "./links-redirects.ts";
import { runParts } from "./run.ts";

await runParts("measured.json", {
  redirects: benchRedirects,
  creates: benchCreates,
  growth: benchGrowth,
  edges: benchEdges,
  clicks: (folder) => benchClicks(folder),
  costs: benchCosts,
});
