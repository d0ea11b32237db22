import type { System } from "../../../platform/system.ts";
import { adminFeatureRoutes } from "./admin-http.ts";
import type { FeatureDeps } from "./deps.ts";
import { draftRoute } from "./drafts-http.ts";
import { eraseJob } from "./erase.ts";
import { expiryJob } from "./expiry.ts";
import { fileRoutes } from "./files-http.ts";
import { lookJob } from "./look.ts";
import { messageFeatureRoutes } from "./message-http.ts";
import { pollRoutes } from "./polls-http.ts";
import { previewJob } from "./preview.ts";
import { scheduledRoutes } from "./scheduled-http.ts";
import { scheduledJob } from "./scheduled-job.ts";
import { formerSenders } from "./scheduled.ts";
import { searchRoute } from "./search-http.ts";

/** What is done with messages once they are there, and around them. */
export type Features = Required<Pick<System, "routes" | "jobs" | "schedules" | "subscriptions">>;

export function createFeatures(deps: FeatureDeps): Features {
  const look = lookJob(deps);
  const expiry = expiryJob(deps);
  return {
    routes: [
      ...messageFeatureRoutes(deps),
      ...fileRoutes(deps),
      ...pollRoutes(deps),
      ...scheduledRoutes(deps),
      ...[draftRoute(deps), searchRoute(deps)],
      ...adminFeatureRoutes(deps),
    ],
    jobs: [look.job, expiry.job, previewJob(deps), scheduledJob(deps), eraseJob(deps)],
    schedules: [look.schedule, expiry.schedule],
    subscriptions: [formerSenders(deps)],
  };
}
