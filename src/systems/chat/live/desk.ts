import { requireScope, type Authenticate } from "../../../platform/auth/principal.ts";
import type { Clock } from "../../../platform/clock/clock.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Counter, Metrics } from "../../../platform/metrics/metrics.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Principal } from "../../../platform/auth/principal.ts";
import { protocolVersion, type ClientFrame } from "../protocol.ts";
import {
  badFramesMax,
  chargeFrame,
  framesBurst,
  heartbeatMs,
  helloMsMax,
  linesPerMessageMax,
  refusedFramesMax,
  sessionMsMax,
  silentMsMax,
  unansweredMax,
} from "./bounds.ts";
import type { Deeds } from "./deeds.ts";
import { errorFrame, readFrame, refOf } from "./frames.ts";
import type { People } from "./people.ts";
import type { Presence } from "./presence.ts";
import { Session } from "./session.ts";
import type { Tickets } from "./tickets.ts";

/**
 * Receives what sessions send. Whatever is wrong is answered by an `error` frame; a connection is
 * closed only when it does not stop, or nobody says who it is.
 */
export type DeskDeps = {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  realtime: Realtime;
  authenticate: Authenticate;
  accounts: Pick<Accounts, "watch" | "unwatch">;
  tickets: Tickets;
  people: People;
  presence: Presence;
  deeds: Deeds;
  /** Names this process to clients and to other processes. */
  process: string;
};

/** As clients write it, all the time: not read like a stranger's. */
const ping = '{"type":"ping"}';
type Hello = Extract<ClientFrame, { type: "hello" }>;

export class Desk {
  private readonly deps: DeskDeps;
  /** By number: a name for each would be held for as long as its session. */
  private readonly sessions = new Map<number, Session>();
  private readonly errors: Counter;
  private births = 0;

  constructor(deps: DeskDeps) {
    this.deps = deps;
    this.errors = deps.metrics.counter("stoa_chat_error_frames_total", "Error frames sent.");
  }

  newSession(address: string): Session {
    const now = this.deps.clock.monotonic();
    return new Session(this, address, { number: ++this.births, now, room: framesBurst });
  }

  idOf(session: Session): string {
    return `${this.deps.process}-${session.number}`;
  }

  find(id: string): Session | undefined {
    const { process } = this.deps;
    if (!id.startsWith(`${process}-`)) return undefined;
    return this.sessions.get(Number(id.slice(process.length + 1)));
  }

  received(session: Session, text: string | null): void {
    session.heardAt = this.deps.clock.monotonic();
    if (text === null) {
      const error = new AppError("request.malformed_json", "Frames are text, and JSON.");
      return this.bad(session, error);
    }
    if (!text.includes("\n")) return this.take(session, text);
    const frames = text.split("\n", linesPerMessageMax + 1);
    if (frames.length > linesPerMessageMax) {
      const message = `A message may have ${linesPerMessageMax} lines, each of them a frame.`;
      return this.bad(session, new AppError("request.too_large", message));
    }
    for (const frame of frames) if (frame !== "") this.take(session, frame);
  }

  closed(session: Session): void {
    this.deps.accounts.unwatch(session);
    this.sessions.delete(session.number);
    const { person } = session;
    if (person === null) return;
    this.deps.presence.watches.end(session);
    session.person = null;
    if (this.deps.people.leave(person, session)) this.deps.presence.left(person);
  }

  resync(session: Session): void {
    const { person } = session;
    if (person === null) return;
    session.tell({ ...this.deps.deeds.tops(person, { all: true }), type: "resync" });
    // Who came and went meanwhile is in no top.
    this.deps.presence.watches.doubt(person);
  }

  check(session: Session, now: number): void {
    if (session.person === null) {
      const late = !session.greeting && now - session.openedAt > helloMsMax;
      if (late) session.closeFor("hello_late");
      return;
    }
    // Spread, so that those who came together do not come back together.
    const life = sessionMsMax + (session.number % 600) * 1_000;
    if (now - session.openedAt > life && !session.isBusy()) session.closeFor("draining");
    else if (session.isStream && now - session.heardAt >= heartbeatMs) this.beat(session, now);
    else if (now - session.heardAt > silentMsMax) session.closeFor("silent");
  }

  /** Lets somebody in whose credentials were proved. */
  async enter(session: Session, principal: Principal, deviceId: string): Promise<void> {
    const { people, presence, realtime, clock } = this.deps;
    requireScope(principal, "chat:read");
    session.principal = principal;
    session.deviceId = deviceId;
    this.deps.accounts.watch(session);
    realtime.prove(session);
    this.sessions.set(session.number, session);
    const person = people.join(principal.account_id, session);
    session.person = person;
    const welcome = (self_rev: number) =>
      session.tell({
        ...{ type: "welcome", v: protocolVersion, account_id: person.id, self_rev },
        ...{ session_id: this.idOf(session), heartbeat_ms: heartbeatMs },
        server_time: new Date(clock.now()).toISOString(),
      });
    await Promise.all([people.list(person, session, welcome), presence.arrived(person)]);
  }

  /** Streams say nothing, so they are told where things stand unasked. */
  private beat(session: Session, now: number): void {
    session.heardAt = now;
    if (session.person) session.tell({ ...this.deps.deeds.tops(session.person), type: "beat" });
  }

  private take(session: Session, text: string): void {
    let ref: string | undefined;
    try {
      chargeFrame(session, this.deps.clock.monotonic());
      if (text === ping && session.person !== null) {
        return session.tell(this.deps.deeds.beat(session.person));
      }
      const read = readFrame(text);
      if ("error" in read) return this.bad(session, read.error, read.ref);
      const { frame } = read;
      ref = refOf(frame);
      if (frame.type === "hello") return void this.greet(session, frame);
      if (session.principal === null || session.person === null) {
        throw new AppError("auth.required", "The first frame is `hello`.");
      }
      if (session.unanswered >= unansweredMax) {
        const message = `${unansweredMax} frames of this connection wait for their answer.`;
        throw new AppError("request.rate_limited", message, { retryAfterSeconds: 1 });
      }
      void this.perform(session, frame, ref);
    } catch (error) {
      this.fail(session, error, ref);
      if (session.refused > refusedFramesMax) session.closeFor("too_many_frames");
    }
  }

  private async perform(session: Session, frame: ClientFrame, ref?: string): Promise<void> {
    session.unanswered++;
    try {
      const principal = session.principal as Principal;
      const by = { principal, deviceId: session.deviceId, session };
      const answer = await this.deps.deeds.perform(by, frame);
      if (answer !== null) session.tell(answer);
    } catch (error) {
      this.fail(session, error, ref);
    } finally {
      session.unanswered--;
    }
  }

  private async greet(session: Session, hello: Hello): Promise<void> {
    if (session.greeting || session.person !== null) {
      const message = "type: this connection has said hello already";
      const fields = [{ field: "type", message }];
      return this.bad(session, new AppError("request.invalid", message, { fields }));
    }
    session.greeting = true;
    session.unanswered++;
    try {
      const principal = await this.whoIs(session, hello);
      if (session.transport === null) return;
      await this.enter(session, principal, hello.device_id);
    } catch (error) {
      this.fail(session, error);
      const known = error instanceof AppError && error.code.startsWith("auth.");
      session.closeFor(known ? "not_signed_in" : "unavailable");
    } finally {
      session.unanswered--;
      session.greeting = false;
    }
  }

  private async whoIs(session: Session, { token, ticket }: Hello): Promise<Principal> {
    if ((token === undefined) === (ticket === undefined)) {
      throw new AppError("auth.required", "hello has a token or a ticket, one of both.");
    }
    const given = token ?? (await this.deps.tickets.redeem(ticket as string));
    if (!/^[\x21-\x7e]+$/.test(given)) {
      throw new AppError("auth.invalid_token", "token: an access token or an API key");
    }
    const headers = { authorization: `Bearer ${given}` };
    const request = new Request("http://hello.invalid/", { headers });
    const principal = await this.deps.authenticate(request, session.address);
    if (principal === null) throw new AppError("auth.required", "hello has no token.");
    return principal;
  }

  /** Frames that nobody can read. */
  private bad(session: Session, error: unknown, ref?: string): void {
    this.fail(session, error, ref);
    if (++session.bad > badFramesMax) session.closeFor("bad_frames");
  }

  private fail(session: Session, error: unknown, ref?: string): void {
    const frame = errorFrame(error, ref);
    if (frame.code === "server.internal") this.deps.log.error("a frame failed", { error });
    this.errors.add();
    session.tell(frame);
  }
}
