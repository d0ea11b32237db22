import { z } from "zod";
import type { Principal, Scope } from "../auth/principal.ts";
import type { TimedReader, Writer } from "../db/db.ts";
import type { ErrorCode } from "../errors/errors.ts";
import type { Grouped, WriteGroup } from "./write-group.ts";

/**
 * A route is a value: what it takes, who may call it, what it answers and the function that
 * does it. The server, the OpenAPI document, the generated SDK types and the generated attack
 * tests are all made from the list of these values, so none of them can forget one.
 */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** `public` asks nobody; `member` any account; `admin` the admin role. */
export type Access = "public" | "member" | "admin";

export type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | Response;

/** A body that is JSON already, and is sent as it stands. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Context<P = unknown, Q = unknown, B = unknown> = {
  params: P;
  query: Q;
  body: B;
  request: Request;
  url: URL;
  /** The visitor's address, believed from a proxy only when that proxy is trusted. */
  address: string;
  requestId: string;
  /** Null only on public routes called without credentials. */
  caller: Principal | null;
  /** The proved caller; a public route must not ask for it without one. */
  principal: Principal;
  /** Reads that may lag, never behind this caller's own writes. */
  reader: TimedReader;
  /**
   * One transaction. On an idempotent route the key and the reply are stored in the same
   * transaction, so the reply returned from `work` is what every retry gets.
   */
  write(work: (tx: Writer) => Promise<Reply>): Promise<Reply>;
  /** The same, in a transaction shared with what others ask of the group at that moment. */
  writeTogether<In>(group: WriteGroup<In>, one: Grouped<In>): Promise<Reply>;
  /** Aborted when the client goes away or the time is up. */
  signal: AbortSignal;
};

export type RouteSpec<P, Q, B> = {
  method: Method;
  /** With parameters in braces: `/api/v1/links/{id}`. */
  path: string;
  summary: string;
  /** The system it belongs to; also the group in the API reference. */
  tag: string;
  access: Access;
  /** Required unless public. */
  scope?: Scope;
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  body?: z.ZodType<B>;
  /**
   * A cheaper test, for bodies of very many small things: true only for what `body` takes as it
   * stands. The rest is left to `body`, which says what is wrong.
   */
  bodyFits?(value: unknown): boolean;
  /** Content type of the body where it is not JSON; the handler then reads `request` itself. */
  rawBody?: string;
  bodyBytesMax?: number;
  /** Honours `Idempotency-Key`. */
  idempotent?: boolean;
  /** Success statuses with their body schema; null is no body, strings are other media types. */
  replies: Record<number, z.ZodType | string | string[] | null>;
  /** The codes it may answer besides those that every route may. */
  errors?: ErrorCode[];
  /** No time limit and no place in the in-flight count: for event streams. */
  stream?: boolean;
  handler(context: Context<P, Q, B>): Promise<Reply> | Reply;
};

export type Route = RouteSpec<unknown, unknown, unknown>;

/** Types a route's handler by its schemas. */
export function route<P = Record<string, never>, Q = Record<string, never>, B = undefined>(
  spec: RouteSpec<P, Q, B>,
): Route {
  return spec as unknown as Route;
}

/** Ids are 64-bit numbers and travel as strings. */
export const idSchema = z
  .string()
  .regex(/^[1-9]\d{0,18}$/, "an id is a number as a string")
  // Of equal length, text orders as the numbers do; PostgreSQL refuses anything above this.
  .refine((id) => id.length < 19 || id <= "9223372036854775807", "an id is a 64-bit number");

// By code points: they stand in the OpenAPI, and most languages' expressions have no `\p{Cc}`.
const nul = String.raw`\u0000`;
const controls = String.raw`\u0000-\u001f\u007f-\u009f`;
const halvesOfPairs = String.raw`\ud800-\udfff`;
const oneLine = new RegExp(`^[^${controls}${halvesOfPairs}]*$`, "u");
const severalLines = new RegExp(`^[^${nul}${halvesOfPairs}]*$`, "u");

/** What may be shown on one line. */
export const lineSchema = (charactersMax: number) =>
  z.string().trim().max(charactersMax).regex(oneLine, "no control characters");

/** Several lines are fine. */
export const textSchema = (charactersMax: number) =>
  z
    .string()
    .trim()
    .max(charactersMax)
    .regex(severalLines, "no NUL and no half of a surrogate pair");

/** PostgreSQL has no year 0, and JavaScript spells years above 9999 in a way of its own. */
const earliest = Date.parse("0001-01-01T00:00:00Z");
const latest = Date.parse("9999-12-31T23:59:59.999Z");

export const timeSchema = z.iso
  .datetime({ offset: true })
  .refine(
    (text) => Date.parse(text) >= earliest && Date.parse(text) <= latest,
    "a time in the years 1 to 9999",
  );

/** Keyset pages: `next_cursor` is null on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next_cursor: z.string().nullable() });
}

export const pageQuery = z.object({
  cursor: z.string().max(500).optional().describe("`next_cursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(100).default(25),
});

/** RFC 9457 problem details, as every error answers. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  request_id: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  rule: z
    .string()
    .optional()
    .describe("The rule that refused, where one did, and when to come back."),
  retry_after_ms: z.number().optional(),
});
