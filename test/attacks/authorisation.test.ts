import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Route } from "../../src/platform/http/route.ts";
import { password, startWorld, type Reply, type World } from "../world.ts";
import { keyWith, ownedPlaces, ownIds, signIn } from "./owned.ts";
import { bodyFor, nameOf, pathWith, queryFor } from "./samples.ts";

/**
 * Who may do what, asked of every route in the table: nobody, somebody without the role, keys
 * with other scopes, dead credentials, and the owner of something else.
 */
let world: World;
let routes: Route[];

beforeAll(async () => {
  world = await startWorld();
  routes = world.running.routes;
}, 60_000);
afterAll(() => world.stop(), 60_000);

type Problem = { code: string; detail: string; request_id: string };

async function send(route: Route, as: string | null, ids: string[] | string = "1") {
  const sample = bodyFor(route);
  // What is sent on goes to where it is, which is theirs where the path is.
  const own = sample && "conversation_id" in sample && Array.isArray(ids) && ids.length > 0;
  const body = own ? { ...sample, conversation_id: ids[0] } : sample;
  const options = { as, body, headers: rawHeaders(route) };
  return await world.call(route.method, pathWith(route, ids) + queryFor(route), options);
}

function rawHeaders(route: Route): Record<string, string> {
  return route.rawBody ? { "content-type": route.rawBody } : {};
}

function codeOf(reply: Reply): string {
  return `${reply.status} ${(reply.body as Problem).code}`;
}

/** What each route answers, by its name: one comparison tells of all that are wrong. */
async function answersOf(chosen: Route[], ask: (route: Route) => Promise<Reply>) {
  const out: Record<string, string> = {};
  for (const route of chosen) out[nameOf(route)] = codeOf(await ask(route));
  return out;
}

function allAnswer(chosen: Route[], answer: string) {
  expect(chosen.length).toBeGreaterThan(0);
  return Object.fromEntries(chosen.map((route) => [nameOf(route), answer]));
}

describe("credentials", () => {
  test("every route that is not public asks for them, and says what they must hold", async () => {
    const closed = routes.filter((route) => route.access !== "public");
    expect(closed.filter((route) => !route.scope).map(nameOf)).toEqual([]);
    const answers = await answersOf(closed, (route) => send(route, null));
    expect(answers).toEqual(allAnswer(closed, "401 auth.required"));
  });

  test("public routes are these and no others", () => {
    expect(
      routes
        .filter((r) => r.access === "public")
        .map(nameOf)
        .toSorted(),
    ).toEqual([
      "DELETE /api/v1/sessions/current",
      "GET /api/v1/chat/uploads/{upload_id}",
      "GET /api/v1/domains/ask",
      "POST /api/v1/accounts",
      "POST /api/v1/reports",
      "POST /api/v1/sessions",
      "POST /api/v1/sessions/refresh",
      "PUT /api/v1/chat/uploads/{upload_id}",
    ]);
  });

  test("dead ones open nothing, not even what is public", async () => {
    const expired = await keyWith(world, {
      ...{ person: world.ada, scopes: ["*"] },
      expires_at: new Date(Date.now() + 60_000),
    });
    await world.db.write(
      (tx) => tx.run`UPDATE accounts.keys SET expires_at = now() WHERE id = ${expired.id}`,
    );
    const revoked = await keyWith(world, { person: world.ada, scopes: ["*"] });
    await world.db.write((tx) =>
      world.running.operations.revokeKey(tx, { id: revoked.id, account_id: world.ada.id }),
    );
    const made = `${world.ada.key.slice(0, -1)}${world.ada.key.endsWith("a") ? "b" : "a"}`;
    for (const dead of [expired.key, revoked.key, made, "x", "null", `${world.ada.key} x`]) {
      const answers = await answersOf(routes, (route) => send(route, dead));
      expect(answers).toEqual(allAnswer(routes, "401 auth.invalid_token"));
    }
  });

  test("one that is signed out opens nothing", async () => {
    const token = await signIn(world, world.ada);
    expect((await world.call("GET", "/api/v1/account", { as: token })).status).toBe(200);
    await world.call("DELETE", "/api/v1/sessions/current", { as: token });
    const answers = await answersOf(routes, (route) => send(route, token));
    expect(answers).toEqual(allAnswer(routes, "401 auth.invalid_token"));
  });

  test("they count in the header alone", async () => {
    for (const where of [`access_token=${world.ada.key}`, `key=${world.ada.key}`]) {
      const headers = { cookie: where, "x-api-key": world.ada.key };
      const reply = await world.call("GET", `/api/v1/account?${where}`, { as: null, headers });
      expect(codeOf(reply)).toBe("401 auth.required");
    }
    const basic = `Basic ${Buffer.from(`ada:${world.ada.key}`).toString("base64")}`;
    const headers = { authorization: basic };
    const reply = await world.call("GET", "/api/v1/account", { as: null, headers });
    expect(codeOf(reply)).toBe("401 auth.invalid_token");
  });
});

describe("roles and scopes", () => {
  test("a member gets no further than the door of what administrators do", async () => {
    const admins = routes.filter((route) => route.access === "admin");
    for (const as of [world.ada.key, await signIn(world, world.ada)]) {
      const answers = await answersOf(admins, (route) => send(route, as));
      expect(answers).toEqual(allAnswer(admins, "403 auth.forbidden"));
    }
    const own = routes.filter((route) => /\/(admin|accounts)(\/|$)/.test(route.path));
    const open = own.filter((r) => r.access !== "admin" && nameOf(r) !== "POST /api/v1/accounts");
    expect(open.map(nameOf)).toEqual([]);
  });

  test("no spelling of a path leads round the door", async () => {
    for (const path of [
      ...["/api/v1//admin/health", "/api/v1/admin/health/", "/api/v1/./admin/health"],
      ...["/API/v1/admin/health", "/api/v1/%61dmin/health", "/api/v1/x/../admin/health"],
      ...["/api/v1/admin%2fhealth", "/api/v1/admin/health;x", "/api/v1/admin/health%00"],
      ...["/api/v1/account/../admin/health", "//api/v1/admin/health", "/api/v1/admin\\health"],
    ]) {
      const { status } = await world.call("GET", path, { as: world.ada });
      expect([401, 403, 404], path).toContain(status);
    }
  });

  const keyring: [string, string[], (system: string, action: string) => boolean][] = [
    ["read-only", ["*:read"], (_, action) => action === "read"],
    ["create-only", ["*:create"], (_, action) => action === "create"],
    ["write-only", ["*:write"], (_, action) => action !== "read"],
    ["links alone", ["links:*"], (system) => system === "links"],
    ["webhooks alone", ["webhooks:*"], (system) => system === "webhooks"],
    ["chat alone", ["chat:*"], (system) => system === "chat"],
    ["of no system here", ["feed:*"], () => false],
  ];
  test.each(keyring)("a key that is %s does nothing else", async (_, scopes, includes) => {
    for (const person of [world.ada, world.admin]) {
      const { key } = await keyWith(world, { person, scopes });
      const refused = routes.filter(({ access, scope = ":" }) => {
        const [system = "", action = ""] = scope.split(":");
        const mayTry = person === world.admin || access === "member";
        return access !== "public" && mayTry && !includes(system, action);
      });
      const answers = await answersOf(refused, (route) => send(route, key));
      expect(answers).toEqual(allAnswer(refused, "403 auth.scope_missing"));
    }
  });

  test("no key makes keys, changes passwords or ends sessions, whatever its scopes", async () => {
    const { id } = await keyWith(world, { person: world.ada, scopes: ["*"] });
    const attempts: [string, string, unknown][] = [
      ["POST", "/api/v1/keys", { name: "more", scopes: ["*"] }],
      ["PATCH", `/api/v1/keys/${id}`, { name: "renamed" }],
      ["DELETE", "/api/v1/sessions", undefined],
      ["PATCH", "/api/v1/account", { password: "another good one", current_password: password }],
    ];
    for (const [method, path, body] of attempts) {
      expect(codeOf(await world.call(method, path, { body }))).toBe("403 auth.forbidden");
    }
    const change = { body: { role: "admin" }, as: world.admin };
    const reply = await world.call("PATCH", `/api/v1/accounts/${world.ada.id}`, change);
    expect(codeOf(reply)).toBe("403 auth.forbidden");
  });
});

describe("another owner's things", () => {
  function bare(reply: Reply, ids: string[]) {
    const text = JSON.stringify(reply.body);
    const headers = [...reply.headers.keys()].filter((name) => name !== "date").toSorted();
    const { request_id: requestId } = reply.body as Problem;
    const body = ids.reduce((t, id) => t.replaceAll(id, "ID"), text.replaceAll(requestId, "R"));
    return { status: reply.status, body, headers };
  }

  const unknown = "1234567890123456789";

  test("answer like things that are not there, and stay as they are", async () => {
    const [ada, bob] = [await signIn(world, world.ada), await signIn(world, world.bob)];
    const named = routes.filter((r) => r.access !== "admin" && ownedPlaces(r).includes(true));
    expect(named.length).toBeGreaterThan(15);
    for (const route of named) {
      const bobs = await ownIds(world, route, world.bob, bob);
      const adas = await ownIds(world, route, world.ada, ada);
      const owned = ownedPlaces(route);
      const places = bobs.keys().filter((i) => owned[i]);
      for (const foreign of places.map((i) => [...adas.slice(0, i), ...bobs.slice(i)])) {
        const none = foreign.map((id, i) => (owned[i] && bobs.includes(id) ? unknown : id));
        const toForeign = bare(await send(route, ada, foreign), foreign);
        const toNone = bare(await send(route, ada, none), none);
        expect({ route: nameOf(route), ...toForeign }).toEqual({ route: nameOf(route), ...toNone });
        expect({ route: nameOf(route), status: toForeign.status }).toEqual({
          route: nameOf(route),
          status: 404,
        });
      }
      // The owner reaches it, so nothing above was refused for another reason, or took effect.
      const { status } = await send(route, bob, bobs);
      expect([400, 401, 403, 404], nameOf(route)).not.toContain(status);
    }
  }, 30_000);

  test("do not show in lists, whatever is asked for", async () => {
    const [bobs] = await ownIds(world, { path: "/api/v1/links/{id}" }, world.bob, world.bob.key);
    const lists = routes.filter((r) => r.method === "GET" && r.access === "member" && !r.stream);
    for (const route of lists.filter((r) => !r.path.includes("{"))) {
      for (const query of [`owner_id=${world.bob.id}`, `account_id=${world.bob.id}`]) {
        const reply = await world.call("GET", `${route.path}?${query}`);
        const text = JSON.stringify(reply.body);
        expect(text, nameOf(route)).not.toContain(bobs as string);
        if (reply.status < 300) expect(text, nameOf(route)).not.toContain(world.bob.id);
      }
    }
  });

  test("method overrides do nothing", async () => {
    const removable = routes.filter((r) => r.method === "DELETE" && r.path.includes("{"));
    const token = await signIn(world, world.ada);
    for (const route of removable.filter((r) => r.access === "member")) {
      const ids = await ownIds(world, route, world.ada, token);
      const path = pathWith(route, ids);
      for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
        for (const method of ["GET", "POST", "HEAD"]) {
          const options = { as: token, headers: { [name]: "DELETE" } };
          await world.call(method, `${path}?_method=DELETE`, options);
        }
      }
      const { status } = await send(route, token, ids);
      expect({ route: nameOf(route), status }).toEqual({ route: nameOf(route), status: 204 });
    }
  });
});

test("methods that a path does not have are refused, and HEAD asks who is there", async () => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const at = routes.filter((route) => route.path === path);
    for (const method of ["OPTIONS", "PROPFIND", "SEARCH"]) {
      const reply = await world.call(method, pathWith({ path }, "1"), { as: world.admin });
      expect([404, 405], `${method} ${path}`).toContain(reply.status);
    }
    if (at.every((r) => r.method !== "GET" || r.access === "public")) continue;
    const reply = await world.call("HEAD", pathWith({ path }, "1"), { as: null });
    expect(reply.status, `HEAD ${path}`).toBe(401);
  }
});
