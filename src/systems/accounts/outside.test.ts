import { afterAll, beforeAll, expect, test } from "bun:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { openStage, type Stage } from "./accounts.fixture.ts";

/** People who sign in elsewhere and bring that issuer's token. */
const issuer = "https://login.example.com";
const url = `${issuer}/keys`;
const pair = await generateKeyPair("ES256", { extractable: true });
const jwk = { ...(await exportJWK(pair.publicKey)), kid: "a", alg: "ES256" };

let stage: Stage;
let asked: string[];
beforeAll(async () => {
  asked = [];
  stage = await openStage({
    config: { jwksUrl: url, jwksIssuer: issuer, jwksAudience: "stoa" },
    outbound: {
      fetch: async (request) => {
        asked.push(request.url);
        const body = new TextEncoder().encode(JSON.stringify({ keys: [jwk] }));
        const rest = { headers: new Headers(), truncated: false, finalUrl: url, hops: 0 };
        return { status: 200, body, ...rest };
      },
    },
  });
});
afterAll(() => stage.close());

function bring(sub: string, over: Record<string, unknown> = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: "stoa", sub, iat: now, exp: now + 300, ...over };
  return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "a" }).sign(pair.privateKey);
}

test("nothing is asked of anybody for a token that proves nothing", async () => {
  const { token: own } = await stage.person();
  const [head = "", , signature = ""] = own.split(".");
  const claims = Buffer.from(JSON.stringify({ iss: "https://evil.example.com" }));
  const bad = [
    "x",
    "a.b.c",
    `${head}.${claims.toString("base64url")}.${signature}`,
    "stoa_key_short",
    `stoa_key_${"a".repeat(43)}`,
    "a".repeat(8_193),
    await bring("ada", { iss: "https://evil.example.com" }),
  ];
  for (const token of bad) {
    const answer = await stage.call("GET", "/account", { token });
    expect([answer.status, answer.body.code]).toEqual([401, "auth.invalid_token"]);
    expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
  }
  expect(asked).toEqual([]);
});

test("a first visit makes one member account, however many requests it comes with", async () => {
  const token = await bring("ada", {
    name: "Ada\u0007 L",
    email: "ada@example.com",
    role: "admin",
  });
  const other = await stage.another();
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => (i % 2 ? stage : other).call("GET", "/account", { token })),
  );
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  expect(answers[0]?.body).toMatchObject({ email: null, name: "Ada  L", role: "member" });
  const rows = await stage.db.all`SELECT 1 FROM accounts.accounts WHERE name = 'Ada  L'`;
  expect(rows.length).toBe(1);
  expect((await stage.call("GET", "/accounts", { token })).status).toBe(403);
  expect(new Set(asked)).toEqual(new Set([url]));
});

test("an e-mail address in a token never opens the account that has it", async () => {
  const { email, id } = await stage.person("admin");
  const token = await bring("mallory", { email, email_verified: true, sub: "mallory" });
  const answer = await stage.call("GET", "/account", { token });
  expect(answer.status).toBe(200);
  expect(answer.body.id).not.toBe(id);
  expect(answer.body.role).toBe("member");
});

test("an account of Stoa's own number as subject is not that account", async () => {
  const { id } = await stage.person("admin");
  const answer = await stage.call("GET", "/account", { token: await bring(id, { sid: id }) });
  expect(answer.body.id).not.toBe(id);
});

test("the outside issuer cannot speak for Stoa, nor Stoa's key for the issuer", async () => {
  const { id } = await stage.person("admin");
  const posing = await bring(id, { iss: "stoa", sid: "1" });
  expect((await stage.call("GET", "/account", { token: posing })).status).toBe(401);
  const row = await stage.db.one<{ kid: string; secret: Uint8Array }>`
    SELECT kid, secret FROM accounts.signing_keys`;
  const now = Math.floor(Date.now() / 1000);
  const crossed = await new SignJWT({ iss: issuer, aud: "stoa", sub: "ada", exp: now + 60 })
    .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid: row?.kid ?? "" })
    .sign(row?.secret ?? new Uint8Array());
  expect((await stage.call("GET", "/account", { token: crossed })).status).toBe(401);
});

test("a disabled outside account is refused at once", async () => {
  const token = await bring("grace");
  const { id } = (await stage.call("GET", "/account", { token })).body;
  const admin = await stage.person("admin");
  const body = { disabled: true };
  await stage.call("PATCH", `/accounts/${id}`, { token: admin.token, body });
  expect((await stage.call("GET", "/account", { token })).status).toBe(401);
});

test("an outside account has no password to set", async () => {
  const token = await bring("linus");
  const { id } = (await stage.call("GET", "/account", { token })).body;
  const password = "a quite different one";
  const own = { password, current_password: password };
  expect((await stage.call("PATCH", "/account", { token, body: own })).status).toBe(409);
  const admin = await stage.person("admin");
  const body = { password };
  const reset = await stage.call("PATCH", `/accounts/${id}`, { token: admin.token, body });
  expect(reset.status).toBe(409);
});

test("an outside account has no password to give again; an administrator deletes it", async () => {
  const token = await bring("edsger");
  const { id } = (await stage.call("GET", "/account", { token })).body;
  const body = { current_password: "none" };
  const own = await stage.call("POST", "/account/delete", { token, body });
  expect([own.status, own.body.code]).toEqual([409, "request.conflict"]);
  const admin = await stage.person("admin");
  const erase = { token: admin.token, body: { transfer_to: null } };
  expect((await stage.call("POST", `/accounts/${id}/delete`, erase)).status).toBe(204);
  // Whom the issuer goes on vouching for comes back as somebody new.
  expect((await stage.call("GET", "/account", { token })).body.id).not.toBe(id);
});
