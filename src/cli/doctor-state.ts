import type { Config } from "../platform/config/config.ts";
import { lookAtServer, type ServerFacts } from "../platform/state/look.ts";
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
    return findingsOf(await lookAtServer(redisUrl, timeoutMs));
  } catch (error) {
    const remedy = "Check host, port, user and password in REDIS_URL, and that the server runs.";
    return [fail(check, `not reached: ${(error as Error).message}`, remedy)];
  }
}

function findingsOf({ version, evictionPolicy }: ServerFacts): Finding[] {
  if (isOldVersion(version)) {
    return [fail(check, `version ${version}`, "Stoa needs Redis 6.2 or newer, or Valkey.")];
  }
  const found = sound(check, `version ${version}`);
  if (evictionPolicy === "noeviction" || evictionPolicy === "") return [found];
  const forgets = `short of memory it forgets what limits have counted (${evictionPolicy})`;
  const remedy = "Set its maxmemory-policy to noeviction: rules then answer by their on_failure.";
  return [found, warn(check, forgets, remedy)];
}

function isOldVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < versionMin[0] || (major === versionMin[0] && minor < versionMin[1]);
}
