import type { Uploads } from "../../../platform/blobs/uploads.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Config } from "../../../platform/config/config.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Jobs } from "../../../platform/jobs/jobs.ts";
import type { Outbound } from "../../../platform/outbound/outbound.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Sender } from "../messages/send.ts";
import type { Admitting } from "../ports.ts";
import type { Files } from "./files.ts";

/** What is done with messages besides sending and reading them is made from this. */
export type FeatureDeps = {
  db: Db;
  clock: Clock;
  config: Pick<
    Config,
    "chatEditWithinSeconds" | "chatDeleteWithinSeconds" | "chatLinkPreviews" | "blobBytesMax"
  >;
  nextId: () => string;
  jobs: Jobs;
  outbound: Pick<Outbound, "fetch">;
  accounts: Accounts;
  limits: Limits;
  live: Live;
  admitting: Admitting;
  sending: Sender;
  files: Files;
  uploads: Pick<Uploads, "offer" | "link">;
  publicUrl: string;
  /** Takes a person out of everything, as when their account is deleted. */
  partWith(accountId: string, signal: AbortSignal): Promise<void>;
};
