import { RedisClient } from "bun";

/** What a server is, for whoever has to say whether it will do. */
export type ServerFacts = {
  version: string;
  /** What it does when it is short of memory. */
  evictionPolicy: string;
};

/** Rejects when it does not answer in time: one that is frozen takes connections and is silent. */
export async function lookAtServer(url: string, timeoutMs: number): Promise<ServerFacts> {
  const client = new RedisClient(url, {
    ...{ autoReconnect: false, enableOfflineQueue: false, connectionTimeout: timeoutMs },
  });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([ask(client), late.promise]);
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

async function ask(client: RedisClient): Promise<ServerFacts> {
  await client.connect();
  const server = String(await client.send("INFO", ["server"]));
  const memory = String(await client.send("INFO", ["memory"]));
  return {
    version: /^redis_version:(\S+)/m.exec(server)?.[1] ?? "",
    evictionPolicy: /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? "",
  };
}
