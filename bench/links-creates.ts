import type { Measured } from "./run.ts";
import { median } from "./load.ts";
import { startPostgres, startStoa, type Bench } from "./server.ts";

/** Creates through HTTP beside the same rows by plain prepared inserts, fsync on. */
const seconds = Number(process.env["BENCH_SECONDS"] ?? 6);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const callers = 64;

export async function benchCreates(folder: string): Promise<Measured> {
  const db = await startPostgres(folder);
  const stoa = await startStoa(folder, db);
  const plain: number[] = [];
  const http: number[] = [];
  const keyed: number[] = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await perSecond(plainInsert(stoa)));
    http.push(await perSecond(create(stoa, false)));
    keyed.push(await perSecond(create(stoa, true)));
    console.log(
      `inserts ${Math.round(plain[round] ?? 0)}/s  creates ${Math.round(http[round] ?? 0)}/s  ` +
        `with Idempotency-Key ${Math.round(keyed[round] ?? 0)}/s`,
    );
  }
  const ratio = median(http.map((n, i) => n / (plain[i] ?? Number.NaN)));
  const keyedRatio = median(keyed.map((n, i) => n / (plain[i] ?? Number.NaN)));
  console.log(`creates are ${ratio.toFixed(2)} of plain inserts, keyed ${keyedRatio.toFixed(2)}`);
  await stoa.stop();
  await db.postgres.stop();
  return {
    creates_per_s: Math.round(median(http)),
    creates_keyed_per_s: Math.round(median(keyed)),
    plain_inserts_per_s: Math.round(median(plain)),
    creates_of_plain_inserts: Number(ratio.toFixed(3)),
  };
}

async function perSecond(work: () => Promise<unknown>): Promise<number> {
  let done = 0;
  const until = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        await work();
        done++;
      }
    }),
  );
  return done / seconds;
}

let next = 1;

function plainInsert({ sql }: Bench): () => Promise<unknown> {
  const start = Date.now() * 1_000;
  return () => {
    const n = start + next++;
    const url = `https://example.com/plain/${n}`;
    return sql`INSERT INTO links.links (id, owner_id, domain_id, code, url, url_host, expires_at)
      VALUES (${String(n)}, 1, 0, ${`p${n.toString(36)}`}, ${url}, 'example.com', '2031-01-01')`;
  };
}

function create(stoa: Bench, keyed: boolean): () => Promise<unknown> {
  return async () => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${stoa.key}`,
      "content-type": "application/json",
    };
    if (keyed) headers["idempotency-key"] = crypto.randomUUID();
    const response = await fetch(`${stoa.url}/api/v1/links`, {
      method: "POST",
      headers,
      body: JSON.stringify({ url: `https://example.com/made/${next++}` }),
    });
    if (response.status !== 201) throw new Error(`create answered ${response.status}`);
    await response.arrayBuffer();
  };
}
