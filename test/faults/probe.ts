import type { Operation } from "./history.ts";
import { Client, type LoadOptions, type Made } from "./load.ts";

/**
 * Visitors that go on following the same links, known to Stoa, whatever happens to its database:
 * how many of them were not sent on, and how long the slowest waited.
 */
export type Probe = { stop(): Promise<ProbeResult> };
export type ProbeResult = { visits: number; refused: Operation[]; slowestMs: number };

export function startProbe(options: LoadOptions, links: Made[]): Probe {
  let stopping = false;
  const done: Operation[] = [];
  const clients = Array.from({ length: 2 }, async () => {
    const client = new Client(options);
    for (let n = 0; !stopping; n++) {
      done.push(await client.visit(links[n % links.length]!));
      await client.pause();
    }
    client.close();
  });
  return {
    async stop() {
      stopping = true;
      await Promise.all(clients);
      return {
        visits: done.length,
        refused: done.filter((o) => o.outcome !== "ok" || o.status !== 302),
        slowestMs: Math.max(0, ...done.map((o) => o.endedAt - o.invokedAt)),
      };
    },
  };
}

/** Links that nobody will change, followed once so that they are in memory. */
export async function makeKnown(options: LoadOptions, count: number): Promise<Made[]> {
  const client = new Client(options);
  const links: Made[] = [];
  for (let n = 0; n < count; n++) {
    const link = await client.create(`known-${n}`, () => true);
    if (!link) throw new Error("a link could not be made");
    await client.visit(link);
    links.push(link);
  }
  client.close();
  return links;
}
