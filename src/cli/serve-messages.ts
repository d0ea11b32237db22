import type { EmbeddedPostgres } from "../platform/db/embedded.ts";
import type { Greeting } from "./serve-greeting.ts";

/** What the supervisor and its processes say to each other. */
export type ToProcess =
  /** Said first; `connection` leads to the embedded PostgreSQL, if there is one. */
  | { kind: "start"; connection: EmbeddedPostgres["app"] | null }
  /** Asks for the metrics of this process alone. */
  | { kind: "render"; ask: number }
  /** Asks for the same back. */
  | { kind: "beat" }
  /** The answer to `collect`. */
  | { kind: "merged"; text: string };

export type FromProcess =
  /** It listens. */
  | { kind: "ready"; greeting: Greeting }
  /** Its event loop turns. */
  | { kind: "beat" }
  | { kind: "rendered"; ask: number; text: string }
  /** Asks for the metrics of all processes. */
  | { kind: "collect" };

/** What a process may take beyond the grace to end, before it is ended. */
export const overdueMs = 3_000;
