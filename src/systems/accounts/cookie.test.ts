import { afterAll, beforeAll, expect, test } from "bun:test";
import { openStage, password, type Stage } from "./accounts.fixture.ts";

let stage: Stage;
let behindTls: Stage;
beforeAll(async () => {
  stage = await openStage();
  behindTls = await openStage({ config: { publicUrl: "https://go.example.com" } });
});
afterAll(async () => {
  await stage.close();
  await behindTls.close();
});

const own = { origin: "http://stoa.test", "sec-fetch-site": "same-origin" };

async function signInByCookie(on: Stage, headers: Record<string, string>) {
  const { email } = await on.person();
  const body = { email, password, cookie: true };
  const answer = await on.call("POST", "/sessions", { body, headers });
  const set = answer.headers.get("set-cookie") ?? "";
  return { answer, set, cookie: set.split(";")[0] ?? "" };
}

test("the console's refresh token is a cookie that no script reads", async () => {
  const { answer, set } = await signInByCookie(stage, own);
  expect(answer.status).toBe(200);
  expect(answer.body.refresh_token).toBeNull();
  expect(set).toStartWith("stoa_refresh=stoa_refresh_");
  for (const part of ["HttpOnly", "SameSite=Strict", "Path=/api/v1/sessions", "Expires="]) {
    expect(set.toLowerCase()).toContain(part.toLowerCase());
  }
  expect(set).not.toContain("Secure");
});

test("over TLS the cookie is for TLS only", async () => {
  const origin = "https://go.example.com";
  const { set } = await signInByCookie(behindTls, { origin, "sec-fetch-site": "same-origin" });
  expect(set).toStartWith("__Secure-stoa_refresh=");
  expect(set).toContain("Secure");
});

test("the cookie refreshes, is replaced, and is cleared at sign-out", async () => {
  const { cookie } = await signInByCookie(stage, own);
  const refreshed = await stage.call("POST", "/sessions/refresh", {
    body: {},
    headers: {
      ...own,
      cookie,
    },
  });
  expect([refreshed.status, refreshed.body.refresh_token]).toEqual([200, null as never]);
  const next = (refreshed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  expect(next).not.toBe(cookie);
  const token = refreshed.body.access_token;
  expect((await stage.call("GET", "/account", { token })).status).toBe(200);
  const headers = { ...own, cookie: next };
  const out = await stage.call("DELETE", "/sessions/current", { headers });
  expect(out.status).toBe(204);
  expect(out.headers.get("set-cookie")).toMatch(/^stoa_refresh=;.*Path=\/api\/v1\/sessions/);
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
  const late = await stage.call("POST", "/sessions/refresh", { body: {}, headers });
  expect(late.status).toBe(401);
});

test("no other site's page can use the cookie or plant one", async () => {
  const { cookie, answer } = await signInByCookie(stage, own);
  const foreign: Record<string, string>[] = [
    {},
    { origin: "null" },
    { origin: "null", "sec-fetch-site": "same-origin" },
    { origin: "https://evil.example.com", "sec-fetch-site": "cross-site" },
    { origin: "https://evil.example.com" },
    { origin: "http://stoa.test.evil.example.com" },
    { origin: "http://evil.stoa.test", "sec-fetch-site": "same-site" },
    { origin: "http://stoa.test:8080", "sec-fetch-site": "same-site" },
    { origin: "http://stoa.test", "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "none" },
  ];
  for (const from of foreign) {
    const headers = { ...from, cookie };
    const refresh = await stage.call("POST", "/sessions/refresh", { body: {}, headers });
    const out = await stage.call("DELETE", "/sessions/current", { headers });
    expect([from, refresh.status, out.status]).toEqual([from, 403, 403]);
    expect(refresh.headers.get("set-cookie")).toBeNull();
    const { answer: planted } = await signInByCookie(stage, from);
    expect([planted.status, planted.headers.get("set-cookie")]).toEqual([403, null]);
  }
  const token = answer.body.access_token;
  expect((await stage.call("GET", "/account", { token })).status).toBe(200);
});

test("the cookie opens nothing but the session routes", async () => {
  const { cookie } = await signInByCookie(stage, own);
  for (const path of ["/account", "/sessions", "/keys", "/audit"]) {
    const answer = await stage.call("GET", path, { headers: { ...own, cookie } });
    expect([path, answer.status]).toEqual([path, 401]);
  }
});

test("a refresh needs JSON, which no form of another site can send", async () => {
  const { cookie } = await signInByCookie(stage, own);
  for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
    const headers = { ...own, cookie, "content-type": type };
    const answer = await stage.call("POST", "/sessions/refresh", { body: {}, headers });
    expect(answer.status).toBe(415);
  }
});
