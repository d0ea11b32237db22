import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Passwords } from "../../platform/auth/password.ts";
import { fakeClock } from "../../platform/clock/clock.ts";
import { AppError } from "../../platform/errors/errors.ts";
import { cheapPasswords, openStage, password, type Stage } from "./accounts.fixture.ts";

let stage: Stage;
const clock = fakeClock(Date.UTC(2026, 5, 1));
const real = cheapPasswords();
let computed = 0;
let busy = false;
/** The real thing, counting how often it computes and sometimes overloaded. */
const counting: Passwords = {
  hash: real.hash,
  verify: async (...given) => {
    if (busy) throw new AppError("server.busy", "Too many sign-ins at once.");
    computed++;
    return await real.verify(...given);
  },
};
const limits = { signInsPerAccountPerHour: 5, signInsPerAddressPerHour: 20 };

beforeAll(async () => {
  stage = await openStage({ clock, passwords: counting, config: limits });
});
afterAll(() => stage.close());

let addresses = 0;
const nextAddress = () => `198.51.100.${++addresses}`;
const attempt = (email: string, secret: string, address: string, by = stage.call) =>
  by("POST", "/sessions", { body: { email, password: secret }, address });

test("unknown, wrong and disabled answer the same after the same work", async () => {
  const person = await stage.person();
  const gone = await stage.person();
  await stage.db.write(
    (tx) => tx.run`UPDATE accounts.accounts SET disabled_at = now() WHERE id = ${gone.id}`,
  );
  const tries: [string, string][] = [
    ["nobody@example.com", password],
    [person.email, "a wrong password"],
    [gone.email, password],
    ["not an address at all", password],
  ];
  const answers = [];
  for (const [email, secret] of tries) {
    const [before, rows] = [computed, await failures()];
    const answer = await attempt(email, secret, nextAddress());
    const { request_id: _, ...body } = answer.body as typeof answer.body & { request_id: string };
    const headers = [...answer.headers.keys()].sort();
    answers.push({ body, headers, hashes: computed - before, logged: (await failures()) - rows });
  }
  expect(answers[0]).toMatchObject({ hashes: 1, logged: 1 });
  expect(answers[0]?.body).toMatchObject({ status: 401, code: "auth.invalid_credentials" });
  for (const answer of answers) expect(answer).toEqual(answers[0] as (typeof answers)[0]);
});

async function failures(): Promise<number> {
  const row = await stage.db.one<{ n: number }>`
    SELECT count(*)::int AS n FROM accounts.audit WHERE action = 'accounts.sign_in_failed'`;
  return row?.n ?? 0;
}

test("an account is guessed at so often and no more, in parallel and over processes", async () => {
  const { email } = await stage.person();
  const other = await stage.another();
  const before = computed;
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      attempt(email, `wrong password ${i}`, nextAddress(), i % 2 ? stage.call : other.call),
    ),
  );
  const count = (status: number) => answers.filter((a) => a.status === status).length;
  expect([count(401), count(429), computed - before]).toEqual([5, 11, 5]);
  const limited = answers.find((a) => a.status === 429);
  expect(limited?.body.code).toBe("request.rate_limited");
  expect(Number(limited?.headers.get("retry-after"))).toBe(3_600 / 5);
  expect((await attempt(email, password, nextAddress())).status).toBe(429);
  clock.advance(721_000);
  expect((await attempt(email, password, nextAddress())).status).toBe(200);
  expect((await attempt(email, "wrong again here", nextAddress())).status).toBe(401);
});

test("an address that is no account is limited alike", async () => {
  const email = `ghost-${crypto.randomUUID()}@example.com`;
  const statuses = [];
  for (let i = 0; i < 6; i++) {
    statuses.push((await attempt(email, password, nextAddress())).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
});

test("stuffing many accounts from one address, or one IPv6 /64, is stopped", async () => {
  for (const from of [() => "203.0.113.9", (i: number) => `2001:db8:1:2:${i}::${i + 1}`]) {
    const statuses = [];
    for (let i = 0; i < 21; i++) {
      const email = `stuffed-${i}-${crypto.randomUUID()}@example.com`;
      statuses.push((await attempt(email, password, from(i))).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
  }
  const next = await attempt("stuffed@example.com", password, "2001:db8:1:3::1");
  expect(next.status).toBe(401);
});

test("signing in right never counts, nor does what was turned away in overload", async () => {
  const { email } = await stage.person();
  const address = nextAddress();
  for (let i = 0; i < 30; i++) {
    expect((await attempt(email, password, address)).status).toBe(200);
  }
  busy = true;
  for (let i = 0; i < 8; i++) expect((await attempt(email, password, address)).status).toBe(503);
  busy = false;
  expect((await attempt(email, password, address)).status).toBe(200);
});

test("guessing the current password of a stolen session is limited as signing in is", async () => {
  const { token } = await stage.person();
  const statuses = [];
  for (let i = 0; i < 6; i++) {
    const body = { password: "a quite different one", current_password: `guess number ${i}` };
    const address = nextAddress();
    statuses.push((await stage.call("PATCH", "/account", { token, body, address })).status);
  }
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
});

test("sign-ups of one address are limited", async () => {
  const address = nextAddress();
  const statuses = [];
  for (let i = 0; i < 21; i++) {
    const body = { email: `many-${crypto.randomUUID()}@example.com`, password };
    statuses.push((await stage.call("POST", "/accounts", { body, address })).status);
  }
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 201), 429]);
});

test("what was typed as an address is not kept in plain", async () => {
  const typed = "my-secret-typed-in-the-wrong-field";
  await attempt(typed, password, nextAddress());
  const rows = await stage.db.all<{ text: string }>`
    SELECT u::text AS text FROM accounts.audit u`;
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.some((row) => row.text.includes(typed))).toBe(false);
});
