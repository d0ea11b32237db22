import type { Clock } from "../../../platform/clock/clock.ts";
import type { Config } from "../../../platform/config/config.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Events } from "../../../platform/events/events.ts";
import type { Ids } from "../../../platform/ids/ids.ts";
import type { Jobs } from "../../../platform/jobs/jobs.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { System } from "../../../platform/system.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Admitting, Attaching, Listing, Marking } from "../ports.ts";
import { messageRoutes } from "./http.ts";
import { createListing } from "./listing.ts";
import { listingRoute } from "./listing-http.ts";
import { Marks } from "./marking.ts";
import { createNotes, type Notes } from "./notes.ts";
import { receiptRoutes } from "./receipts-http.ts";
import { ReceiptTelling } from "./receipts.ts";
import { createSender, type Sender } from "./send.ts";
import { undeliveredJob } from "./undelivered.ts";

/** Messages: sending, reading, receipts, and what programs are told of them. */
export type MessagesDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  ids: Pick<Ids, "next">;
  events: Events;
  jobs: Jobs;
  limits: Limits;
  live: Live;
  admitting: Admitting;
  attaching: Attaching;
  config: Pick<Config, "chatUndeliveredAfterSeconds">;
};

export type Messages = Notes &
  Required<Pick<System, "routes" | "jobs" | "schedules" | "stop">> & {
    sending: Sender;
    marking: Marking;
    listing: Listing;
  };

export function createMessages(deps: MessagesDeps): Messages {
  const { db, config } = deps;
  const telling = new ReceiptTelling(deps);
  const marking = new Marks({ ...deps, telling });
  const sending = createSender({ ...deps, telling });
  const listing = createListing(db);
  const undelivered = undeliveredJob({
    ...deps,
    afterSeconds: config.chatUndeliveredAfterSeconds,
  });
  return {
    ...createNotes(deps),
    ...{ sending, marking, listing },
    routes: [
      ...messageRoutes({ db, sending, listing }),
      ...receiptRoutes({ db, marking }),
      listingRoute(db),
    ],
    jobs: [undelivered.job],
    schedules: [undelivered.schedule],
    async stop() {
      await marking.stop();
      await telling.stop();
    },
  };
}
