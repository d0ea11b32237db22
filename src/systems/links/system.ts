import { join } from "node:path";
import type { Passwords } from "../../platform/auth/password.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Connection, Db } from "../../platform/db/db.ts";
import { installSecret } from "../../platform/db/secrets.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Jobs } from "../../platform/jobs/jobs.ts";
import type { Front } from "../../platform/http/front.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { System } from "../../platform/system.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { Limits } from "../limits/contract.ts";
import { AliasRoom } from "./alias-room.ts";
import { openBlocklist } from "./blocklist.ts";
import { createClicks } from "./clicks/clicks.ts";
import { clickRoutes } from "./clicks/http.ts";
import { createCodeBlocks } from "./code-blocks.ts";
import { Domains } from "./domains.ts";
import { domainRoutes } from "./domains-http.ts";
import { Edit, requireOwned } from "./edit.ts";
import { formerOwners } from "./former-owners.ts";
import { openGeo } from "./geo.ts";
import { hearChanges } from "./hearing.ts";
import { linkRoutes } from "./http.ts";
import { createPasswordTries } from "./password-tries.ts";
import { Redirect, type RedirectDeps } from "./redirect.ts";
import { ShortWay, type ShortWayDeps, type VisitGuard } from "./short-way.ts";
import type { UrlPolicy } from "./safety.ts";
import { createSafetyDesk } from "./safety-desk.ts";
import { safetyRoutes } from "./safety-http.ts";
import { linksMigrations } from "./migrations.ts";
import { Shorten } from "./shorten.ts";
import { tagJobs, tagRoutes, tagSchedule } from "./tags-http.ts";
import { Targets } from "./targets.ts";
import { transferRoutes } from "./transfer-http.ts";

/** Short links: make, find, follow, count. */
export type LinksSystem = System & {
  /** Answers every path that nothing else claims. */
  front: Front;
  /** Whether a host is a customer's proved domain. */
  servesHost(host: string): boolean;
  /** Flushes and rolls up every click recorded so far; for tests. */
  settle(): Promise<void>;
};

export type LinksOptions = {
  db: Db;
  connection: Connection;
  config: Config;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  ids: Ids;
  events: Events;
  jobs: Jobs;
  outbound: Outbound;
  accounts: Accounts;
  limits: Limits;
  visitGuard: () => VisitGuard | null;
  passwords: Passwords;
  publicUrl: string;
};

const codeKeySecret = "links.code_key";

export async function linksSystem(options: LinksOptions): Promise<LinksSystem> {
  const { db, config, clock, log, metrics, ids, events, accounts, limits, passwords } = options;
  const naming = { publicUrl: options.publicUrl };
  const codes = createCodeBlocks(db, await installSecret(db, codeKeySecret));
  const targets = new Targets({ db, clock, entriesMax: config.linkCacheEntriesMax });
  const { blocklist, domains, urlPolicy } = await openPolicy(options);
  const geo = config.clickGeoEnabled
    ? openGeo({ log, copies: join(config.dataDir, "locations") })
    : null;
  const clicks = createClicks({ ...options, dataDir: config.dataDir, geo });
  const hearing = hearChanges({ db, clock, log, targets, domains });
  const shorten = new Shorten({
    ...{ clock, ids, codes, domains, events, passwords, naming, urlPolicy },
    aliasRoom: new AliasRoom(limits),
    defaultTtlDays: config.linkDefaultTtlDays,
    forgetUnknown: () => targets.forgetUnknown(),
  });
  const edit = new Edit({
    ...{ db, clock, events, accounts, passwords, naming, urlPolicy },
    forget: (domainId, code) => targets.forget(domainId, code),
  });
  const desk = createSafetyDesk({
    ...options,
    ...{ naming, targets, domains, urlPolicy, blocklist },
  });
  const former = formerOwners({ ...options, domains, targets });
  const front = createFront({
    ...{ ...options, targets, domains, clicks, codes, geo, naming, report: desk.report },
    ...{ guard: options.visitGuard, cacheControl: config.linkRedirectCacheControl },
    passwordTries: createPasswordTries(limits),
  });
  measure(metrics, targets);

  return {
    name: "links",
    migrations: linksMigrations,
    routes: [
      ...linkRoutes({ db, clock, shorten, edit, naming }),
      ...transferRoutes({
        ...{ db, clock, shorten, naming },
        uploadMsMax: config.linkImportUploadMsMax,
      }),
      ...clickRoutes({ clicks, findOwned: requireOwned }),
      ...domainRoutes(domains, urlPolicy),
      ...safetyRoutes(desk),
      ...tagRoutes(options),
    ],
    jobs: [...desk.jobs, ...tagJobs(options), former.job],
    schedules: [...desk.schedules, tagSchedule],
    subscriptions: [former.subscription],
    async start() {
      await clicks.start();
      await hearing.start();
      desk.start();
    },
    async stop(deadline) {
      await Promise.all([desk.stop(), hearing.stop(), clicks.stop(deadline)]);
      geo?.close();
    },
    front,
    servesHost: (host) => domains.count > 0 && domains.serving(host) !== null,
    settle: () => clicks.settle(),
  };
}

function createFront(deps: RedirectDeps & ShortWayDeps): Front {
  const shortWay = new ShortWay(deps);
  const redirect = new Redirect(deps);
  return {
    known: shortWay.known.bind(shortWay),
    quick: shortWay.quick.bind(shortWay),
    handle: redirect.handle.bind(redirect),
  };
}

/** Where links may lead, and the hosts that they may be on. */
async function openPolicy(options: LinksOptions) {
  const { db, config, clock, log, ids, events, outbound, accounts } = options;
  const lists = await openBlocklist({
    blockFiles: config.linkBlocklistFiles,
    allowFiles: config.linkAllowlistFiles,
    ...{ log, clock },
  });
  const domains = new Domains({
    ...{ db, clock, ids, events, accounts, outbound },
    perOwnerMax: config.linkDomainsPerOwnerMax,
    ownAlphabet: config.linkCodeAlphabet,
    publicHost: new URL(options.publicUrl).hostname,
  });
  // Here and not at the start, because the command line calls the routes without one.
  await domains.reload();
  const policy: UrlPolicy = {
    schemes: config.linkUrlSchemes,
    ownHosts: domains.ownsHost,
    lists,
  };
  return { blocklist: lists, domains, urlPolicy: () => policy };
}

function measure(metrics: Metrics, targets: Targets): void {
  const cache = "stoa_links_cache";
  const counted = (name: "hits" | "misses" | "reads" | "queries" | "stale", help: string) =>
    metrics.countedBy(`${cache}_${name}_total`, help, () => targets.counts()[name]);
  counted("hits", "Codes answered from memory.");
  counted("misses", "Codes not in memory.");
  counted("reads", "Codes looked up in the database.");
  counted("queries", "Statements that this took; codes missed at once share one.");
  counted("stale", "Old answers given while the database was away.");
  metrics.gauge(`${cache}_entries`, "Codes in memory.", () => targets.counts().entries);
}
