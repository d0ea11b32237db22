import { SQL } from "bun";
import type { Connection } from "../src/platform/db/db.ts";
import type { Measured } from "./run.ts";
import { agents, load, median, writeScript, zipf } from "./load.ts";
import { seededCode, seedLinks } from "./seed.ts";
import { startPostgres, startStoa, type Bench } from "./server.ts";

/** The same work at 10k, 100k and 1M links of one owner: throughput, memory, creates, lists. */
const sizes = [10_000, 100_000, 1_000_000];
const seconds = Number(process.env["BENCH_SECONDS"] ?? 8);
/** Codes asked for are as many at every size, so that only what lies around them grows. */
const asked = 10_000;
const pages = 40;

type Size = { links: number; redirects: number; rssMb: number; creates: number; bytes: number };

export async function benchGrowth(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  let stoa = await startStoa(folder, db);
  const owner = await ownerOf(stoa);
  const out: Measured = {};
  const seen: Size[] = [];
  let from = 0;
  for (const size of sizes) {
    await seedLinks(db.sql, { ownerId: owner, from, to: size });
    from = size;
    await settle(db.postgres.admin);
    await stoa.stop();
    stoa = await startStoa(folder, db);
    const codes = zipf(asked, 100_000, 3).map((rank) => seededCode(rank * (size / asked)));
    const script = writeScript(
      folder,
      codes.map((code) => `/${code}`),
      agents,
    );
    await load(stoa.url, { script, seconds: 5 });
    const result = await load(stoa.url, { script, seconds });
    const rssMb = stoa.rssMb();
    const creates = await createsPerSecond(stoa);
    seen.push({
      ...{ links: size, redirects: result.requestsPerSecond, rssMb, creates },
      bytes: await bytesPerLink(stoa),
    });
    for (const [name, path] of Object.entries(lists)) {
      const ms = await listMs(stoa, path);
      console.log(
        `${size} links  ${name.padEnd(22)} ` +
          `p50 ${ms.p50.toFixed(1)} ms  p99 ${ms.p99.toFixed(1)} ms`,
      );
      if (size === sizes.at(-1)) out[`${name}_p99_ms_1m_links`] = Number(ms.p99.toFixed(1));
    }
  }
  await stoa.stop();
  await db.postgres.stop();
  for (const s of seen) {
    console.log(
      `${String(s.links).padStart(8)} links  ${Math.round(s.redirects)} redirects/s  ` +
        `${Math.round(s.creates)} creates/s  ${s.rssMb} MB  ${Math.round(s.bytes)} bytes a link`,
    );
  }
  const [small, large] = [seen[0], seen.at(-1)];
  if (!small || !large) throw new Error("nothing was measured");
  out["growth_redirects_ratio"] = Number((large.redirects / small.redirects).toFixed(3));
  out["growth_creates_ratio"] = Number((large.creates / small.creates).toFixed(3));
  out["growth_rss_ratio"] = Number((large.rssMb / small.rssMb).toFixed(3));
  return out;
}

/**
 * What the server does over months is owed at once after a million rows came by COPY: to vacuum
 * them and to write them out. That would be measured instead of their number.
 */
async function settle(admin: Connection): Promise<void> {
  await using sql = new SQL({ ...(admin as SQL.Options), database: "stoa", max: 1 });
  await sql`VACUUM ANALYZE links.links`;
  await sql`CHECKPOINT`;
}

const lists = {
  list: "/api/v1/links?limit=25",
  list_search: "/api/v1/links?limit=25&search=articles",
  list_search_rare: "/api/v1/links?limit=25&search=articles/9999",
  // A few hundred behind a long word whose parts all have; 111,111, and none of them is near.
  list_search_parts: "/api/v1/links?limit=25&search=site4999.example.com",
  list_search_far: "/api/v1/links?limit=25&search=articles/2",
  list_search_none: "/api/v1/links?limit=25&search=nothing-like-it",
  list_by_clicks: "/api/v1/links?limit=25&sort=-clicks",
};

async function listMs(stoa: Bench, path: string): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  let cursor = "";
  for (let i = 0; i < pages; i++) {
    const started = performance.now();
    const response = await fetch(`${stoa.url}${path}${cursor && `&cursor=${cursor}`}`, {
      headers: { authorization: `Bearer ${stoa.key}` },
    });
    const page = (await response.json()) as { next_cursor: string | null };
    times.push(performance.now() - started);
    cursor = page.next_cursor ?? "";
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { p50: median(times), p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN };
}

async function createsPerSecond(stoa: Bench): Promise<number> {
  let made = 0;
  const until = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (performance.now() < until) {
        const response = await fetch(`${stoa.url}/api/v1/links`, {
          method: "POST",
          headers: { authorization: `Bearer ${stoa.key}`, "content-type": "application/json" },
          body: JSON.stringify({ url: `https://example.com/growth/${made}` }),
        });
        await response.arrayBuffer();
        if (response.status === 201) made++;
      }
    }),
  );
  return made / seconds;
}

async function ownerOf({ sql }: Bench): Promise<string> {
  const [row] = await sql`SELECT id FROM accounts.accounts WHERE email = 'admin@stoa.local'`;
  return row.id as string;
}

async function bytesPerLink({ sql }: Bench): Promise<number> {
  const [row] = await sql`SELECT pg_total_relation_size('links.links')::float8
    / greatest((SELECT count(*) FROM links.links), 1) AS bytes`;
  return row.bytes as number;
}
