import { afterEach, describe, expect, test } from "bun:test";
import { parseEvents } from "./events.ts";
import { ConflictError, RateLimitedError, StoaConnectionError, StoaError } from "./errors.ts";
import { Listing } from "./listing.ts";
import { createTransport, type StoaOptions } from "./transport.ts";

/** A real server whose every answer is written by the test; it keeps what it was sent. */
type Seen = { method: string; headers: Headers; body: string; url: URL };
const servers: { stop(force: boolean): void }[] = [];

function serve(...answers: ((request: Request) => Response | Promise<Response>)[]) {
  const seen: Seen[] = [];
  const server = Bun.serve({
    port: 0,
    async fetch(request) {
      const { method, headers } = request;
      seen.push({ method, headers, body: await request.text(), url: new URL(request.url) });
      const answer = answers[Math.min(seen.length, answers.length) - 1];
      return await (answer as (request: Request) => Response)(request);
    },
  });
  servers.push(server);
  const connect = (options: StoaOptions = {}) =>
    createTransport({ baseUrl: server.url.origin, apiKey: "key", backoffMs: 1, ...options });
  return { seen, connect };
}

afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true);
});

const ok = (body: unknown = { id: "1" }) => Response.json(body);
const fail = (status: number, code: string, headers: Record<string, string> = {}) =>
  Response.json(
    { title: "t", status, code, detail: `no: ${code}`, request_id: "r-1", errors: [] },
    { status, headers },
  );

describe("retries", () => {
  test("a create sends one idempotency key through every attempt", async () => {
    const { seen, connect } = serve(
      () => fail(503, "server.busy"),
      () => fail(500, "server.internal"),
      () => ok(),
    );
    const call = { method: "POST", path: "/x", body: { a: 1 }, idempotent: true } as const;
    expect(await connect().json<{ id: string }>(call)).toEqual({ id: "1" });
    const keys = seen.map((request) => request.headers.get("idempotency-key"));
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen.map((request) => request.body)).toEqual(Array(3).fill('{"a":1}'));
  });

  test("a success without a body is a success, whatever its status", async () => {
    for (const status of [200, 202, 204]) {
      const { seen, connect } = serve(() => new Response(null, { status }));
      const call = { method: "PATCH", path: "/x", body: {} } as const;
      expect(await connect().json<undefined>(call)).toBeUndefined();
      expect(seen).toHaveLength(1);
    }
  });

  test("two creates have two keys", async () => {
    const { seen, connect } = serve(() => ok());
    const transport = connect();
    for (let i = 0; i < 2; i++) {
      await transport.json({ method: "POST", path: "/x", body: {}, idempotent: true });
    }
    expect(new Set(seen.map((r) => r.headers.get("idempotency-key"))).size).toBe(2);
  });

  test("a change without a key is not sent twice after a server error", async () => {
    const { seen, connect } = serve(() => fail(503, "server.busy"));
    const call = connect().json({ method: "PATCH", path: "/x", body: {} });
    await expect(call).rejects.toMatchObject({ status: 503, code: "server.busy" });
    expect(seen).toHaveLength(1);
  });

  test("but it is after 429, which did nothing, and Retry-After is honoured", async () => {
    const { seen, connect } = serve(
      () => fail(429, "request.rate_limited", { "retry-after": "1" }),
      () => ok(),
    );
    const started = performance.now();
    await connect().json({ method: "PATCH", path: "/x", body: {} });
    expect(performance.now() - started).toBeGreaterThanOrEqual(1000);
    expect(seen).toHaveLength(2);
  });

  test("a Retry-After beyond the longest wait is told at once", async () => {
    const { seen, connect } = serve(() =>
      fail(429, "request.rate_limited", { "retry-after": "60" }),
    );
    const error = await connect()
      .json({ method: "GET", path: "/x" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RateLimitedError);
    expect((error as StoaError).retryAfterSeconds).toBe(60);
    expect(seen).toHaveLength(1);
  });

  test("gives up after the set number and tells the last error", async () => {
    const { seen, connect } = serve(() => fail(502, "outbound.failed"));
    const call = connect({ retries: 2 }).json({ method: "GET", path: "/x" });
    await expect(call).rejects.toMatchObject({ status: 502, requestId: "r-1" });
    expect(seen).toHaveLength(3);
  });

  test("a conflict is not tried again, but a create still in progress is", async () => {
    const { seen, connect } = serve(
      () => fail(409, "idempotency.in_progress"),
      () => fail(409, "links.alias_taken"),
    );
    const call = connect().json({ method: "POST", path: "/x", body: {}, idempotent: true });
    await expect(call).rejects.toBeInstanceOf(ConflictError);
    expect(seen).toHaveLength(2);
  });

  test("a delete whose first answer was lost succeeds when there is nothing left", async () => {
    const { connect } = serve(
      () => Promise.withResolvers<Response>().promise,
      () => fail(404, "links.not_found"),
    );
    const call = { method: "DELETE", path: "/x", timeoutMs: 300 } as const;
    expect(await connect().json<void>(call)).toBeUndefined();
  });

  test("and one that was never sent before does not", async () => {
    const { connect } = serve(() => fail(404, "links.not_found"));
    const call = connect().json({ method: "DELETE", path: "/x" });
    await expect(call).rejects.toMatchObject({ code: "links.not_found" });
  });
});

describe("time and ends", () => {
  test("a silent server is a connection error, each attempt with its own time", async () => {
    const { seen, connect } = serve(() => Promise.withResolvers<Response>().promise);
    const call = connect({ timeoutMs: 30, retries: 1 }).json({ method: "GET", path: "/x" });
    const error = await call.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StoaConnectionError);
    expect((error as StoaConnectionError).timedOut).toBe(true);
    expect(seen).toHaveLength(2);
  });

  test("an abort ends the wait between attempts with its own reason", async () => {
    const { seen, connect } = serve(() => fail(503, "server.busy", { "retry-after": "10" }));
    const stop = new AbortController();
    const call = connect().json({ method: "GET", path: "/x", signal: stop.signal });
    while (seen.length === 0) await Bun.sleep(1);
    stop.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow("changed my mind");
    expect(seen).toHaveLength(1);
  });

  test("nobody at the address", async () => {
    const transport = createTransport({ baseUrl: "http://127.0.0.1:1", retries: 0 });
    const call = transport.json({ method: "GET", path: "/x" });
    await expect(call).rejects.toBeInstanceOf(StoaConnectionError);
  });
});

describe("credentials and position", () => {
  test("a refused token is refreshed once and the call sent again", async () => {
    const asked: boolean[] = [];
    const getToken = ({ refresh }: { refresh: boolean }) => {
      asked.push(refresh);
      return refresh ? "new" : "old";
    };
    const { seen, connect } = serve(
      () => fail(401, "auth.invalid_token"),
      () => ok(),
    );
    await connect({ apiKey: "", getToken }).json({ method: "PATCH", path: "/x", body: {} });
    expect(asked).toEqual([false, true]);
    expect(seen.map((r) => r.headers.get("authorization"))).toEqual(["Bearer old", "Bearer new"]);
  });

  test("a token refused again is an error, not a loop", async () => {
    const { seen, connect } = serve(() => fail(401, "auth.invalid_token"));
    const call = connect({ getToken: () => "t", apiKey: "" }).json({ method: "GET", path: "/x" });
    await expect(call).rejects.toMatchObject({ name: "UnauthenticatedError" });
    expect(seen).toHaveLength(2);
  });

  test("the position of the last write goes back with the next read", async () => {
    const { seen, connect } = serve(
      () => Response.json({}, { headers: { "stoa-position": "0/16B3748" } }),
      () => ok(),
    );
    const transport = connect();
    await transport.json({ method: "POST", path: "/x", body: {} });
    await transport.json({ method: "GET", path: "/x" });
    expect(seen[0]?.headers.get("stoa-position")).toBeNull();
    expect(seen[1]?.headers.get("stoa-position")).toBe("0/16B3748");
  });

  test("an answer that is not problem details still is a typed error", async () => {
    const { connect } = serve(() => new Response("<h1>Bad gateway</h1>", { status: 418 }));
    const call = connect().json({ method: "GET", path: "/x" });
    await expect(call).rejects.toMatchObject({ code: "http.unexpected", status: 418 });
  });
});

describe("lists and events", () => {
  test("pages are read as they are asked for and end with the null cursor", async () => {
    const { seen, connect } = serve(
      () => ok({ items: [1, 2], next_cursor: "c2" }),
      () => ok({ items: [3], next_cursor: null }),
    );
    const transport = connect();
    const listing = new Listing<number>((options) =>
      transport.json({ method: "GET", path: "/x", query: { limit: 2, cursor: options.cursor } }),
    );
    expect(await listing.take(2)).toEqual([1, 2]);
    expect(seen).toHaveLength(1);
    const rest: number[] = [];
    for await (const page of listing.pages({ cursor: "c2" })) rest.push(...page.items);
    expect(rest).toEqual([3]);
    expect(seen.map((request) => request.url.search)).toEqual(["?limit=2", "?limit=2&cursor=c2"]);
  });

  test("events split anywhere arrive whole, and comments are not events", async () => {
    const text = ": hello\n\nid: 7\nevent: clicks\ndata: {\ndata: }\n\nretry: 5\n\ndata: é\r\n\r\n";
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    const events = await Array.fromAsync(parseEvents(new Response(body)));
    expect(events).toEqual([
      { id: "7", event: "clicks", data: "{\n}" },
      { id: "", event: "message", data: "é" },
    ]);
  });
});
