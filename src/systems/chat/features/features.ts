import type { System } from "../../../platform/system.ts";
import type { FeatureDeps } from "./deps.ts";
import { lookJob } from "./look.ts";
import { messageFeatureRoutes } from "./message-http.ts";
import { previewJob } from "./preview.ts";

/** What is done with messages once they are there, and around them. */
export type Features = Required<Pick<System, "routes" | "jobs" | "schedules">>;

export function createFeatures(deps: FeatureDeps): Features {
  const look = lookJob(deps);
  return {
    routes: [...messageFeatureRoutes(deps)],
    jobs: [look.job, previewJob(deps)],
    schedules: [look.schedule],
  };
}
