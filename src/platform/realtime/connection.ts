import type { Ladder } from "./ladder.ts";
import type { Transport } from "./transport.ts";

/**
 * One client. A protocol extends it with what it knows of the client, so that a socket is one
 * object; there are tens of thousands, so it has no closure, timer or map of its own.
 */
export abstract class Connection {
  /** Set as it opens; null before and after. */
  transport: Transport | null = null;
  ladder: Ladder | null = null;
  /** The visitor's, until it has proved who it is. */
  address: string;
  proved = false;
  /** How far up the ladder of slow readers it stands. */
  step: Step = 0;
  /** Monotonic milliseconds since when it stands there. */
  stepSince = 0;
  /** Topics that it hears again once it has caught up. */
  held: Set<string> | null = null;
  /** The last frame of each key that it gets once it has caught up. */
  owed: Map<string, string> | null = null;

  constructor(address: string) {
    this.address = address;
  }

  abstract opened(): void;
  /** Null for a message that is no text. */
  abstract received(text: string | null): void;
  /** Called once, whoever ended it. */
  abstract closed(code: number): void;
  /** Its backlog was given up, and it hears its topics again: tell it where things stand. */
  abstract resync(): void;
  /** This process ends: tell it to come back after `delayMs`. */
  abstract drain(delayMs: number): void;
  /** Whether something it asked for is still being done. */
  abstract isBusy(): boolean;
  /** Called about once a second: too late, too silent? */
  abstract check(now: number): void;

  /** To this one alone, and never dropped. */
  send(frame: string): void {
    if (this.transport === null) return;
    this.transport.send(frame);
    this.ladder?.wrote(frame.length);
  }

  follow(topic: string): void {
    this.ladder?.follow(this, topic);
  }

  leave(topic: string): void {
    this.ladder?.leave(this, topic);
  }

  close(code: number, reason: string): void {
    this.transport?.close(code, reason);
  }

  /** Resolves when there is room to write more, and at once where there is; false: it is gone. */
  writable(): Promise<boolean> | boolean {
    if (this.transport === null) return false;
    return this.ladder?.writable(this) ?? true;
  }
}

/** 0 keeps up; 1 has what may be dropped dropped; 2 waits for its resync; 3 is being closed. */
export type Step = 0 | 1 | 2 | 3;
