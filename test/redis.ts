import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { freePort } from "./free-port.ts";

/**
 * A real Redis or Valkey of the test's own, on a free port, in a temporary folder. A machine
 * without one fails the test: what stands on Redis is not proved there.
 */
export type TestRedis = {
  url: string;
  pid(): number;
  /** As `kill -9` ends it; what it acknowledged is on disk if it is `durable`. */
  kill(): Promise<void>;
  /** On the same port, with what is on disk. */
  start(): Promise<void>;
  /** Stops in the middle of everything, and goes on. */
  freeze(): void;
  thaw(): void;
  /** A client that asks the server itself what it holds. */
  client(): Promise<RedisClient>;
  stop(): Promise<void>;
};

export type TestRedisOptions = {
  durable?: boolean;
  /** A cluster of one, which refuses scripts whose keys are not all on one slot. */
  cluster?: boolean;
};

/** Where the nodes of a cluster speak with each other, above the port of clients. */
const clusterPortAbove = 10_000;

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const binary = Bun.which("redis-server") ?? Bun.which("valkey-server");
  if (!binary) throw new Error("Neither redis-server nor valkey-server is here: run bin/setup.");
  const folder = mkdtempSync(join(tmpdir(), "stoa-redis-"));
  const port = freePort({ alsoAbove: options.cluster ? clusterPortAbove : 0 });
  const url = `redis://127.0.0.1:${port}`;
  const clients: RedisClient[] = [];
  let server: Bun.Subprocess | null = null;

  async function start(): Promise<void> {
    const persistence = options.durable
      ? ["--appendonly", "yes", "--appendfsync", "always"]
      : ["--appendonly", "no"];
    const listen = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
    const cluster = options.cluster ? ["--cluster-enabled", "yes"] : [];
    const command = [binary as string, ...listen, "--save", "", ...persistence, ...cluster];
    server = Bun.spawn([...endsWithUs(), ...command], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await Promise.race([answering(url), ended(server)]);
    if (options.cluster) await ownAllSlots(url);
  }

  async function kill(): Promise<void> {
    server?.kill("SIGKILL");
    await server?.exited;
    server = null;
  }

  await start();
  return {
    url,
    pid: () => server?.pid ?? 0,
    kill,
    start,
    freeze: () => server?.kill("SIGSTOP"),
    thaw: () => server?.kill("SIGCONT"),
    async client() {
      const client = new RedisClient(url, { autoReconnect: false, connectionTimeout: startMsMax });
      clients.push(client);
      await client.connect();
      return client;
    },
    async stop() {
      for (const client of clients) client.close();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A test run that is killed takes its servers with it, where the system can do that. */
function endsWithUs(): string[] {
  return Bun.which("setpriv") ? ["setpriv", "--pdeathsig", "KILL"] : [];
}

async function ended(server: Bun.Subprocess): Promise<never> {
  throw new Error(`Redis ended with ${await server.exited}: has somebody its port?`);
}

async function answering(url: string): Promise<void> {
  const until = Date.now() + startMsMax;
  while (Date.now() < until) {
    const client = new RedisClient(url, { autoReconnect: false, connectionTimeout: 1_000 });
    const answer = await client.send("PING", []).catch(() => null);
    client.close();
    if (answer === "PONG") return;
    await Bun.sleep(20);
  }
  throw new Error(`Redis did not answer within ${startMsMax} ms.`);
}

async function ownAllSlots(url: string): Promise<void> {
  const client = new RedisClient(url);
  await client.send("CLUSTER", ["ADDSLOTSRANGE", "0", "16383"]).catch(() => {}); // it has them
  const until = Date.now() + startMsMax;
  for (;;) {
    if (String(await client.send("CLUSTER", ["INFO"])).includes("cluster_state:ok")) break;
    if (Date.now() > until) throw new Error(`No cluster within ${startMsMax} ms.`);
    await Bun.sleep(20);
  }
  client.close();
}

const startMsMax = 10_000;
