import type { Migration } from "./db/migrate.ts";
import type { Route } from "./http/route.ts";
import type { JobHandler, Schedule } from "./jobs/jobs.ts";
import type { Audience, Subscription } from "./events/events.ts";
import type { Protocol } from "./realtime/realtime.ts";

/**
 * What a product system hands to the composition root: its tables, routes, background work and
 * the two ends of its life. `main.ts` puts the systems' lists together and runs them.
 */
export type System = {
  name: string;
  migrations: Migration[];
  routes: Route[];
  jobs?: JobHandler[];
  schedules?: Schedule[];
  subscriptions?: Subscription[];
  /** Of its events that concern more people than their owner. */
  audiences?: Audience[];
  /** What speaks on WebSockets, each on a path of its own. */
  protocols?: Protocol[];
  /** Called once the schema is there and before the first request. */
  start?(): Promise<void>;
  /** Called after the last request: hand over or finish everything accepted. */
  stop?(deadline: AbortSignal): Promise<void>;
};
