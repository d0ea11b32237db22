import { z } from "zod";
import { AppError } from "../../platform/errors/errors.ts";
import { idSchema, route, type Route, timeSchema } from "../../platform/http/route.ts";
import type { RefreshCookie } from "./cookie.ts";
import { type Device, sessionsPerAccountMax, type SignedIn } from "./sessions.ts";
import type { Refresh } from "./refresh.ts";
import type { SignIn } from "./sign-in.ts";
import type { SignOut } from "./sign-out.ts";
import * as store from "./session-store.ts";
import * as wire from "./wire.ts";

/** Routes of sessions: sign in, refresh, sign out, and the devices that are signed in. */
export type SessionRoutes = {
  signIn: SignIn;
  refresh: Refresh;
  signOut: SignOut;
  cookie: RefreshCookie;
  now: () => number;
};

const { tag } = wire;
const refreshTokenLengthMax = 200;

export function sessionRoutes(deps: SessionRoutes): Route[] {
  return [
    signInRoute(deps),
    refreshRoute(deps),
    listRoute(deps),
    signOutRoute(deps),
    signOutEverywhereRoute(deps),
    signOutDeviceRoute(deps),
  ];
}

function signInRoute({ signIn, cookie }: SessionRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/sessions",
    summary: "Sign in; `cookie: true` puts the refresh token into an HttpOnly cookie",
    tag,
    access: "public",
    body: z.strictObject({
      email: z.string().max(1_000),
      password: wire.passwordSchema,
      cookie: z.boolean().default(false),
    }),
    replies: { 200: wire.signedInReply },
    errors: ["auth.invalid_credentials", "auth.forbidden", "request.rate_limited"],
    async handler(context) {
      const { email, password } = context.body;
      if (context.body.cookie) cookie.requireSameOrigin(context.request);
      const signedIn = await signIn({ email, password }, deviceOf(context));
      return answer(signedIn, context.body.cookie ? cookie : null);
    },
  });
}

function refreshRoute({ refresh, cookie }: SessionRoutes): Route {
  return route({
    method: "POST",
    path: "/api/v1/sessions/refresh",
    summary: "A new access token for a refresh token, which is replaced; without one, the cookie's",
    tag,
    access: "public",
    body: z.strictObject({ refresh_token: z.string().max(refreshTokenLengthMax).optional() }),
    replies: { 200: wire.signedInReply },
    errors: ["auth.required", "auth.invalid_token", "auth.refresh_reused", "auth.forbidden"],
    async handler(context) {
      const given = context.body.refresh_token;
      if (given !== undefined) {
        return answer(await refresh(given, deviceOf(context)), null);
      }
      const kept = cookie.read(context.request);
      if (!kept) throw new AppError("auth.required", "refresh_token: send it, or the cookie.");
      cookie.requireSameOrigin(context.request);
      return answer(await refresh(kept, deviceOf(context)), cookie);
    },
  });
}

function listRoute({ now }: SessionRoutes): Route {
  const device = z.object({
    id: idSchema,
    user_agent: z.string(),
    address: z.string(),
    current: z.boolean().describe("Whether it is the one asking."),
    created_at: timeSchema,
    rotated_at: timeSchema.describe("When it last refreshed."),
    expires_at: timeSchema,
  });
  return route({
    method: "GET",
    path: "/api/v1/sessions",
    summary: "The devices that are signed in, the last active first",
    tag,
    access: "member",
    scope: "accounts:read",
    replies: { 200: z.object({ items: z.array(device) }) },
    async handler({ principal, reader }) {
      const { account_id } = principal;
      const limit = sessionsPerAccountMax;
      const rows = await store.listSessions(reader, { account_id, now: now(), limit });
      const items = rows.map((row) => ({ ...row, current: row.id === principal.credential_id }));
      return { status: 200, body: { items } };
    },
  });
}

function signOutRoute({ signOut, cookie }: SessionRoutes): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/sessions/current",
    summary: "Sign out: the session of the access token, of the cookie, or both",
    tag,
    access: "public",
    replies: { 204: null },
    errors: ["auth.required", "auth.forbidden", "auth.invalid_token"],
    async handler(context) {
      const { caller } = context;
      const kept = cookie.read(context.request);
      if (kept) cookie.requireSameOrigin(context.request);
      const session = caller?.kind === "session" ? caller : null;
      if (!session && !kept) throw new AppError("auth.required", "There is no session to end.");
      return await context.write(async (tx) => {
        const from = wire.requestOf(context);
        if (kept) await signOut.byToken(tx, kept, from);
        if (session) await signOut.one(tx, session, session.credential_id, from);
        return { status: 204, headers: { "set-cookie": cookie.clear() } };
      });
    },
  });
}

function signOutEverywhereRoute({ signOut, cookie }: SessionRoutes): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/sessions",
    summary: "Sign out everywhere",
    tag,
    access: "member",
    scope: "accounts:write",
    replies: { 204: null },
    errors: ["auth.forbidden"],
    async handler(context) {
      const { principal } = context;
      wire.refuseKeys(principal);
      return await context.write(async (tx) => {
        await signOut.everywhere(tx, principal, wire.requestOf(context));
        return { status: 204, headers: { "set-cookie": cookie.clear() } };
      });
    },
  });
}

function signOutDeviceRoute({ signOut }: SessionRoutes): Route {
  return route({
    method: "DELETE",
    path: "/api/v1/sessions/{id}",
    summary: "Sign out one device",
    tag,
    access: "member",
    scope: "accounts:write",
    params: z.object({ id: idSchema }),
    replies: { 204: null },
    errors: ["accounts.session_not_found", "auth.forbidden"],
    async handler(context) {
      const { principal, params } = context;
      wire.refuseKeys(principal);
      return await context.write(async (tx) => {
        const ended = await signOut.one(tx, principal, params.id, wire.requestOf(context));
        if (ended) return { status: 204 };
        throw new AppError("accounts.session_not_found", "There is no such session.");
      });
    },
  });
}

function answer(signedIn: SignedIn, cookie: RefreshCookie | null) {
  const { refresh_token, refresh_expires_at, ...rest } = signedIn;
  const body = { ...rest, token_type: "Bearer", refresh_token: cookie ? null : refresh_token };
  const headers: Record<string, string> = cookie
    ? { "set-cookie": cookie.set(refresh_token, refresh_expires_at) }
    : {};
  return { status: 200, body, headers };
}

function deviceOf(context: { request: Request; address: string; requestId: string }): Device {
  return {
    address: context.address,
    user_agent: context.request.headers.get("user-agent") ?? "",
    request_id: context.requestId,
  };
}
