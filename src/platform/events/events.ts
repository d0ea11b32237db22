import type { z } from "zod";
import type { Reader, Writer } from "../db/db.ts";

/** A fact that happened in a system, named in the past tense: `links.created`. */
export type StoaEvent<T = unknown> = {
  id: string;
  type: string;
  /** The account it concerns: its webhooks are told, unless its type has an `Audience`. */
  owner_id: string | null;
  occurred_at: string;
  data: T;
};

export type EventType<T> = { type: string; schema: z.ZodType<T>; summary: string };

/**
 * Who may be told of the events of a type that concern more people than their owner. It is asked
 * when an event is handed out, and again before each delivery: it answers as things are by then.
 */
export type Audience = {
  type: string;
  /** Those of the accounts who may be told. */
  among(data: unknown, accountIds: readonly string[]): Promise<ReadonlySet<string>>;
};

/** A durable consumer. It gets every event of its types at least once, in no promised order. */
export type Subscription = {
  /** Stays the same over releases: it is the consumer's identity. */
  name: string;
  /** Exact types, or a prefix such as `links.*`, or `*`. */
  types: string[];
  backoffSeconds?: readonly number[];
  /**
   * Picks those of a batch that are worth a job, where most are not. Only an economy: `handle`
   * still decides, and an event may reach it without having been picked.
   */
  narrow?(events: StoaEvent[]): Promise<StoaEvent[]>;
  handle(event: StoaEvent, signal: AbortSignal): Promise<void>;
};

export interface Events {
  /** Writes the event into the outbox in the caller's transaction. Returns its id. */
  publish<T>(tx: Writer, type: EventType<T>, event: NewEvent<T>): string;
  /** The same for many of one type, by one statement. Their ids are in their order. */
  publishAll<T>(tx: Writer, type: EventType<T>, events: NewEvent<T>[]): string[];
}

export type NewEvent<T> = { owner_id: string | null; data: T };

/** The events block as the composition root and administrators see it. */
export type Outbox = Events & {
  register(subscriptions: Subscription[]): void;
  /** Events that were handed out, newest first. */
  list(reader: Reader, filter: EventFilter): Promise<StoaEvent[]>;
  /**
   * Hands an event out again, with the same id: to one subscription or to all of its type.
   * Returns how many that is. Throws `events.not_found`.
   */
  replay(tx: Writer, id: string, subscription?: string): Promise<number>;
  /** Hands out and handles everything that is due. For tests. */
  settle(): Promise<void>;
};

export type EventFilter = {
  type?: string | undefined;
  owner_id?: string | undefined;
  /** The id of the last one seen. */
  cursor?: string | undefined;
  limit: number;
};

/** All patterns that match this type. */
export function patternsOf(type: string): string[] {
  const parts = type.split(".");
  const prefixes = parts.slice(1).map((_, n) => `${parts.slice(0, n + 1).join(".")}.*`);
  return ["*", ...prefixes, type];
}

/** Whether an event's type is among exact types, `links.*` for all below a prefix, `*` for all. */
export function matchesType(patterns: readonly string[], type: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*" || pattern === type) return true;
    return pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1));
  });
}
