import { open } from "node:fs/promises";
import type { Config } from "../platform/config/config.ts";
import { trustProxies } from "../platform/http/address.ts";
import type { Env } from "./call.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";

/** What the settings say, apart from whether each can be read. */
export async function checkSettings(config: Config, env: Env): Promise<Finding[]> {
  const lists = [...config.linkBlocklistFiles, ...config.linkAllowlistFiles];
  return [
    checkPublicUrl(config, env),
    ...checkProxies(config.trustedProxies),
    ...(lists.length === 0 ? [sound("block lists", "none configured")] : []),
    ...(await Promise.all(lists.map(checkList))),
    ...checkOutsideIssuer(config),
    ...checkSwitches(config, env),
  ];
}

/** Somebody who has a database server or a proxy means it for others. */
function isForOthers(config: Config, env: Env): boolean {
  const production = env["NODE_ENV"] === "production";
  return production || config.databaseUrl !== "" || config.trustedProxies.length > 0;
}

const insideHost = /^(localhost|.*\.localhost|.*\.local|127\..*|0\.0\.0\.0|\[::1?\])$/;

function checkPublicUrl(config: Config, env: Env): Finding {
  const check = "public URL";
  const remedy = "Set STOA_PUBLIC_URL to the origin that people use, like https://go.example.com.";
  if (config.publicUrl === "") {
    if (isForOthers(config, env)) {
      return fail(check, "not set, so short links lead to localhost", remedy);
    }
    return sound(check, `http://localhost:${config.port}, for this machine`);
  }
  const url = new URL(config.publicUrl);
  if (!/^https?:$/.test(url.protocol)) return fail(check, `${url.href} is no web address`, remedy);
  const origin = `${url.origin}/`;
  if (url.href !== origin) return fail(check, `${url.href} is more than an origin`, remedy);
  if (!isForOthers(config, env)) return sound(check, url.origin);
  if (insideHost.test(url.hostname)) {
    return fail(check, `${url.origin} means another machine to everybody else`, remedy);
  }
  if (url.protocol !== "https:") {
    const why = "passwords and session cookies travel in the clear";
    return warn(check, `${url.origin}: ${why}`, "Put a proxy with TLS in front (deploy/).");
  }
  return sound(check, url.origin);
}

function checkProxies(ranges: readonly string[]): Finding[] {
  const check = "trusted proxies";
  if (ranges.length === 0) return [sound(check, "none: X-Forwarded-For is not believed")];
  return ranges.map((range) => {
    try {
      trustProxies([range]);
    } catch {
      const remedy = "STOA_TRUSTED_PROXIES takes addresses and ranges like 10.0.0.0/8 or ::1.";
      return fail(check, `"${range}" is neither an address nor a range`, remedy);
    }
    if (!range.endsWith("/0")) return sound(check, range);
    const remedy = "Name only the addresses of your own proxies in STOA_TRUSTED_PROXIES.";
    return warn(check, `${range} is everybody: anyone may choose their address`, remedy);
  });
}

async function checkList(path: string): Promise<Finding> {
  try {
    const file = await open(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error("it is not a file");
      if (stat.size > 0) return sound("block lists", path);
      return warn(
        "block lists",
        `${path} is empty`,
        "Fetch it again; an empty list stops nothing.",
      );
    } finally {
      await file.close();
    }
  } catch (error) {
    const remedy = "Make it readable for the user that runs Stoa, or take it off the list.";
    return fail("block lists", `${path}: ${(error as Error).message}`, remedy);
  }
}

function checkOutsideIssuer(config: Config): Finding[] {
  if (config.jwksUrl === "") return [];
  const check = "outside issuer";
  if (config.jwksIssuer === "" || config.jwksAudience === "") {
    const remedy = "Set STOA_JWKS_ISSUER and STOA_JWKS_AUDIENCE, or remove STOA_JWKS_URL.";
    return [fail(check, "its tokens' issuer and audience are not set", remedy)];
  }
  return [sound(check, config.jwksIssuer)];
}

/** Switches meant for development. */
function checkSwitches(config: Config, env: Env): Finding[] {
  if (!config.outboundAllowPrivate || !isForOthers(config, env)) return [];
  return [
    warn(
      "outbound",
      "webhooks and checks may reach this machine and its network",
      "Remove STOA_OUTBOUND_ALLOW_PRIVATE; it is for development.",
    ),
  ];
}
