import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { JobHandler, Jobs, Schedule } from "../../platform/jobs/jobs.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { Limits } from "../limits/contract.ts";
import type { Blocklist } from "./blocklist.ts";
import { checkDeadLinks } from "./dead-links.ts";
import type { Domains } from "./domains.ts";
import type { Naming } from "./link.ts";
import { Quarantine } from "./quarantine.ts";
import { recheckLinks } from "./recheck.ts";
import { Reports, type ReportDeps } from "./reports.ts";
import type { UrlPolicy } from "./safety.ts";
import type { Targets } from "./targets.ts";
import { forgetWalk } from "./walk.ts";

/** Everything that keeps links safe after they are made: people's reports, lists and checks. */
export type SafetyDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  ids: Ids;
  events: Events;
  jobs: Jobs;
  outbound: Outbound;
  accounts: Accounts;
  limits: Limits;
  config: Pick<Config, "linkDeadCheckEnabled">;
  naming: Naming;
  targets: Pick<Targets, "forget" | "forgetAll">;
  domains: Pick<Domains, "reload" | "serving" | "ownsHost">;
  blocklist: Blocklist;
  urlPolicy(): UrlPolicy;
};

const reloadListsEveryMs = 10_000;
/** Walks over a million links; what is left then goes on at the next try. */
const walkTimeoutMs = 23 * 3_600_000;
const listsWalk = "recheck after lists changed";

export type SafetyDesk = ReturnType<typeof createSafetyDesk>;

export function createSafetyDesk(deps: SafetyDeps) {
  const quarantine = new Quarantine(deps);
  const reportDeps: ReportDeps = { ...deps, quarantine };
  const reports = new Reports(reportDeps);
  const stopping = new AbortController();
  let watching = Promise.resolve();

  return {
    quarantine,
    reports,
    naming: deps.naming,
    domains: deps.domains,
    findAccount: deps.accounts.findAccount,
    now: deps.clock.now,
    /** For the public form and the public route. */
    report: reports.report.bind(reports),
    jobs: jobsOf(deps, quarantine),
    schedules: schedulesOf(deps),
    start(): void {
      watching = watchLists(deps, stopping.signal);
    },
    async stop(): Promise<void> {
      stopping.abort();
      await watching;
    },
  };
}

function jobsOf(deps: SafetyDeps, quarantine: Quarantine): JobHandler[] {
  const walkJob = { concurrency: 1, timeoutMs: walkTimeoutMs };
  return [
    {
      ...walkJob,
      kind: "links.recheck",
      async run(job, signal) {
        // Another process may have seen the change first.
        await deps.blocklist.reloadIfChanged();
        const name = job.key === listsWalk ? listsWalk : "recheck";
        await recheckLinks({ ...deps, quarantine }, name, signal);
      },
    },
    {
      ...walkJob,
      kind: "links.dead_check",
      async run(_, signal) {
        if (deps.config.linkDeadCheckEnabled) await checkDeadLinks(deps, signal);
      },
    },
  ];
}

function schedulesOf({ config }: SafetyDeps): Schedule[] {
  const recheck = { kind: "links.recheck", cron: "11 3 * * *" };
  if (!config.linkDeadCheckEnabled) return [recheck];
  return [recheck, { kind: "links.dead_check", cron: "41 4 * * *" }];
}

export type WatchDeps = Pick<SafetyDeps, "db" | "clock" | "log" | "jobs" | "blocklist">;

/** New links meet changed lists at once; those that exist are checked again by a job. */
export async function watchLists(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, log, jobs, blocklist } = deps;
  let owed = false;
  while (!signal.aborted) {
    await clock.sleep(reloadListsEveryMs, signal);
    if (signal.aborted) return;
    try {
      owed = (await blocklist.reloadIfChanged()) || owed;
      if (!owed) continue;
      await db.write(async (tx) => {
        await forgetWalk(tx, listsWalk);
        await jobs.enqueue(tx, { kind: "links.recheck", payload: null, key: listsWalk });
      });
      owed = false;
    } catch (error) {
      log.warn("links are not checked by the changed lists yet; trying again", { error });
    }
  }
}
