import { z } from "zod";
import { AppError } from "../../../platform/errors/errors.ts";
import { route, timeSchema, type Route } from "../../../platform/http/route.ts";
import type { Realtime } from "../../../platform/realtime/realtime.ts";
import type { Limits } from "../../limits/contract.ts";
import { serverFrameSchema, type ServerFrame } from "../protocol.ts";
import { deviceIdSchema } from "../shapes.ts";
import { linesPerMessageMax } from "./bounds.ts";
import type { By, Deeds } from "./deeds.ts";
import type { Desk } from "./desk.ts";
import { checkFrame, errorFrame, refOf } from "./frames.ts";
import type { Tickets } from "./tickets.ts";

export type LiveRoutesDeps = {
  desk: Desk;
  deeds: Deeds;
  realtime: Realtime;
  limits: Limits;
  tickets: Tickets;
};

const tag = "chat";
const sessionIdSchema = z.string().regex(/^[\w-]{1,64}$/, "the `session_id` of `welcome`");

export function liveRoutes(deps: LiveRoutesDeps): Route[] {
  return [ticketRoute(deps), eventsRoute(deps), framesRoute(deps)];
}

function ticketRoute({ tickets, limits }: LiveRoutesDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/chat/tickets",
    summary: "A ticket for one `hello` within half a minute, in the place of the token",
    ...{ tag, access: "member", scope: "chat:read" },
    replies: { 201: z.object({ ticket: z.string(), expires_at: timeSchema }) },
    errors: ["request.rate_limited"],
    async handler({ principal, request }) {
      const { account_id: user, tier } = principal;
      const { refusal } = await limits.take("chat.tickets", { user, tier });
      if (refusal) throw refusal;
      const token = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      return { status: 201, body: await tickets.issue(token as string) };
    },
  });
}

function eventsRoute({ desk, realtime }: LiveRoutesDeps): Route {
  return route({
    method: "GET",
    path: "/api/v1/chat/events",
    summary: "The frames of the chat as an event stream, for networks that block WebSockets",
    ...{ tag, access: "member", scope: "chat:read", stream: true },
    query: z.object({ device_id: deviceIdSchema }),
    replies: { 200: "text/event-stream" },
    errors: ["server.busy"],
    handler({ principal, query, address, signal }) {
      const session = desk.newSession(address);
      session.isStream = true;
      const response = realtime.stream(session, signal);
      desk.enter(session, principal, query.device_id).catch((error: unknown) => {
        session.tell(errorFrame(error));
        session.closeFor("unavailable");
      });
      return response;
    },
  });
}

function framesRoute({ desk, deeds }: LiveRoutesDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/chat/frames",
    summary: "What a client sends beside an event stream; answered are acks and errors, in order",
    ...{ tag, access: "member", scope: "chat:read" },
    body: z.strictObject({
      device_id: deviceIdSchema,
      session_id: sessionIdSchema
        .optional()
        .describe("Of the stream that `presence` and `watch` are about."),
      frames: z
        .array(z.unknown())
        .min(1)
        .max(linesPerMessageMax)
        .describe("As on the socket, in `docs/chat-protocol.md`.")
        .meta({ examples: [[{ type: "ping" }]] }),
    }),
    replies: { 200: z.object({ frames: z.array(serverFrameSchema) }) },
    async handler({ principal, body }) {
      const held = body.session_id === undefined ? undefined : desk.find(body.session_id);
      const own = held?.principal?.account_id === principal.account_id ? held : null;
      const by: By = {
        ...{ principal, deviceId: body.device_id, session: own },
        ...(body.session_id !== undefined && { sessionId: body.session_id }),
      };
      const answers = body.frames.map((frame) => answer(deeds, by, frame));
      const frames = (await Promise.all(answers)).filter((frame) => frame !== null);
      return { status: 200, body: { frames } };
    },
  });
}

async function answer(deeds: Deeds, by: By, value: unknown): Promise<ServerFrame | null> {
  const read = checkFrame(value);
  if ("error" in read) return errorFrame(read.error, read.ref);
  try {
    return await deeds.perform(by, read.frame);
  } catch (error) {
    // Of what is no refusal the caller learns from the whole reply, as of any other route.
    if (!(error instanceof AppError)) throw error;
    return errorFrame(error, refOf(read.frame));
  }
}
