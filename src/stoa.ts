import { createPasswords } from "./platform/auth/password.ts";
import { publicUrlOf, type Config } from "./platform/config/config.ts";
import { trustProxies } from "./platform/http/address.ts";
import { healthRoutes } from "./platform/http/health-http.ts";
import { idempotencySweep } from "./platform/http/idempotency.ts";
import { createApi } from "./platform/http/server.ts";
import type { Watch } from "./platform/http/stream.ts";
import { serve, type Listening } from "./platform/http/serve.ts";
import { systemPages } from "./platform/http/system-pages.ts";
import { deadLetterRoutes } from "./platform/jobs/http.ts";
import type { Log } from "./platform/log/log.ts";
import type { Metrics } from "./platform/metrics/metrics.ts";
import type { Route } from "./platform/http/route.ts";
import { openDatabase, openPlatform, type Database, type Platform } from "./platform/platform.ts";
import type { Outbound } from "./platform/outbound/outbound.ts";
import type { System } from "./platform/system.ts";
import { migrations } from "./migrations.ts";
import type { Accounts } from "./systems/accounts/contract.ts";
import { accountsSystem, type Operations } from "./systems/accounts/system.ts";
import { chatSystem } from "./systems/chat/system.ts";
import { limitsSystem } from "./systems/limits/system.ts";
import { linksSystem } from "./systems/links/system.ts";
import { createWebhooks } from "./systems/webhooks/system.ts";
import { buildConsole } from "./console/build.ts";
import { serveConsole } from "./console/serve.ts";

/**
 * The composition root: configuration, then the platform, then the systems in the order in which
 * they may call each other (limits <- accounts <- links, chat; webhooks react to events only), then
 * the socket.
 */
export type Running = {
  port: number;
  publicUrl: string;
  /** The admin made by this very start, or null. */
  firstAdmin: { email: string; password: string } | null;
  /** Runs all background work that is due; for tests. */
  settle(): Promise<void>;
  /** Ends with nothing accepted lost. Returns how many requests had to be cut off. */
  stop(): Promise<{ cut: number }>;
  operations: Operations;
  routes: Route[];
  metrics: Metrics;
  /** Called when Stoa cannot go on. */
  onFatal(callback: (error: Error) => void): void;
};

/** The other processes of this install that share its ports. */
export type Siblings = {
  /** The metrics of all processes, this one's own included. */
  collectMetrics(): Promise<string>;
};

/** Of passwords of links; those of accounts have a setting. */
const linkHashesAtOnce = 1;

/**
 * `given` is a database that is open already; it is closed at the end all the same. `outbound`
 * replaces the way out, where names and hosts are not those of the world. With `siblings` this is
 * one of several processes on the same ports.
 */
export async function startStoa(
  config: Config,
  log: Log,
  given?: Database,
  outbound?: Outbound,
  siblings?: Siblings,
): Promise<Running> {
  const database = given ?? (await openDatabase(config, log));
  try {
    return await run(config, log, database, { outbound, siblings });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function run(
  config: Config,
  log: Log,
  database: Database,
  { outbound, siblings }: { outbound: Outbound | undefined; siblings: Siblings | undefined },
): Promise<Running> {
  const standing = await openPlatform(config, log, database, migrations);
  const platform = outbound ? { ...standing, outbound } : standing;
  const { db, clock, metrics, jobs, events, realtime } = platform;
  const publicUrl = publicUrlOf(config);
  const { limits, accounts, links, systems } = await openSystems(platform, () => routes);
  const firstAdmin = await accounts.operations.ensureAdmin();

  await startSystems(platform, systems);

  let draining = false;
  const isReady = () => !draining;
  const routes: Route[] = [
    ...systems.flatMap((s) => s.routes),
    ...deadLetterRoutes(jobs, events),
    ...healthRoutes({ db, clock, metrics, isReady }),
  ];
  const api = createApi({
    ...config,
    ...{ routes, authenticate: accounts.authenticate, db, clock, log, metrics },
    guard: limits.guard,
    watch: watchBy(accounts.contract),
    replicated: config.databaseReplicaUrl !== "",
  });
  const assets = await buildConsole(config);
  const shared = siblings !== undefined;
  const proxies = await limits.listen({ authenticate: accounts.authenticate, shared });
  const listening = serve({
    ...{ host: config.host, port: config.port, log, clock, metrics, api, realtime },
    // Routes have limits of their own; this is for what may be sent to any.
    bodyBytesMax: Math.max(config.requestBodyBytesMax, config.blobBytesMax),
    edge: edgeOf(config),
    shared,
    addressOf: trustProxies(config.trustedProxies),
    pages: systemPages({
      ...{ config, db, routes, publicUrl, isReady },
      // A scrape of a shared port meets any of the processes, and must not be a lottery.
      renderMetrics: () => siblings?.collectMetrics() ?? metrics.render(),
    }),
    trees: new Map([["console", (request) => serveConsole(assets, request) ?? noSuchFile()]]),
    isForeignHost: links.servesHost,
    front: links.front,
  });

  const stop = () => {
    draining = true;
    return end({ platform, systems, listening, proxies, database });
  };

  return {
    port: listening.port,
    publicUrl,
    firstAdmin,
    async settle() {
      await events.settle();
      await jobs.settle();
      await links.settle();
    },
    stop,
    operations: accounts.operations,
    routes,
    metrics,
    onFatal: (callback) => database.embedded?.onFatal(callback),
  };
}

/** Of the grace, for jobs that run; the rest is for what comes after them. */
const jobsShare = 1 / 3;

/** From the sockets inwards, within the grace. */
async function end(started: {
  platform: Platform;
  systems: System[];
  listening: Listening;
  proxies: { stop(deadline: AbortSignal): Promise<void> } | null;
  database: Database;
}): Promise<{ cut: number }> {
  const { config, jobs, state, leaseServers, ids } = started.platform;
  const deadline = AbortSignal.timeout(config.drainGraceMs);
  const { listening, proxies } = started;
  const [result] = await Promise.all([listening.stop(deadline), proxies?.stop(deadline)]);
  // Each ends by the deadline by itself, unless it waits for a database that hangs.
  const inTime = (work?: Promise<void>) => Promise.race([work, passed(deadline)]);
  // A job is taken up again where it was; what systems still hold in memory is not.
  const jobsEnd = AbortSignal.timeout(config.drainGraceMs * jobsShare);
  await inTime(jobs.stop(AbortSignal.any([deadline, jobsEnd])));
  for (const system of started.systems.toReversed()) await inTime(system.stop?.(deadline));
  for (const one of [...leaseServers, state]) await inTime(one.close());
  await inTime(ids.close());
  await started.database.close(deadline);
  return result;
}

function edgeOf({ redirectPort, redirectConnectionsMax }: Config) {
  if (redirectPort === 0) return undefined;
  return { port: redirectPort, connectionsMax: redirectConnectionsMax };
}

/** In the order in which they may call each other; nothing is started yet. */
async function openSystems(platform: Platform, routes: () => readonly Route[]) {
  const { config, ids } = platform;
  const nextId = ids.next;
  const limits = await limitsSystem({
    ...{ ...platform, nextId, routes },
    audit: (tx, entry) => accounts.contract.audit(tx, entry),
  });
  const passwords = createPasswords({ hashesAtOnce: config.passwordHashesAtOnce });
  const given = { ...platform, limits: limits.contract };
  const accounts = accountsSystem({ ...given, passwords, nextId });
  const shared = { ...given, accounts: accounts.contract };
  // Their own queue, so that however many links get one, people sign in as ever.
  const linkPasswords = createPasswords({ hashesAtOnce: linkHashesAtOnce });
  const publicUrl = publicUrlOf(config);
  const links = await linksSystem({
    ...{ ...shared, passwords: linkPasswords, publicUrl },
    visitGuard: limits.redirects,
  });
  const chat = chatSystem({ ...shared, nextId, publicUrl, authenticate: accounts.authenticate });
  const webhooks = createWebhooks({ ...shared, audiences: chat.audiences ?? [] });
  const systems: System[] = [limits, accounts, links, webhooks, chat];
  return { limits, accounts, links, systems };
}

async function startSystems(platform: Platform, systems: System[]): Promise<void> {
  const { db, jobs, events, realtime } = platform;
  const sweep = idempotencySweep(db);
  jobs.register([sweep.job], [sweep.schedule]);
  for (const system of systems) {
    jobs.register(system.jobs ?? [], system.schedules ?? []);
    events.register(system.subscriptions ?? []);
    for (const protocol of system.protocols ?? []) realtime.register(protocol);
  }
  for (const system of systems) await system.start?.();
  jobs.start();
}

async function passed(deadline: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  deadline.addEventListener("abort", () => resolve());
  if (!deadline.aborted) await promise;
}

function noSuchFile(): Response {
  const headers = { "content-type": "text/plain", "x-content-type-options": "nosniff" };
  return new Response("not found\n", { status: 404, headers });
}

function watchBy({ watch, unwatch }: Pick<Accounts, "watch" | "unwatch">): Watch {
  return (principal, ended) => {
    const watcher = { principal, ended };
    watch(watcher);
    return () => unwatch(watcher);
  };
}
