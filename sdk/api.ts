import { follow } from "./events.ts";
import { Listing, type Page } from "./listing.ts";
import { createTransport, type Call, type CallOptions, type StoaOptions } from "./transport.ts";
import type { Operations } from "./types.ts";

/** The verbs that the resources are made of. */
export type Body<K extends keyof Operations> = Operations[K]["body"];
export type Query<K extends keyof Operations> = Operations[K]["query"];
/** What a list is narrowed by; its pages are turned by `Listing`. */
export type Filter<K extends keyof Operations> = Omit<NonNullable<Query<K>>, "cursor">;
export type Reply<K extends keyof Operations> = Operations[K]["reply"];

/** Puts a value into a path; what it holds can never become another path. */
export function segment(value: string): string {
  return encodeURIComponent(value);
}

export type Caller = ReturnType<typeof callerOf>;

export function callerOf(settings: StoaOptions) {
  const transport = createTransport(settings);
  const send = <T>(call: Call) => transport.json<T>({ ...call, path: `/api/v1${call.path}` });
  return {
    transport,
    get: <T>(path: string, query?: object, options: CallOptions = {}) =>
      send<T>({ ...options, method: "GET", path, query }),
    /** A call that may be sent again because the server knows its key. */
    create: <T>(path: string, body: unknown, options: CallOptions = {}) =>
      send<T>({ ...options, method: "POST", path, body, idempotent: true }),
    post: <T>(path: string, body?: unknown, options: CallOptions = {}) =>
      send<T>({ ...options, method: "POST", path, body }),
    patch: <T>(path: string, body: unknown, options: CallOptions = {}) =>
      send<T>({ ...options, method: "PATCH", path, body }),
    delete: (path: string, options: CallOptions = {}) =>
      send<void>({ ...options, method: "DELETE", path }),
    send,
    list: <T>(path: string, query: object = {}, options: CallOptions = {}) =>
      new Listing<T>(({ cursor, signal }) =>
        send<Page<T>>({
          ...options,
          method: "GET",
          path,
          query: { ...query, ...(cursor ? { cursor } : {}) },
          ...(signal ? { signal } : {}),
        }),
      ),
    response: (call: Call) => transport.response({ ...call, path: `/api/v1${call.path}` }),
    events: (path: string, options: CallOptions = {}) =>
      follow(transport, { ...options, method: "GET", path: `/api/v1${path}` }),
  };
}
