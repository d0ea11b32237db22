import { afterAll, beforeAll, expect, test } from "bun:test";
import { openStage, password, type Stage } from "./accounts.fixture.ts";
import { fakeClock } from "../../platform/clock/clock.ts";

let stage: Stage;
const clock = fakeClock(Date.UTC(2026, 5, 1));
beforeAll(async () => {
  stage = await openStage({ clock });
});
afterAll(() => stage.close());

test("signing in answers an access token that opens one's account", async () => {
  const { email } = await stage.person();
  const body = { email: ` ${email.toUpperCase()} `, password };
  const answer = await stage.call("POST", "/sessions", { body });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ token_type: "Bearer", expires_in: 600 });
  expect(answer.body.account).toMatchObject({ email, role: "member", disabled_at: null });
  expect(JSON.stringify(answer.body)).not.toContain("argon2");
  expect(answer.headers.get("set-cookie")).toBeNull();
  const own = await stage.call("GET", "/account", { token: answer.body.access_token });
  expect(own.status).toBe(200);
  expect(own.body.email).toBe(email);
});

test("an access token ends with its time", async () => {
  const { token } = await stage.person();
  clock.advance(599_000);
  expect((await stage.call("GET", "/account", { token })).status).toBe(200);
  clock.advance(2_000);
  const late = await stage.call("GET", "/account", { token });
  expect(late.status).toBe(401);
  expect(late.body.code).toBe("auth.invalid_token");
});

test("a refresh token is replaced at each use", async () => {
  const { refresh } = await stage.person();
  const first = await renew(refresh);
  const second = await renew(first.body.refresh_token);
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(new Set([refresh, first.body.refresh_token, second.body.refresh_token]).size).toBe(3);
  const own = await stage.call("GET", "/account", { token: second.body.access_token });
  expect(own.status).toBe(200);
});

test("a refresh token presented again after the grace ends the whole session", async () => {
  const { refresh, token } = await stage.person();
  const next = await renew(refresh);
  clock.advance(10_001);
  const replay = await renew(refresh);
  expect(replay.status).toBe(401);
  expect(replay.body.code).toBe("auth.refresh_reused");
  expect((await renew(next.body.refresh_token)).body.code).toBe("auth.invalid_token");
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
  const { token: later } = await stage.person("admin");
  const log = await stage.call("GET", "/audit?action=accounts.refresh_reused", { token: later });
  expect(log.body.items.length).toBeGreaterThan(0);
});

test("a token older than the last two ends the session even within the grace", async () => {
  const { refresh } = await stage.person();
  const next = await renew(refresh);
  await renew(next.body.refresh_token);
  expect((await renew(refresh)).body.code).toBe("auth.refresh_reused");
});

test("refreshing twice at once gives both the same successor", async () => {
  const { refresh } = await stage.person();
  const answers = await Promise.all([renew(refresh), renew(refresh), renew(refresh)]);
  expect(answers.map((a) => a.status)).toEqual([200, 200, 200]);
  expect(new Set(answers.map((a) => a.body.refresh_token)).size).toBe(1);
  expect((await renew(answers[0]?.body.refresh_token ?? "")).status).toBe(200);
});

test("a made-up token with a real session's id is refused and ends nothing", async () => {
  const { refresh } = await stage.person();
  const bytes = Buffer.from(refresh.slice("stoa_refresh_".length), "base64url");
  bytes.fill(7, 12);
  const forged = `stoa_refresh_${bytes.toString("base64url")}`;
  expect((await renew(forged)).body.code).toBe("auth.invalid_token");
  expect((await renew(refresh)).status).toBe(200);
});

test("a session ends when unused for its life, and at its greatest age however used", async () => {
  const { refresh } = await stage.person();
  clock.advance(30 * 86_400_000 + 1);
  expect((await renew(refresh)).status).toBe(401);
  let { refresh: kept } = await stage.person();
  for (let month = 0; month < 12; month++) {
    clock.advance(29 * 86_400_000);
    const next = await renew(kept);
    if (next.status !== 200) throw new Error(`ended after ${month} months`);
    kept = next.body.refresh_token;
  }
  clock.advance(18 * 86_400_000);
  expect((await renew(kept)).status).toBe(401);
});

test("signing out ends the access token and the refresh token at once", async () => {
  const { refresh, token } = await stage.person();
  expect((await stage.call("GET", "/account", { token })).status).toBe(200);
  const out = await stage.call("DELETE", "/sessions/current", { token });
  expect(out.status).toBe(204);
  expect(out.headers.get("set-cookie")).toContain("stoa_refresh=;");
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
  expect((await renew(refresh)).status).toBe(401);
  expect((await stage.call("DELETE", "/sessions/current")).status).toBe(401);
});

test("devices are listed and signed out one by one or all together", async () => {
  const { email, token } = await stage.person();
  const phone = await stage.signIn(email, { headers: { "user-agent": "Phone\u0080 1" } });
  const third = await stage.signIn(email);
  const listed = await stage.call("GET", "/sessions", { token });
  expect(listed.body.items.length).toBe(3);
  expect(listed.body.items.filter((d) => d.current).length).toBe(1);
  const device = listed.body.items.find((d) => d.user_agent.startsWith("Phone"));
  const ended = await stage.call("DELETE", `/sessions/${device?.id}`, { token });
  expect(ended.status).toBe(204);
  expect((await stage.call("GET", "/account", { token: phone.token })).status).toBe(401);
  expect((await stage.call("GET", "/account", { token: third.token })).status).toBe(200);
  const again = await stage.call("DELETE", `/sessions/${device?.id}`, { token });
  expect(again.body.code).toBe("accounts.session_not_found");
  expect((await stage.call("DELETE", "/sessions", { token })).status).toBe(204);
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
  expect((await stage.call("GET", "/account", { token: third.token })).status).toBe(401);
});

test("another's device answers as an unknown one", async () => {
  const owner = await stage.person();
  const other = await stage.person();
  const devices = await stage.call("GET", "/sessions", { token: owner.token });
  const id = devices.body.items[0]?.id;
  const foreign = await stage.call("DELETE", `/sessions/${id}`, { token: other.token });
  const unknown = await stage.call("DELETE", "/sessions/12345", { token: other.token });
  expect([foreign.status, unknown.status]).toEqual([404, 404]);
  expect(foreign.body.detail).toBe(unknown.body.detail);
  expect((await stage.call("GET", "/account", { token: owner.token })).status).toBe(200);
});

test("an account keeps its hundred newest sessions", async () => {
  const { email, token } = await stage.person();
  const accounts = await stage.call("GET", "/account", { token });
  await stage.db.write(
    (tx) => tx.run`
      INSERT INTO accounts.sessions (id, account_id, token_hash, chain_key, rotated_at, expires_at,
        user_agent, address, created_at)
      SELECT n, ${accounts.body.id}, '\\x00', '\\x00', ${new Date(clock.now() + 1)},
        ${new Date(clock.now() + 1e9)}, '', '', ${new Date(clock.now())}
      FROM generate_series(1, 99) AS n`,
  );
  const newest = await stage.signIn(email);
  const listed = await stage.call("GET", "/sessions", { token: newest.token });
  expect(listed.body.items.length).toBe(100);
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
});

async function renew(refresh_token: string) {
  return await stage.call("POST", "/sessions/refresh", { body: { refresh_token } });
}
