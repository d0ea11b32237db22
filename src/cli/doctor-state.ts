import { RedisClient } from "bun";
import type { Config } from "../platform/config/config.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";

/** What several processes share for a short time: whether it is there, and fit for that. */
const check = "redis";
const timeoutMs = 3_000;
const versionMin = [6, 2] as const;

export async function checkState({ redisUrl, processes }: Config): Promise<Finding[]> {
  if (redisUrl === "") {
    if (processes === 1) return [sound(check, "none: one process needs none")];
    const remedy = "Set REDIS_URL to a Redis or Valkey, or STOA_PROCESSES to 1.";
    return [fail(check, `none, and ${processes} processes share their limits by it`, remedy)];
  }
  try {
    const client = new RedisClient(redisUrl, {
      ...{ autoReconnect: false, enableOfflineQueue: false, connectionTimeout: timeoutMs },
    });
    try {
      return await withinTime(examine(client));
    } finally {
      client.close();
    }
  } catch (error) {
    const remedy = "Check host, port, user and password in REDIS_URL, and that the server runs.";
    return [fail(check, `not reached: ${(error as Error).message}`, remedy)];
  }
}

async function examine(client: RedisClient): Promise<Finding[]> {
  await client.connect();
  const server = String(await client.send("INFO", ["server"]));
  const memory = String(await client.send("INFO", ["memory"]));
  const version = /^redis_version:(\S+)/m.exec(server)?.[1] ?? "";
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? "noeviction";
  return [
    isOldVersion(version)
      ? fail(check, `version ${version}`, "Stoa needs Redis 6.2 or newer, or Valkey.")
      : sound(check, `version ${version}`),
    ...(policy === "noeviction"
      ? []
      : [
          warn(
            check,
            `short of memory it forgets what limits have counted (${policy})`,
            "Set its maxmemory-policy to noeviction: rules then answer by their on_failure.",
          ),
        ]),
  ];
}

function isOldVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < versionMin[0] || (major === versionMin[0] && minor < versionMin[1]);
}

/** A server that is frozen takes connections and says nothing. */
async function withinTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
