import type { Authenticate } from "../../../platform/auth/principal.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Route } from "../../../platform/http/route.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Metrics } from "../../../platform/metrics/metrics.ts";
import type { Channel, Protocol, Realtime } from "../../../platform/realtime/realtime.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Listing, Marking, Sending } from "../ports.ts";
import type { Receipts, Conversation } from "../shapes.ts";
import { Deeds } from "./deeds.ts";
import { Desk } from "./desk.ts";
import { checkFrame } from "./frames.ts";
import { liveRoutes } from "./http.ts";
import { People } from "./people.ts";
import { Polls } from "./polls.ts";
import { Presence } from "./presence.ts";
import { ReceiptPace } from "./receipt-pace.ts";
import { Rooms } from "./rooms.ts";
import { createTickets } from "./tickets.ts";
import { hear, lines, type Change, type Forwarded, type Heard } from "./wire.ts";

export type LiveDeps = {
  db: Db;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  realtime: Realtime;
  authenticate: Authenticate;
  accounts: Pick<Accounts, "watch" | "unwatch">;
  limits: Limits;
  /** Asked for when needed, as what it gives tells `Live` of its changes. */
  ports(): { sending: Sending; marking: Marking; listing: Listing };
  /** Given by tests that do not wait a second. */
  presenceTurnMs?: number;
};

export type LivePart = Live & {
  routes: Route[];
  protocols: Protocol[];
  start(): Promise<void>;
  stop(): Promise<void>;
};

const path = "/api/v1/chat/socket";
const channelName = "chat";

/** The part of chat that pushes: sockets, event streams, and what processes tell each other. */
export function createLive(deps: LiveDeps): LivePart {
  const { db, realtime } = deps;
  const process = crypto.randomUUID();
  const listing = lateListing(deps);
  const rooms: Rooms = new Rooms({
    ...{ ...deps, listing, changes: listing.changes },
    mayDiffer: (person) => presence.watches.doubt(person),
  });
  const people = new People({ ...deps, listing, rooms });
  const presence: Presence = new Presence({ ...deps, people, process });
  const tickets = createTickets({ db, clock: deps.clock });
  const deeds = new Deeds({
    ...{ ...deps, people, rooms, presence },
    tellTyping(typing) {
      rooms.typing(typing);
      channel.publish(lines.typing(typing));
    },
    passOn: (session, account, frame) =>
      channel.publish(lines.frame({ session, account, frame: JSON.stringify(frame) })),
  });
  const desk = new Desk({ ...deps, tickets, people, presence, deeds, process });
  const heard: Heard = {
    change: (change) => rooms.take(change),
    receipts: (id, receiptsRev, frame) => rooms.receipts(id, receiptsRev, frame),
    typing: (typing) => rooms.typing(typing),
    own: (changes) => people.own(changes),
    frame: (forwarded) => perform(deps, desk, deeds, forwarded),
    cares: (id) => rooms.get(id) !== undefined,
  };
  const channel: Channel = realtime.openChannel(channelName, (line) => hear(line, heard));
  const pace = new ReceiptPace((receipts) => {
    const frame = JSON.stringify({ type: "receipt", ...receipts });
    rooms.receipts(receipts.conversation_id, receipts.receipts_rev, frame);
    channel.publish(lines.receipts(receipts, frame));
  });
  const polls = new Polls({ ...deps, listing, rooms, people, tickets });
  const change = (one: Change) => {
    rooms.take(one);
    channel.publish(lines.change(one));
  };

  return {
    message({ message, top_seq, members_rev }) {
      const { rev, seq } = message;
      const frame = JSON.stringify({ type: "message", rev, message });
      const id = message.conversation_id;
      change({ id, rev, topSeq: top_seq, membersRev: members_rev, seq, frame });
    },
    conversation: (told) => change(changeOf(told)),
    receipts: (receipts: Receipts) => pace.add(receipts),
    own(changes) {
      people.own(changes);
      channel.publish(lines.own(changes));
    },
    routes: liveRoutes({ ...deps, desk, deeds, tickets }),
    protocols: [{ path, connect: (address) => desk.newSession(address) }],
    async start() {
      presence.start();
      polls.start();
    },
    async stop() {
      await polls.stop();
      pace.stop();
      rooms.stop();
      people.stop();
      await presence.stop();
      channel.end();
    },
  };
}

function changeOf(told: { conversation: Conversation }): Change {
  const { id, rev, top_seq: topSeq, members_rev: membersRev } = told.conversation;
  const frame = JSON.stringify({ type: "conversation", rev, ...told });
  return { id, rev, topSeq, membersRev, seq: 0, frame };
}

function lateListing({ ports }: LiveDeps): Listing {
  return {
    pages: (...args) => ports().listing.pages(...args),
    some: (...args) => ports().listing.some(...args),
    selfRev: (...args) => ports().listing.selfRev(...args),
    selfRevs: (...args) => ports().listing.selfRevs(...args),
    tops: (...args) => ports().listing.tops(...args),
    members: (...args) => ports().listing.members(...args),
    isMember: (...args) => ports().listing.isMember(...args),
    changes: (...args) => ports().listing.changes(...args),
  };
}

/** Posted to another process, which asked who it is; what is wrong nobody waits to hear. */
function perform(deps: LiveDeps, desk: Desk, deeds: Deeds, forwarded: Forwarded): void {
  const session = desk.find(forwarded.session);
  if (!session?.principal || session.principal.account_id !== forwarded.account) return;
  const read = checkFrame(JSON.parse(forwarded.frame));
  if ("error" in read) return;
  const by = { principal: session.principal, deviceId: session.deviceId, session };
  deeds.perform(by, read.frame).catch((error: unknown) => {
    deps.log.debug("a frame of another process failed", { error });
  });
}
