import { afterAll, beforeAll, expect, test } from "bun:test";
import { allows, type Scope } from "../../platform/auth/principal.ts";
import type { Route } from "../../platform/http/route.ts";
import { openStage, type Stage } from "./accounts.fixture.ts";

/** Made from the routes themselves, so that a new one cannot be forgotten. */
let stage: Stage;
let closedRoutes: Route[];
let owner: { token: string };
beforeAll(async () => {
  stage = await openStage();
  closedRoutes = stage.accounts.routes.filter((route) => route.access !== "public");
  owner = await stage.person("admin");
});
afterAll(() => stage.close());

const ask = (route: Route, token?: string) =>
  stage.call(route.method, route.path.replace("/api/v1", "").replace("{id}", "12345"), {
    ...(token === undefined ? {} : { token }),
    ...(route.body ? { body: {} } : {}),
  });
const keyWith = async (scopes: string[], token = owner.token) =>
  (await stage.call("POST", "/keys", { token, body: { name: "k", scopes } })).body.key;

test("every route that is not public needs credentials and names its scope", async () => {
  expect(closedRoutes.length).toBeGreaterThan(8);
  for (const route of closedRoutes) {
    const answer = await ask(route);
    expect([route.path, answer.status, answer.body.code]).toEqual([
      route.path,
      401,
      "auth.required",
    ]);
    expect(route.scope).toMatch(/^accounts:(read|create|write)$/);
  }
});

test("a member is refused on every route for administrators", async () => {
  const { token } = await stage.person();
  const adminRoutes = closedRoutes.filter((route) => route.access === "admin");
  expect(adminRoutes.length).toBeGreaterThan(0);
  for (const credential of [token, await keyWith(["*"], token)]) {
    for (const route of adminRoutes) {
      const answer = await ask(route, credential);
      expect([answer.status, answer.body.code]).toEqual([403, "auth.forbidden"]);
    }
  }
});

test("keys get no further than their scopes on any route", async () => {
  for (const scopes of [["*:read"], ["*:create"], ["links:*"], ["accounts:create"]]) {
    const key = await keyWith(scopes);
    for (const route of closedRoutes) {
      const answer = await ask(route, key);
      const refused = answer.body.code === "auth.scope_missing";
      const may = allows(scopes, route.scope as Scope);
      expect([scopes, route.method, route.path, refused]).toEqual([
        scopes,
        route.method,
        route.path,
        !may,
      ]);
      if (refused) expect(answer.status).toBe(403);
    }
  }
});

test("credentials that are none are refused, on public routes too", async () => {
  const headers = [
    "",
    "Bearer",
    "Bearer ",
    "Basic YTpi",
    "Bearer a b",
    "Bearer a, Bearer b",
    "a.b.c",
  ];
  for (const authorization of headers) {
    for (const route of stage.accounts.routes) {
      const path = route.path.replace("/api/v1", "").replace("{id}", "1");
      const body = route.body ? { body: {} } : {};
      const answer = await stage.call(route.method, path, { headers: { authorization }, ...body });
      expect([authorization, path, answer.status]).toEqual([authorization, path, 401]);
    }
  }
});

test("a token in the query string is no credential", async () => {
  for (const name of ["access_token", "token", "key", "authorization"]) {
    const answer = await stage.call("GET", `/account?${name}=${owner.token}`);
    expect(answer.status).toBe(401);
  }
});
