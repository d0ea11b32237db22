/** What the package gives: the client, its errors and the shapes of everything it answers. */
export { createChat } from "./chat/chat.ts";
export type * from "./chat/client.ts";
export type * from "./chat/frames.ts";
export { indexedDbStorage } from "./chat/indexed-db.ts";
export { memoryStorage, type ChatStorage } from "./chat/storage.ts";
export type * from "./chat/view.ts";
export { createStoa, type Stoa } from "./client.ts";
export {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  RateLimitedError,
  ServerError,
  StoaConnectionError,
  StoaError,
  UnauthenticatedError,
  type FieldProblem,
} from "./errors.ts";
export type { ImportOptions, ImportProgress } from "./import.ts";
export type { LiveClicks } from "./links.ts";
export type { Listing, Page, PageOptions } from "./listing.ts";
export type { CallOptions, StoaOptions } from "./transport.ts";
export type * from "./types.ts";
export * from "./verify-webhook.ts";
