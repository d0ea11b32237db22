import { afterAll, afterEach, beforeAll } from "bun:test";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import fastify, { type FastifyRequest } from "fastify";
import { Hono, type Context } from "hono";
import { startWorld, type World } from "../../test/world.ts";
import { createStoa, type Stoa } from "../stoa.ts";
import type { CreateLimitRule } from "../types.ts";
import type { LimitOptions } from "./ask.ts";
import { limit as expressLimit } from "./express.ts";
import { limit as fastifyLimit } from "./fastify.ts";
import { limit as honoLimit } from "./hono.ts";

/**
 * The same app in each framework: `/thing` answers at once, `/mute` when it is let go, `/slow`
 * begins to answer and ends when it is let go. Several
 * limits stand one behind the other; the key is the header x-client.
 */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
export type Settings = Without<LimitOptions<unknown>, "key" | "cost" | "tier"> & {
  cost?: number;
  tier?: string;
};
export type App = { url: string; close(): Promise<void> };
/** Lets `/slow` and `/mute` go. */
export type Gate = () => Promise<unknown>;
export type Start = (limits: Settings[], gate?: Gate) => Promise<App>;

const none = "anonymous";
const shut: Gate = () => Promise.reject(new Error("nobody said what to wait for"));

export async function startHono(limits: Settings[], gate = shut): Promise<App> {
  const app = new Hono();
  app.onError((error, context) => context.text(error.message, 500));
  const key = (context: Context) => keyOf(context.req.header("x-client"));
  for (const settings of limits) app.use(honoLimit({ ...settings, key }));
  // An answer of its own, which knows nothing of what middleware prepared.
  app.all("/thing", () => new Response("done"));
  app.all("/mute", async (context) => {
    await gate();
    return context.text("done");
  });
  app.all("/slow", (context) => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("begun, "));
        await gate();
        controller.enqueue(new TextEncoder().encode("done"));
        controller.close();
      },
    });
    return context.body(body);
  });
  const server = Bun.serve({ port: 0, fetch: app.fetch, idleTimeout: 0 });
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
}

async function startExpress(limits: Settings[], gate = shut): Promise<App> {
  const app = express();
  for (const settings of limits) {
    app.use(expressLimit({ ...settings, key: (request) => keyOf(request.get("x-client")) }));
  }
  app.all("/thing", (_, response) => response.send("done"));
  app.all("/mute", async (_, response) => {
    await gate();
    response.send("done");
  });
  app.all("/slow", async (_, response) => {
    response.write("begun, ");
    await gate();
    response.end("done");
  });
  app.set("env", "test");
  return await listen(app);
}

async function listen(app: RequestListener): Promise<App> {
  const server: Server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { url: `http://127.0.0.1:${port}`, close };
}

async function startFastify(limits: Settings[], gate = shut): Promise<App> {
  const app = fastify({ forceCloseConnections: true });
  const key = (request: FastifyRequest) => keyOf(request.headers["x-client"] as string);
  const onRequest = limits.map((settings) => fastifyLimit({ ...settings, key }));
  app.route({ method: ["GET", "POST"], url: "/thing", onRequest, handler: async () => "done" });
  app.get("/mute", { onRequest }, async () => {
    await gate();
    return "done";
  });
  app.get("/slow", { onRequest }, async (_, reply) => {
    reply.hijack();
    reply.raw.write("begun, ");
    await gate();
    reply.raw.end("done");
  });
  return { url: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
}

function keyOf(header: string | undefined): string | null {
  if (header === "broken") throw new Error("no key for this");
  return header === "free" ? null : (header ?? none);
}

export const frameworks: [string, Start][] = [
  ["Hono", startHono],
  ["Express", startExpress],
  ["Fastify", startFastify],
];

const usual: Omit<CreateLimitRule, "name"> = {
  ...{ service: true, algorithm: "sliding_log", window_ms: 3_600_000, key: ["client"], limit: 2 },
};

/** A real Stoa for the tests of one file, and apps before it, which close after each test. */
export function appsBeforeStoa() {
  let world: World;
  const open: { close(): unknown }[] = [];
  beforeAll(async () => {
    world = await startWorld();
  }, 60_000);
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  afterAll(() => world.stop(), 60_000);

  let names = 0;
  const admin = (): Stoa => createStoa({ baseUrl: world.url, apiKey: world.admin.key });
  return {
    admin,
    nameOne: () => `test.adapter-${++names}`,
    async makeRule(name: string, more: Partial<CreateLimitRule> = {}): Promise<string> {
      await admin().limits.rules.create({ name, ...usual, ...more });
      return name;
    },
    /** The base of an app's addresses. */
    async serve(start: Start, limits: Settings[], gate?: Gate): Promise<string> {
      const app = await start(limits, gate);
      open.push(app);
      return app.url;
    },
    closeLater: (one: { close(): unknown }) => void open.push(one),
  };
}
