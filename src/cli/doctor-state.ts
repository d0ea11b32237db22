import type { Config } from "../platform/config/config.ts";
import { lookAtServer, type ServerFacts } from "../platform/state/look.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";

/** What several processes share for a short time: whether it is there, and fit for that. */
const check = "redis";
const timeoutMs = 3_000;
const versionMin = [6, 2] as const;

export async function checkState(config: Config): Promise<Finding[]> {
  const { redisUrl, leaseRedisUrls, processes } = config;
  if (redisUrl === "") {
    if (processes === 1) return [sound(check, "none: one process needs none")];
    const remedy = "Set REDIS_URL to a Redis or Valkey, or STOA_PROCESSES to 1.";
    return [fail(check, `none, and ${processes} processes share their limits by it`, remedy)];
  }
  const servers = [
    lookAt(redisUrl, "REDIS_URL", ""),
    ...leaseRedisUrls.map((url, i) => lookAt(url, "STOA_LEASE_REDIS_URLS", `lease ${i + 1}: `)),
  ];
  return (await Promise.all(servers)).flat();
}

/** `about` says which of several it is. */
async function lookAt(url: string, setting: string, about: string): Promise<Finding[]> {
  try {
    return findingsOf(await lookAtServer(url, timeoutMs), about);
  } catch (error) {
    const remedy = `Check host, port, user and password in ${setting}, and that the server runs.`;
    return [fail(check, `${about}not reached: ${(error as Error).message}`, remedy)];
  }
}

function findingsOf({ version, evictionPolicy }: ServerFacts, about: string): Finding[] {
  const which = `${about}version ${version}`;
  if (isOldVersion(version)) {
    return [fail(check, which, "Stoa needs Redis 6.2 or newer, or Valkey.")];
  }
  const found = sound(check, which);
  if (evictionPolicy === "noeviction" || evictionPolicy === "") return [found];
  const forgets = `${about}short of memory it forgets what limits have counted (${evictionPolicy})`;
  const remedy = "Set its maxmemory-policy to noeviction: rules then answer by their on_failure.";
  return [found, warn(check, forgets, remedy)];
}

function isOldVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < versionMin[0] || (major === versionMin[0] && minor < versionMin[1]);
}
