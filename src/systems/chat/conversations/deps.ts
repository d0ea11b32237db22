import type { Clock } from "../../../platform/clock/clock.ts";
import type { Config } from "../../../platform/config/config.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Jobs } from "../../../platform/jobs/jobs.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Notes } from "../messages/notes.ts";
import type { Listing } from "../ports.ts";

/** What conversations, their members and what keeps them safe are made from. */
export type Deps = {
  db: Db;
  clock: Clock;
  config: Pick<Config, "chatPeopleFindable">;
  nextId: () => string;
  jobs: Jobs;
  accounts: Accounts;
  limits: Limits;
  live: Live;
  listing: Pick<Listing, "some">;
} & Notes;
