import { requireScope, type Principal, type Scope } from "../../../platform/auth/principal.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import { AppError, errorStatus } from "../../../platform/errors/errors.ts";
import type { Counter, Histogram, Metrics } from "../../../platform/metrics/metrics.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Listing, Marking, Sending, Top } from "../ports.ts";
import type { ClientFrame, ServerFrame } from "../protocol.ts";
import type { People } from "./people.ts";
import type { Person } from "./person.ts";
import type { Presence } from "./presence.ts";
import type { Room } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { Session } from "./session.ts";
import { areBlocked, membersAmong } from "./store.ts";
import type { Typing } from "./wire.ts";

/** What each frame of a client does, whether it came on a connection or was posted. */
export type DeedsDeps = {
  db: Db;
  clock: Clock;
  metrics: Metrics;
  limits: Limits;
  people: People;
  rooms: Rooms;
  presence: Presence;
  ports(): { sending: Sending; marking: Marking; listing: Listing };
  /** To all processes, this one too. */
  tellTyping(typing: Typing): void;
  /** A frame for a session of another process. */
  passOn(sessionId: string, account: string, frame: ClientFrame): void;
};

export type By = {
  principal: Principal;
  deviceId: string;
  /** Null where the frame was posted, and its session is elsewhere or there is none. */
  session: Session | null;
  sessionId?: string;
};

type Frame<T extends ClientFrame["type"]> = Extract<ClientFrame, { type: T }>;

/** A conversation that moved longer ago is told by no beat: every socket knows of it. */
const movedMsMax = 60_000;
const typingEveryMs = 1_000;
const framesRule = "chat.frames";

const scopes: Record<Exclude<ClientFrame["type"], "hello">, Scope> = {
  send: "chat:create",
  receipt: "chat:write",
  typing: "chat:create",
  presence: "chat:read",
  watch: "chat:read",
  ping: "chat:read",
};

export class Deeds {
  private readonly deps: DeedsDeps;
  private readonly counts: Record<keyof typeof scopes, Counter>;
  private readonly sendSeconds: Histogram;
  private readonly sendsFailed: Counter;

  constructor(deps: DeedsDeps) {
    this.deps = deps;
    const help = "Frames that clients sent.";
    const count = (type: string) => deps.metrics.counter("stoa_chat_frames_total", help, { type });
    this.counts = {
      ...{ send: count("send"), receipt: count("receipt"), typing: count("typing") },
      ...{ presence: count("presence"), watch: count("watch"), ping: count("ping") },
    };
    const { metrics } = deps;
    const untilAck = "From the frame of a message to its acknowledgement.";
    this.sendSeconds = metrics.histogram("stoa_chat_send_seconds", untilAck);
    const failed = "Messages that were not stored, and not because of what they are.";
    this.sendsFailed = metrics.counter("stoa_chat_sends_failed_total", failed);
  }

  /** Resolves to the answer, null where there is none. Throws what is wrong. */
  async perform(by: By, frame: ClientFrame): Promise<ServerFrame | null> {
    if (frame.type === "hello") {
      throw new AppError("request.invalid", "type: hello is said on a connection", {
        fields: [{ field: "type", message: "hello is said on a connection" }],
      });
    }
    requireScope(by.principal, scopes[frame.type]);
    if (frame.type === "ping" && by.session?.person) return this.beat(by.session.person);
    this.counts[frame.type].add();
    const { account_id: user, tier } = by.principal;
    if (frame.type === "ping") {
      return { type: "beat", self_rev: await this.deps.ports().listing.selfRev(user), tops: [] };
    }
    const verdict = this.deps.limits.take(framesRule, { user, tier });
    const { refusal } = verdict instanceof Promise ? await verdict : verdict;
    if (refusal) throw refusal;
    if (frame.type === "send") return await this.send(by, frame);
    if (frame.type === "receipt") await this.mark(by, frame);
    else if (frame.type === "typing") await this.typing(by, frame);
    else if (by.session === null) this.passOn(by, frame);
    else if (frame.type === "presence") await this.presence(by.session, frame);
    else await this.watch(by.session, frame);
    return null;
  }

  /** Where the conversations of a person stand: all, or those that moved lately. */
  tops(person: Person, { all = false } = {}): { self_rev: number; tops: Top[] } {
    const since = all ? Number.NEGATIVE_INFINITY : this.deps.clock.monotonic() - movedMsMax;
    return { self_rev: person.selfRev, tops: person.topsMovedSince(since) };
  }

  /** To one who has said hello, and so may read. */
  beat(person: Person): ServerFrame {
    this.counts.ping.add();
    return { type: "beat", ...this.tops(person) };
  }

  private async send({ principal }: By, frame: Frame<"send">): Promise<ServerFrame> {
    const { clock } = this.deps;
    const { type: _, ...message } = frame;
    const began = clock.monotonic();
    try {
      const ack = await this.deps.ports().sending.send(principal, message);
      this.sendSeconds.observe((clock.monotonic() - began) / 1_000);
      return ack;
    } catch (error) {
      const refused = error instanceof AppError && errorStatus[error.code] < 500;
      if (!refused) this.sendsFailed.add();
      throw error;
    }
  }

  private async mark({ principal, deviceId }: By, frame: Frame<"receipt">): Promise<void> {
    const by = { account_id: principal.account_id, device_id: deviceId };
    const { type: _, ...what } = frame;
    await this.deps.ports().marking.mark(by, what);
  }

  private async typing(by: By, { conversation_id: id, on }: Frame<"typing">): Promise<void> {
    const { account_id } = by.principal;
    const { session } = by;
    const now = this.deps.clock.monotonic();
    const first = session === null || session.typedIn !== id;
    if (session !== null) {
      if (on && !first && now - session.typedAt < typingEveryMs) return;
      session.typedIn = on ? id : "";
      session.typedAt = now;
    }
    const room = this.deps.people.get(account_id)?.seatAt(id)?.room;
    const membersRev = room?.membersRev ?? (await this.requireMember(id, account_id));
    if (on && first && (await this.isUnwelcome(room))) return;
    const frame: ServerFrame = { type: "typing", conversation_id: id, account_id, on };
    this.deps.tellTyping({ id, membersRev, frame: JSON.stringify(frame) });
  }

  private async isUnwelcome(room: Room | undefined): Promise<boolean> {
    const pair = room?.pair ?? null;
    return pair !== null && (await areBlocked(this.deps.db, pair));
  }

  private async requireMember(id: string, account: string): Promise<number> {
    const among = await membersAmong(this.deps.db, id, [account]);
    if (!among?.members.has(account)) throw notFound();
    return among.membersRev;
  }

  private async presence(session: Session, frame: Frame<"presence">): Promise<void> {
    const { person } = session;
    if (person === null) return;
    if (frame.status) await this.deps.presence.setStatus(person, session, frame.status);
    if (frame.watch) await this.deps.presence.watches.replace(session, frame.watch);
  }

  private async watch(
    session: Session,
    { conversation_id: id, on }: Frame<"watch">,
  ): Promise<void> {
    const { person } = session;
    if (person === null) return;
    if (on) {
      if (!(await this.deps.people.look(person, session, id))) throw notFound();
      return;
    }
    const seat = person.seatAt(id);
    if (seat) this.deps.rooms.lookAway(seat, session);
  }

  private passOn({ sessionId, principal }: By, frame: ClientFrame): void {
    if (sessionId === undefined) {
      const message = "session_id: this frame is about an event stream, that of `welcome`";
      const fields = [{ field: "session_id", message }];
      throw new AppError("request.invalid", message, { fields });
    }
    this.deps.passOn(sessionId, principal.account_id, frame);
  }
}

function notFound(): AppError {
  return new AppError("chat.not_found", "There is no such conversation.");
}
