import { chatSettings } from "./chat-settings.ts";
import { limitSettings } from "./limit-settings.ts";
import { realtimeSettings } from "./realtime-settings.ts";
import { blobSettings } from "./blob-settings.ts";
import { flag, int, list, oneOf, text, url, type Setting } from "./setting.ts";

/**
 * Every setting and every limit of Stoa, with its environment variable, default and meaning.
 * This file is also the source of docs/configuration.md (`bin/docs` writes it, a test compares).
 */
export const settings = {
  // Server
  port: int("PORT", 3000, { min: 0, max: 65535 }, "TCP port to listen on; 0 picks a free one."),
  host: text("HOST", "0.0.0.0", "Address to listen on."),
  processes: int(
    "STOA_PROCESSES",
    1,
    { min: 1, max: 64 },
    "Processes that `stoa serve` starts to share its ports, about one for each core. More than " +
      "one needs REDIS_URL.",
  ),
  processSilenceMsMax: int(
    "STOA_PROCESS_SILENCE_MS_MAX",
    10_000,
    { min: 1_000, max: 600_000 },
    "How long one of several processes may hang before it is killed and replaced.",
  ),
  redirectPort: int(
    "STOA_REDIRECT_PORT",
    0,
    { min: 0, max: 65535 },
    "TCP port that answers what PORT does, short links faster and all else slower. Point the " +
      "proxy of the short domains here. 0: none.",
  ),
  redirectConnectionsMax: int(
    "STOA_REDIRECT_CONNECTIONS_MAX",
    10_000,
    { min: 1, max: 1_000_000 },
    "Connections open at once on STOA_REDIRECT_PORT; above it new ones are closed.",
  ),
  publicUrl: url(
    "STOA_PUBLIC_URL",
    "",
    "Origin that people reach Stoa by, e.g. https://go.example.com. Short links are built from " +
      "it and never from a request header. Default: http://localhost:PORT.",
  ),
  trustedProxies: list(
    "STOA_TRUSTED_PROXIES",
    [],
    "Addresses or CIDR ranges of proxies whose X-Forwarded-For and X-Forwarded-Proto are " +
      "believed. Empty: nobody's.",
  ),
  dataDir: text("STOA_DATA_DIR", "./data", "Folder for the database, click spool and secrets."),
  drainGraceMs: int(
    "STOA_DRAIN_GRACE_MS",
    15_000,
    { min: 0, max: 600_000 },
    "How long SIGTERM waits for requests in flight and accepted work before a forced exit.",
  ),
  requestBodyBytesMax: int(
    "STOA_REQUEST_BODY_BYTES_MAX",
    10 * 1024 * 1024,
    { min: 1024, max: 1024 ** 3 },
    "Largest JSON body of a request; a larger one answers 413.",
  ),
  requestTimeoutMs: int(
    "STOA_REQUEST_TIMEOUT_MS",
    30_000,
    { min: 100, max: 600_000 },
    "Longest an API request may run before it answers 503.",
  ),
  requestsInFlightMax: int(
    "STOA_REQUESTS_IN_FLIGHT_MAX",
    1_000,
    { min: 1, max: 1_000_000 },
    "API requests served at once; above it new ones answer 503 with Retry-After.",
  ),
  logLevel: oneOf(
    "STOA_LOG_LEVEL",
    "info",
    ["debug", "info", "warn", "error"],
    "Lowest level that is logged.",
  ),
  metricsToken: text(
    "STOA_METRICS_TOKEN",
    "",
    "Bearer token that /metrics asks for; empty: /metrics answers loopback addresses only.",
    { secret: true },
  ),
  // Database
  databaseUrl: text(
    "DATABASE_URL",
    "",
    "PostgreSQL 15 or newer. Empty: Stoa runs its own PostgreSQL 18 under the data folder.",
    { secret: true },
  ),
  databaseReplicaUrl: text(
    "DATABASE_REPLICA_URL",
    "",
    "Read replica for reads that tolerate lag; a session that wrote reads from the primary.",
    { secret: true },
  ),
  databasePoolMax: int(
    "STOA_DATABASE_POOL_MAX",
    20,
    { min: 2, max: 1000 },
    "Connections of one process to the primary.",
  ),
  databaseAcquireTimeoutMs: int(
    "STOA_DATABASE_ACQUIRE_TIMEOUT_MS",
    5_000,
    { min: 10, max: 120_000 },
    "Longest wait for a free connection before 503.",
  ),
  databaseStatementTimeoutMs: int(
    "STOA_DATABASE_STATEMENT_TIMEOUT_MS",
    10_000,
    { min: 10, max: 600_000 },
    "Longest a single SQL statement of a request may run.",
  ),
  // Shared state
  redisUrl: text(
    "REDIS_URL",
    "",
    "Redis 6.2 or newer, or Valkey, e.g. rediss://user:password@host:6379/0: what several " +
      "processes share for a short time. Empty: this is the only process.",
    { secret: true },
  ),
  redisCommandTimeoutMs: int(
    "STOA_REDIS_COMMAND_TIMEOUT_MS",
    50,
    { min: 5, max: 10_000 },
    "Longest anybody waits for Redis. Then it counts as away until it answers a probe, and " +
      "nobody waits meanwhile: rules say by `on_failure` what holds.",
  ),
  // Accounts
  signUpOpen: flag("STOA_SIGN_UP_OPEN", false, "Whether anybody may create an account."),
  accessTokenTtlSeconds: int(
    "STOA_ACCESS_TOKEN_TTL_SECONDS",
    600,
    { min: 30, max: 86_400 },
    "Life of an access token.",
  ),
  refreshTokenTtlDays: int(
    "STOA_REFRESH_TOKEN_TTL_DAYS",
    30,
    { min: 1, max: 365 },
    "Life of a refresh token; each use replaces it.",
  ),
  sessionDaysMax: int(
    "STOA_SESSION_DAYS_MAX",
    365,
    { min: 1, max: 3_650 },
    "Greatest age of a session; then it must sign in again, however often it was used.",
  ),
  auditRetentionDays: int(
    "STOA_AUDIT_RETENTION_DAYS",
    730,
    { min: 1, max: 36_500 },
    "Days that the audit log is kept.",
  ),
  signInsPerAccountPerHour: int(
    "STOA_SIGN_INS_PER_ACCOUNT_PER_HOUR",
    20,
    { min: 1, max: 100_000 },
    "Failed sign-ins per account in an hour before 429: the rule accounts.sign_in.per_account, " +
      "until somebody edits it.",
  ),
  signInsPerAddressPerHour: int(
    "STOA_SIGN_INS_PER_ADDRESS_PER_HOUR",
    100,
    { min: 1, max: 1_000_000 },
    "Failed sign-ins per address (IPv6: per /64) in an hour before 429: the rule " +
      "accounts.sign_in.per_address, until somebody edits it.",
  ),
  passwordHashesAtOnce: int(
    "STOA_PASSWORD_HASHES_AT_ONCE",
    4,
    { min: 1, max: 64 },
    "argon2id computations at once for accounts; each takes 19 MiB. More wait in a bounded " +
      "queue. Passwords of links are computed one at a time beside them.",
  ),
  apiKeysPerAccountMax: int(
    "STOA_API_KEYS_PER_ACCOUNT_MAX",
    100,
    { min: 1, max: 100_000 },
    "API keys one account may hold.",
  ),
  jwksUrl: text(
    "STOA_JWKS_URL",
    "",
    "JWKS URL of an outside token issuer; empty: only Stoa's own tokens are accepted.",
  ),
  jwksIssuer: text("STOA_JWKS_ISSUER", "", "The `iss` that outside tokens must carry."),
  jwksAudience: text("STOA_JWKS_AUDIENCE", "", "The `aud` that outside tokens must carry."),
  tiers: list(
    "STOA_TIERS",
    ["free", "paid"],
    "Names of the plans that accounts can be on and that rules of limits can tell apart. The " +
      "first is that of a new account.",
  ),
  // Links
  linkDefaultTtlDays: int(
    "STOA_LINK_DEFAULT_TTL_DAYS",
    1826,
    { min: 0, max: 36_500 },
    "Life of a link that names none; 1826 is five years, 0 is for ever.",
  ),
  linkRedirectCacheControl: text(
    "STOA_LINK_REDIRECT_CACHE_CONTROL",
    "private, max-age=0, no-cache",
    "Cache-Control of a redirect. The default lets analytics see every click; " +
      "`public, max-age=60` lets a CDN answer for a minute.",
  ),
  linkCacheEntriesMax: int(
    "STOA_LINK_CACHE_ENTRIES_MAX",
    1_000_000,
    { min: 100, max: 100_000_000 },
    "Links held in memory by each process.",
  ),
  linkUrlSchemes: list(
    "STOA_LINK_URL_SCHEMES",
    ["http", "https"],
    "Schemes a link may point to. http and https are always checked for host and address; " +
      "app schemes (myapp) may be added; javascript, data, file and the like never.",
  ),
  linkCodeAlphabet: oneOf(
    "STOA_LINK_CODE_ALPHABET",
    "base62",
    ["base62", "people"],
    "Codes of Stoa's own host: base62 is 7 characters; people is 9, without look-alikes or " +
      "case and with a check character. Custom domains choose for themselves.",
  ),
  linkAliasesPerOwnerMax: int(
    "STOA_LINK_ALIASES_PER_OWNER_MAX",
    10_000,
    { min: 1, max: 100_000_000 },
    "Live aliases one owner may hold: the rule links.aliases, until somebody edits it.",
  ),
  linkBlocklistFiles: list(
    "STOA_LINK_BLOCKLIST_FILES",
    [],
    "Files of hosts or URLs (plain lists, hosts files, URLhaus CSV) that links must not point " +
      "to. Re-read when they change.",
  ),
  linkAllowlistFiles: list(
    "STOA_LINK_ALLOWLIST_FILES",
    [],
    "Files of hosts that are never blocked by a block list.",
  ),
  linkImportUploadMsMax: int(
    "STOA_LINK_IMPORT_UPLOAD_MS_MAX",
    120_000,
    { min: 100, max: 3_600_000 },
    "Longest the file of an import may take to arrive before 408.",
  ),
  linkDomainsPerOwnerMax: int(
    "STOA_LINK_DOMAINS_PER_OWNER_MAX",
    50,
    { min: 0, max: 1_000_000 },
    "Custom domains one owner may add.",
  ),
  linkDeadCheckEnabled: flag(
    "STOA_LINK_DEAD_CHECK_ENABLED",
    true,
    "Whether live links are requested once a day to find dead ones.",
  ),
  // Clicks
  clickGeoEnabled: flag(
    "STOA_CLICK_GEO_ENABLED",
    true,
    "Whether clicks are resolved to country and city with the offline database.",
  ),
  clickVisitorsEnabled: flag(
    "STOA_CLICK_VISITORS_ENABLED",
    true,
    "Whether unique visitors are counted by a daily keyed hash of address and browser.",
  ),
  clickHonourDoNotTrack: flag(
    "STOA_CLICK_HONOUR_DO_NOT_TRACK",
    true,
    "Whether Sec-GPC and DNT reduce a click to its time and link.",
  ),
  clickRetentionDays: int(
    "STOA_CLICK_RETENTION_DAYS",
    90,
    { min: 1, max: 36_500 },
    "Days that raw clicks are kept; hourly roll-ups outlive them.",
  ),
  clickFlushIntervalMs: int(
    "STOA_CLICK_FLUSH_INTERVAL_MS",
    25,
    { min: 1, max: 50 },
    "How often counted clicks are handed to the operating system; the most that kill -9 can lose.",
  ),
  clickSpoolBytesMax: int(
    "STOA_CLICK_SPOOL_BYTES_MAX",
    8 * 1024 ** 3,
    { min: 1024 ** 2, max: 1024 ** 5 },
    "Disk that undrained clicks may take while the database is away.",
  ),
  ...limitSettings,
  ...realtimeSettings,
  ...chatSettings,
  ...blobSettings,
  // Outbound
  outboundAllowPrivate: flag(
    "STOA_OUTBOUND_ALLOW_PRIVATE",
    false,
    "Whether webhooks and checks may reach private addresses. For development only.",
  ),
  webhooksPerOwnerMax: int(
    "STOA_WEBHOOKS_PER_OWNER_MAX",
    50,
    { min: 0, max: 100_000 },
    "Webhook subscriptions one owner may hold.",
  ),
} satisfies Record<string, Setting<unknown>>;

type Settings = typeof settings;
export type Config = {
  readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never;
};

/** Where people reach Stoa, without a slash at the end. */
export function publicUrlOf(config: Pick<Config, "publicUrl" | "port">): string {
  return config.publicUrl.replace(/\/$/, "") || `http://localhost:${config.port}`;
}

export class ConfigError extends Error {
  readonly problems: string[];
  constructor(problems: string[]) {
    super(`The configuration has ${problems.length} problem(s):\n  ${problems.join("\n  ")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Reads the environment once. All problems are told together, each by its variable's name. */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const problems: string[] = [];
  const out: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const given = env[setting.env];
    if (given === undefined || given === "") {
      out[name] = setting.fallback;
      continue;
    }
    const parsed = setting.parse(given);
    if (parsed === undefined) {
      const shown = setting.secret ? "its value" : JSON.stringify(given);
      problems.push(`${setting.env}: ${shown} is not ${setting.expects}`);
    }
    out[name] = parsed;
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith("STOA_")) continue;
    const known = Object.values(settings).some((setting) => setting.env === name);
    if (!known) problems.push(`${name}: no such setting; docs/configuration.md lists them`);
  }
  problems.push(...portsTwice());
  if ((out["leaseRedisUrls"] as string[] | undefined)?.length && !out["redisUrl"]) {
    problems.push("STOA_LEASE_REDIS_URLS: needs REDIS_URL too, where all that is not divided lies");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return out as Config;

  /** Where processes share ports, two sockets on one would share its visitors at random. */
  function portsTwice(): string[] {
    const names = ["port", "redirectPort", "limitGrpcPort"] as const;
    return names.flatMap((name, n) => {
      const first = names.slice(0, n).find((other) => out[name] && out[other] === out[name]);
      const at = `${settings[name].env}: ${out[name]}`;
      return first ? [`${at} is ${settings[first].env} too; each needs a port of its own`] : [];
    });
  }
}
