import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Events } from "../../../platform/events/events.ts";
import type { Ids } from "../../../platform/ids/ids.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Admitting, Attaching, Listing } from "../ports.ts";
import { createListing } from "./listing.ts";
import { createNotes, type Notes } from "./notes.ts";
import { createSender, type Sender } from "./send.ts";

/** Messages: sending, reading, receipts, and what programs are told of them. */
export type MessagesDeps = {
  db: Db;
  clock: Clock;
  ids: Pick<Ids, "next">;
  events: Events;
  limits: Limits;
  live: Live;
  admitting: Admitting;
  attaching: Attaching;
};

export type Messages = Notes & {
  sending: Sender;
  listing: Listing;
};

export function createMessages(deps: MessagesDeps): Messages {
  return {
    ...createNotes(deps),
    sending: createSender(deps),
    listing: createListing(deps.db),
  };
}
