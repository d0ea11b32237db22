import type { Authenticate } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Guard } from "../../platform/http/guard.ts";
import type { Route } from "../../platform/http/route.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { State } from "../../platform/state/state.ts";
import type { System } from "../../platform/system.ts";
import { assemble } from "./assemble.ts";
import { checkRoutes } from "./check-http.ts";
import type { Limits } from "./contract.ts";
import { RuleEdits, type Audit } from "./edit.ts";
import { EnvoyLimits } from "./envoy.ts";
import { listenForEnvoy } from "./envoy-service.ts";
import { explainRoute } from "./explain.ts";
import type { GrpcServer } from "./grpc-server.ts";
import { createGuard } from "./guard.ts";
import { headersIn } from "./headers.ts";
import { ruleRoutes } from "./http.ts";
import { limiterOf } from "./limiter-of.ts";
import { MemoryLimiter } from "./memory.ts";
import { limitsMigrations } from "./migrations.ts";
import { ensurePresets, presetsOf } from "./presets.ts";
import { createRedirectGuard, type RedirectGuard } from "./redirect-guard.ts";
import { refusalsRoute } from "./refusals-http.ts";
import { reaches, redirectRoute } from "./route-pattern.ts";
import { anonymousTier } from "./rules.ts";
import { simulateRoute } from "./simulate-http.ts";

/** Rate limits: rules, the guard in front of every route, and limits as a service. */
export type LimitsSystem = System & {
  contract: Limits;
  guard: Guard;
  /** Null while no rule concerns short links. */
  redirects: () => RedirectGuard | null;
  /** Listens for proxies, where the settings want that; null where not. */
  listen(asked: { authenticate: Authenticate; shared: boolean }): Promise<GrpcServer | null>;
};

export type LimitsOptions = {
  db: Db;
  config: Config;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  state: State;
  /** Where sub-keys lie; none: on `state`. */
  leaseServers: readonly State[];
  nextId: () => string;
  audit: Audit;
  /** Of all systems; asked once they are there. */
  routes: () => readonly Route[];
};

const sweepMs = 100;

/** Resolves with its rules read: commands ask it without a start. */
export async function limitsSystem(options: LimitsOptions): Promise<LimitsSystem> {
  const { db, config, clock, metrics, nextId, routes, audit } = options;
  const keysMax = config.limitKeysMax;
  const memory = new MemoryLimiter({ clock, keysMax });
  const { limiter, close } = limiterOf({ ...options, memory, keysMax });
  const parts = assemble({ ...options, limiter });
  const { book, refusals, decider, contract } = parts;
  const hasRoute = (pattern: string) =>
    [redirectRoute, ...routes()].some(({ path }) => reaches(pattern, path));
  const known = { tiers: config.tiers, hasRoute };
  const edits = new RuleEdits({ clock, nextId, audit, known });
  await ensurePresets({ db, clock, nextId }, presetsOf(config));
  await book.reload();
  measure(metrics, memory);
  const headersOf = headersIn(config.limitHeaders, clock);
  let sweeping: ReturnType<typeof setInterval> | undefined;

  return {
    name: "limits",
    migrations: limitsMigrations,
    routes: [
      ...ruleRoutes({ edits, book, tiers: [...config.tiers, anonymousTier] }),
      ...checkRoutes({ book, decider, clock }),
      explainRoute({ book, decider, now: clock.now, routes }),
      refusalsRoute({ refusals, clock }),
      simulateRoute(),
    ],
    jobs: [{ kind: "limits.sweep", run: () => refusals.sweep() }],
    schedules: [{ kind: "limits.sweep", cron: "29 * * * *" }],
    async start() {
      await book.start();
      refusals.start();
      sweeping = setInterval(() => memory.sweep(), sweepMs);
    },
    async stop() {
      clearInterval(sweeping);
      await Promise.all([book.stop(), refusals.stop(), close()]);
    },
    contract,
    guard: createGuard({ book, decider, headersOf }),
    redirects: createRedirectGuard({ book, decider, sleep: (ms) => clock.sleep(ms) }),
    listen(asked) {
      const envoy = new EnvoyLimits({ ...{ book, decider, refusals, headersOf }, metrics });
      return listenForEnvoy({ ...options, ...asked, limits: envoy });
    },
  };
}

function measure(metrics: Metrics, limiter: MemoryLimiter): void {
  metrics.gauge("stoa_limits_keys", "Keys whose counts are in memory.", () => limiter.size);
  metrics.gauge("stoa_limits_bytes", "Memory that they take.", () => limiter.bytes);
}
