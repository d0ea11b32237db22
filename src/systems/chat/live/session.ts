import type { Principal } from "../../../platform/auth/principal.ts";
import { Connection } from "../../../platform/realtime/realtime.ts";
import type { Watcher } from "../../accounts/contract.ts";
import { closeCodes, type ServerFrame } from "../protocol.ts";
import type { Desk } from "./desk.ts";
import type { Person } from "./person.ts";

/**
 * One device of one person, connected to this process by a WebSocket or an event stream. What it
 * does is done by the desk, which all sessions share; here is only what each has of its own.
 */
export class Session extends Connection implements Watcher {
  readonly desk: Desk;
  /** Counts the sessions of this process. */
  readonly number: number;
  principal: Principal | null = null;
  person: Person | null = null;
  deviceId = "";
  /** An event stream says nothing itself: it lives as long as its connection. */
  isStream = false;
  /** All is listed, and what follows is told as it comes. */
  ready = false;
  /** Own changes came while it was not ready. */
  missed = false;
  toldSelf = 0;
  status: "active" | "away" = "active";
  /** Whose presence it asked for, and whose it may be told. */
  watched: readonly string[] = nobody;
  seen: readonly string[] = nobody;
  /** What it asked for that is not answered. */
  unanswered = 0;
  greeting = false;
  bad = 0;
  refused = 0;
  /** Frames that it may still send before it has to wait, and as of when. */
  room: number;
  filledAt: number;
  openedAt: number;
  heardAt: number;
  typedAt = -Infinity;
  typedIn = "";

  constructor(desk: Desk, address: string, { number, now, room }: Birth) {
    super(address);
    this.desk = desk;
    this.number = number;
    this.room = room;
    this.filledAt = this.openedAt = this.heardAt = now;
  }

  opened(): void {}

  received(text: string | null): void {
    this.desk.received(this, text);
  }

  closed(): void {
    this.desk.closed(this);
  }

  resync(): void {
    this.desk.resync(this);
  }

  /** Told for good that it is signed out, a client would not come back by itself. */
  ended(certain: boolean): void {
    this.closeFor(certain ? "signed_out" : "unavailable");
    this.desk.closed(this);
  }

  drain(delayMs: number): void {
    this.tell({ type: "drain", delay_ms: delayMs });
  }

  isBusy(): boolean {
    return this.unanswered > 0;
  }

  check(now: number): void {
    this.desk.check(this, now);
  }

  tell(frame: ServerFrame): void {
    this.send(JSON.stringify(frame));
  }

  closeFor(why: keyof typeof closeCodes): void {
    this.close(closeCodes[why], why);
  }
}

type Birth = { number: number; now: number; room: number };

const nobody: readonly string[] = [];
