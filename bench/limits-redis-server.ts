import { RedisClient } from "bun";
import { systemClock } from "../src/platform/clock/clock.ts";
import { silentLog } from "../src/platform/log/log.ts";
import { Metrics } from "../src/platform/metrics/metrics.ts";
import { openState } from "../src/platform/state/open.ts";
import { limiterOf } from "../src/systems/limits/limiter-of.ts";
import type { Limiter } from "../src/systems/limits/limiter.ts";
import { MemoryLimiter } from "../src/systems/limits/memory.ts";
import { freePort } from "../test/free-port.ts";
import { serverCore } from "./load.ts";

export type BenchRedis = { url: string; client: RedisClient; stop(): Promise<void> };

/** Without persistence, on a core of its own or the one that is given. */
export async function startRedis(core = serverCore): Promise<BenchRedis> {
  const binary = Bun.which("redis-server") ?? Bun.which("valkey-server");
  if (!binary) throw new Error("Neither redis-server nor valkey-server is here: run bin/setup.");
  const port = freePort();
  const options = ["--bind", "127.0.0.1", "--port", String(port), "--save", ""];
  const server = Bun.spawn(["taskset", "-c", core, binary, ...options], { stdout: "ignore" });
  const url = `redis://127.0.0.1:${port}`;
  for (;;) {
    const client = new RedisClient(url, { autoReconnect: false });
    if ((await client.send("PING", []).catch(() => null)) === "PONG") {
      const stop = async () => {
        client.close();
        server.kill();
        await server.exited;
      };
      return { url, client, stop };
    }
    client.close();
    await Bun.sleep(20);
  }
}

export type Member = { limiter: Limiter; close(): Promise<void> };

/** What one process of Stoa has of limits. */
export async function openMember(redisUrl: string): Promise<Member> {
  const parts = { clock: systemClock, log: silentLog, metrics: new Metrics() };
  // A busy machine is to be measured, not given up.
  const state = await openState({ ...parts, redisUrl, commandTimeoutMs: 5_000 });
  const keysMax = 1_000_000;
  const memory = new MemoryLimiter({ clock: systemClock, keysMax });
  const { limiter, close } = limiterOf({ ...parts, state, leaseServers: [], memory, keysMax });
  return {
    limiter,
    async close() {
      await close();
      await state.close();
    },
  };
}
