import type { Measured } from "./run.ts";
import { agents, load, median, writeScript, zipf, type Load } from "./load.ts";
import { startConstant, startNginx, type Peer } from "./peers.ts";
import { seededCode, seedLinks } from "./seed.ts";
import { startPostgres, startStoa, yieldToLoad, type Bench } from "./server.ts";

/** Redirects over a million links by a Zipf choice, every click recorded and drained. */
const links = 1_000_000;
const asked = 200_000;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 8);

/** Both sockets of the same process: the one for short links alone, and the one for everything. */
const ownEdge = "Stoa, redirects";
const ownMain = "Stoa, everything";
const constant = "Bun, constant 302";

export async function benchRedirects(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  let stoa = await startStoa(folder, db);
  await seedLinks(db.sql, { ownerId: "1", from: 0, to: links });
  await db.sql`ANALYZE`;
  const codes = zipf(links, asked, 1).map(seededCode);
  const script = writeScript(
    folder,
    codes.map((code) => `/${code}`),
    agents,
  );
  await load(stoa.edgeUrl, { script, seconds: 20 });
  await stoa.stop();
  stoa = await startStoa(folder, db);
  await load(stoa.edgeUrl, { script, seconds: 20 });

  const distinct = [...new Set(codes)].slice(0, 100_000);
  const results = new Map<string, Load[]>();
  const before = await drained(stoa);
  let stoaSeconds = 0;
  for (let round = 0; round < rounds; round++) {
    for (const kind of ["return", "map", "log"] as const) {
      await measure(results, script, () => startNginx(folder, kind, distinct));
    }
    await measure(results, script, () => startConstant(folder));
    for (const [name, url] of [
      [ownEdge, stoa.edgeUrl],
      [ownMain, stoa.url],
    ] as const) {
      yieldToLoad(stoa);
      note(results, name, await load(url, { script, seconds, pid: stoa.pid }));
      stoaSeconds += seconds;
      await caughtUp(stoa);
    }
  }
  const after = await drained(stoa);
  const sent = [ownEdge, ownMain]
    .flatMap((name) => results.get(name) ?? [])
    .reduce((sum, r) => sum + r.requests, 0);
  const rss = stoa.rssMb();
  await stoa.stop();
  await db.postgres.stop();
  return report(results, { recorded: after - before, sent, stoaSeconds, rss });
}

async function measure(
  results: Map<string, Load[]>,
  script: string,
  start: () => Promise<Peer>,
): Promise<void> {
  const peer = await start();
  await load(peer.url, { script, seconds: 1 });
  note(results, peer.name, await load(peer.url, { script, seconds, pid: peer.pid }));
  await peer.stop();
}

function note(results: Map<string, Load[]>, name: string, result: Load): void {
  results.set(name, [...(results.get(name) ?? []), result]);
  const { requestsPerSecond, p50Ms, p99Ms, errors, cpuMicros } = result;
  console.log(
    `${name.padEnd(20)} ${Math.round(requestsPerSecond).toString().padStart(7)}/s  ` +
      `p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms  ` +
      `${cpuMicros.toFixed(1)} us CPU  errors ${errors}`,
  );
}

async function drained(stoa: Bench): Promise<number> {
  return (await stoa.metrics()).get("stoa_links_clicks_drained_total") ?? 0;
}

/** Waits until every recorded click is in the database, and says how long that took. */
async function caughtUp(stoa: Bench): Promise<void> {
  const started = performance.now();
  for (;;) {
    const metrics = await stoa.metrics();
    let recorded = 0;
    for (const [name, value] of metrics) {
      if (name.startsWith("stoa_links_clicks_recorded_total")) recorded += value;
    }
    if ((metrics.get("stoa_links_clicks_drained_total") ?? 0) >= recorded) break;
    await Bun.sleep(20);
  }
  console.log(`   drained ${Math.round(performance.now() - started)} ms after the last request`);
}

function report(
  results: Map<string, Load[]>,
  totals: { recorded: number; sent: number; stoaSeconds: number; rss: number },
): Measured {
  const of = (name: string, pick: (r: Load) => number) =>
    median((results.get(name) ?? []).map(pick));
  const ratio = (own: string, peer: string, pick = (r: Load) => r.requestsPerSecond) => {
    const peers = results.get(peer) ?? [];
    const each = (results.get(own) ?? []).map((r, i) => pick(r) / pick(peers[i] as Load));
    return median(each);
  };
  const perSecond = Math.round(totals.recorded / totals.stoaSeconds);
  for (const own of [ownEdge, ownMain]) {
    const rate = Math.round(of(own, (r) => r.requestsPerSecond));
    console.log(`
${own}: ${rate}/s, p99 ${of(own, (r) => r.p99Ms).toFixed(2)} ms
  of nginx return 302        ${ratio(own, "nginx return").toFixed(2)}
  of nginx map               ${ratio(own, "nginx map").toFixed(2)}
  of nginx map with log      ${ratio(own, "nginx log").toFixed(2)}
  of a constant Bun server   ${ratio(own, constant).toFixed(2)}
  p99 of a constant server's ${ratio(own, constant, (r) => r.p99Ms).toFixed(2)}`);
  }
  const cpu = (name: string) => of(name, (r) => r.cpuMicros).toFixed(1);
  console.log(`
CPU a request: ${cpu(ownEdge)} us, on the socket for everything ${cpu(ownMain)} us,
  constant Bun ${cpu(constant)} us, nginx log ${cpu("nginx log")} us
clicks: ${totals.recorded} drained of ${totals.sent} answered, ${perSecond}/s; ${totals.rss} MB`);
  return {
    redirects_per_core_s: Math.round(of(ownEdge, (r) => r.requestsPerSecond)),
    redirect_p99_ms: Number(of(ownEdge, (r) => r.p99Ms).toFixed(2)),
    redirects_of_nginx_log: Number(ratio(ownEdge, "nginx log").toFixed(3)),
    redirects_of_constant_bun: Number(ratio(ownEdge, constant).toFixed(3)),
    clicks_drained_with_redirects_per_s: perSecond,
    rss_mb_1m_links: totals.rss,
  };
}
