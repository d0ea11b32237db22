import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs wrk on its core and reads what it says. */
export type Load = {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers outside 2xx and 3xx, and socket errors. */
  errors: number;
  requests: number;
  /** CPU time the server spent a request, which a busy machine disturbs less than the rate. */
  cpuMicros: number;
};

export const serverCore = "0";
export const loadCore = "1";

/**
 * Paths are read from a file and walked in order from a random place, so that wrk spends its
 * core on requests and every server gets the same choice of codes. `agents` visitors take turns.
 */
export function writeScript(folder: string, paths: string[], agents: string[]): string {
  const list = join(folder, "paths.txt");
  const script = join(folder, "paths.lua");
  writeFileSync(list, paths.join("\n"));
  const browsers = agents.map((agent) => JSON.stringify(agent)).join(",");
  writeFileSync(
    script,
    `local requests, at = {}, 0
local agents = {${browsers}}
init = function(args)
  local n = 0
  for line in io.lines(${JSON.stringify(list)}) do
    n = n + 1
    requests[n] = wrk.format("GET", line, {
      ["Host"] = wrk.host, ["User-Agent"] = agents[n % #agents + 1],
      ["X-Forwarded-For"] = "81.2." .. (n % 199) .. "." .. (n % 251),
      ["Referer"] = "https://news.example.com/item/" .. (n % 50) })
  end
  math.randomseed(os.time())
  at = math.random(n)
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
`,
  );
  return script;
}

export async function load(
  url: string,
  options: { script: string; seconds: number; connections?: number; pid?: number },
): Promise<Load> {
  const { script, seconds, connections = 64, pid } = options;
  const cpuBefore = pid === undefined ? 0 : cpuSeconds(pid);
  const command = ["taskset", "-c", loadCore, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`];
  const child = Bun.spawn([...command, "-s", script, url], { stderr: "pipe" });
  const text = await new Response(child.stdout).text();
  const match = /RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)/.exec(text);
  if (!match) throw new Error(`wrk said:\n${text}\n${await new Response(child.stderr).text()}`);
  const [requests, micros, p50, p99, errors] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    requests,
    requestsPerSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    errors,
    cpuMicros: pid === undefined ? Number.NaN : ((cpuSeconds(pid) - cpuBefore) / requests) * 1e6,
  };
}

/** CPU time of a process and its direct children, such as nginx's worker. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      if (Number(name) !== pid && Number(fields[1]) !== pid) continue;
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // The process ended while we looked.
    }
  }
  return ticks / 100;
}

/** A Zipf choice of `count` numbers below `n`: rank r is asked for in proportion to 1/r. */
export function zipf(n: number, count: number, seed: number): number[] {
  const cumulative = new Float64Array(n);
  let sum = 0;
  for (let rank = 0; rank < n; rank++) {
    sum += 1 / (rank + 1);
    cumulative[rank] = sum;
  }
  const random = lcg(seed);
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const wanted = random() * sum;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    out.push(low);
  }
  return out;
}

/** Repeatable randomness: the same run asks for the same codes. */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Real browsers, so that the visitor caches work as they would. */
export const agents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
  "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
];

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
