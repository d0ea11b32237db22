import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Measured } from "./run.ts";
import { agents, load, writeScript } from "./load.ts";
import { seededCode, seedLinks } from "./seed.ts";
import { startPostgres, startStoa, type Bench } from "./server.ts";

/** What a link takes on disk, in memory, of the database and on the wire, for `stoa plan`. */
const links = Number(process.env["BENCH_LINKS"] ?? 400_000);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 6);
/** Links asked for before memory is looked at, so that code and buffers are not counted. */
const warmShare = 0.1;
const warmRounds = 5;
const callers = 64;
const idleSeconds = 10;

export async function benchCosts(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  const env = { STOA_LINK_CACHE_ENTRIES_MAX: String(links * 2) };
  let stoa = await startStoa(folder, db, env);
  await seedLinks(db.sql, { ownerId: "1", from: 0, to: links });
  await db.sql`VACUUM ANALYZE links.links`;
  const [row] = await db.sql`SELECT
    pg_total_relation_size('links.links')::float8 / (SELECT count(*) FROM links.links) AS bytes`;
  const wire = await wireBytes(stoa);
  const reads = await readsPerSecond(stoa, folder);
  await stoa.stop();
  stoa = await startStoa(folder, db, env);
  const entry = await bytesPerEntry(stoa);
  await stoa.stop();
  await db.postgres.stop();
  const measured = {
    bytes_per_link: Math.round(row.bytes as number),
    database_reads_per_s: Math.round(reads),
    cache_bytes_per_entry: Math.round(entry),
    redirect_bytes_in: wire.sent,
    redirect_bytes_out: wire.received,
  };
  console.log(`a link takes ${measured.bytes_per_link} bytes on disk with its indexes,
${measured.cache_bytes_per_entry} in memory; one process reads ${measured.database_reads_per_s}/s;
a redirect takes ${wire.sent} bytes in, ${wire.received} out`);
  return measured;
}

/**
 * Links of which none is in memory, asked for by 64 connections. PostgreSQL shares its core with
 * the load, so with a core of its own it does more.
 */
async function readsPerSecond(stoa: Bench, folder: string): Promise<number> {
  const paths = Array.from({ length: links }, (_, n) => `/${seededCode(n)}`);
  const script = writeScript(folder, paths, agents);
  const read = async () => (await stoa.metrics()).get("stoa_links_cache_reads_total") ?? 0;
  const before = await read();
  const { requests, requestsPerSecond } = await load(stoa.url, { script, seconds });
  if (requests > links) {
    console.log(`${requests} requests, so some of ${links} links came twice: raise BENCH_LINKS`);
  }
  return (((await read()) - before) / requests) * requestsPerSecond;
}

/** Growth of the process over that of the cache. HEAD leaves no click, which takes memory too. */
async function bytesPerEntry(stoa: Bench): Promise<number> {
  const warm = Math.floor(links * warmShare);
  for (let round = 0; round < warmRounds; round++) await askFor(stoa, 0, warm);
  const before = await memory(stoa);
  await askFor(stoa, warm, links);
  const after = await memory(stoa);
  return (after.bytes - before.bytes) / (after.entries - before.entries);
}

async function askFor({ url }: Bench, from: number, to: number): Promise<void> {
  let next = from;
  const caller = async () => {
    while (next < to) {
      const asked = `${url}/${seededCode(next++)}`;
      const { status } = await fetch(asked, { method: "HEAD", redirect: "manual" });
      if (status !== 302) throw new Error(`${asked} answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** The least of ten idle seconds: what was only passing through has been given back. */
async function memory(stoa: Bench): Promise<{ bytes: number; entries: number }> {
  let bytes = rss(stoa);
  for (let second = 0; second < idleSeconds; second++) {
    await Bun.sleep(1_000);
    bytes = Math.min(bytes, rss(stoa));
  }
  return { bytes, entries: (await stoa.metrics()).get("stoa_links_cache_entries") ?? Number.NaN };
}

function rss({ pid }: Bench): number {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
  return pages * 4096;
}

/** As Chrome sends a navigation from another site. */
const browserHeaders = [
  "connection: keep-alive",
  'sec-ch-ua: "Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Windows"',
  "upgrade-insecure-requests: 1",
  `user-agent: ${agents[0]}`,
  "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp," +
    "image/apng,*/*;q=0.8",
  "sec-fetch-site: cross-site",
  "sec-fetch-mode: navigate",
  "sec-fetch-user: ?1",
  "sec-fetch-dest: document",
  "referer: https://news.example.com/",
  "accept-encoding: gzip, deflate, br, zstd",
  "accept-language: en-GB,en;q=0.9,de;q=0.8",
];

/** Bytes of HTTP both ways for one redirect; TLS and packets' heads come on top. */
async function wireBytes({ url }: Bench): Promise<{ sent: number; received: number }> {
  const { hostname, port } = new URL(url);
  const lines = [`GET /${seededCode(1)} HTTP/1.1`, "host: links.example.com", ...browserHeaders];
  const request = `${lines.join("\r\n")}\r\n\r\n`;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname, () => socket.write(request));
  let answer = "";
  socket.on("error", reject);
  socket.on("data", (bytes) => {
    answer += bytes.toString("latin1");
    if (answer.includes("\r\n\r\n")) resolve(answer);
  });
  await promise;
  socket.destroy();
  if (!answer.startsWith("HTTP/1.1 302")) throw new Error(`the redirect answered ${answer}`);
  return { sent: request.length, received: answer.length };
}
