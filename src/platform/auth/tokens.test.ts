import { expect, test } from "bun:test";
import { generateKeyPair, SignJWT } from "jose";
import { fakeClock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import { claimedIssuer, createAccessTokens, importSigningKey } from "./tokens.ts";

const clock = fakeClock(Date.UTC(2026, 5, 1));
const secret = new Uint8Array(32).fill(7);
const old = await importSigningKey("old", new Uint8Array(32).fill(6));
const current = await importSigningKey("current", secret);
const asked: string[] = [];
const withdrawn = new Set<string>();
const tokens = createAccessTokens({
  clock,
  keys: {
    current: async () => current,
    find: async (kid) => {
      asked.push(kid);
      if (withdrawn.has(kid)) return null;
      return [current, old].find((key) => key.kid === kid) ?? null;
    },
  },
});
const claims = { account_id: "12", session_id: "34" };

const codeOf = async (token: string) =>
  await tokens.verify(token).then(
    () => "accepted",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

function forge(over: Record<string, unknown> = {}, header: Record<string, unknown> = {}) {
  const now = Math.floor(clock.now() / 1000);
  const payload = {
    iss: "stoa",
    aud: "stoa",
    sub: "12",
    sid: "34",
    iat: now,
    exp: now + 60,
    ...over,
  };
  const given = { alg: "HS256", typ: "at+jwt", kid: "current", ...header };
  return new SignJWT(payload).setProtectedHeader(given);
}

test("what was issued is verified, until it expires", async () => {
  const token = await tokens.issue(claims, 600);
  expect(await tokens.verify(token)).toEqual(claims);
  clock.advance(599_000);
  expect(await codeOf(token)).toBe("accepted");
  clock.advance(1_000);
  expect(await codeOf(token)).toBe("auth.invalid_token");
});

test("a token made by hand with the right key passes, so the cases below can fail", async () => {
  expect(await codeOf(await forge().sign(secret))).toBe("accepted");
});

test("no other algorithm is accepted, with the right secret or without", async () => {
  const [head = "", body = "", signature = ""] = (await forge().sign(secret)).split(".");
  const headed = (header: unknown) => Buffer.from(JSON.stringify(header)).toString("base64url");
  const fields = { typ: "at+jwt", kid: "current" };
  const long = new Uint8Array(64).fill(7);
  const bad = [
    await forge({}, { alg: "HS384" }).sign(long),
    await forge({}, { alg: "HS512" }).sign(long),
    await forge({}, { alg: "RS256" }).sign((await generateKeyPair("RS256")).privateKey),
    await forge({}, { alg: "EdDSA" }).sign((await generateKeyPair("EdDSA")).privateKey),
    await forge().sign(new Uint8Array(32).fill(8)),
    await forge({}, { kid: "old" }).sign(secret),
    ...["none", "None", "NONE", "", "hs256"].flatMap((alg) => [
      `${headed({ ...fields, alg })}.${body}.`,
      `${headed({ ...fields, alg })}.${body}.${signature}`,
    ]),
    `${head}.${body}.`,
    `${head}.${body}`,
    `${head}..${signature}`,
    `${head}.${headed({ sub: "1", sid: "34", iss: "stoa", aud: "stoa" })}.${signature}`,
  ];
  for (const token of bad) {
    expect([token, await codeOf(token)]).toEqual([token, "auth.invalid_token"]);
  }
});

test("a key id picks among the keys held and does nothing else", async () => {
  const kids = [
    "../../dev/null",
    "' OR 1=1 --",
    "current\u0000",
    "",
    "__proto__",
    ["current"],
    0,
    null,
  ];
  for (const kid of [...kids, undefined]) {
    const token = await forge({}, { kid: kid as string }).sign(secret);
    expect([kid, await codeOf(token)]).toEqual([kid, "auth.invalid_token"]);
  }
  expect(asked.every((kid) => typeof kid === "string")).toBe(true);
  const embedded = {
    jwk: { kty: "oct", k: Buffer.from(secret).toString("base64url") },
    kid: "mine",
  };
  expect(await codeOf(await forge({}, embedded).sign(secret))).toBe("auth.invalid_token");
});

test("a token for somebody or something else is refused", async () => {
  const past = Math.floor(clock.now() / 1000) - 1;
  const wrong: Record<string, unknown>[] = [
    { aud: "other" },
    { aud: undefined },
    { iss: "other" },
    { iss: undefined },
    { exp: past },
    { exp: undefined },
    { exp: "never" },
    { nbf: past + 100 },
    { sub: undefined },
    { sub: "admin" },
    { sub: "-1" },
    { sub: ["12"] },
    { sid: undefined },
    { sid: 34 },
    { sid: "34 OR 1=1" },
    { sid: "" },
  ];
  for (const over of wrong) {
    expect([over, await codeOf(await forge(over).sign(secret))]).toEqual([
      over,
      "auth.invalid_token",
    ]);
  }
  for (const typ of ["JWT", undefined, "at+jwt2"]) {
    expect(await codeOf(await forge({}, { typ }).sign(secret))).toBe("auth.invalid_token");
  }
  const critical = await forge({}, { crit: ["x-mine"], "x-mine": 1 }).sign(secret, {
    crit: { "x-mine": true },
  });
  expect(await codeOf(critical)).toBe("auth.invalid_token");
});

test("a token that was good before is refused once its key is gone, and if altered", async () => {
  const token = await tokens.issue(claims, 600);
  expect(await codeOf(token)).toBe("accepted");
  expect(await codeOf(`${token.slice(0, -2)}AA`)).toBe("auth.invalid_token");
  withdrawn.add("current");
  expect(await codeOf(token)).toBe("auth.invalid_token");
  withdrawn.clear();
  expect(await codeOf(token)).toBe("accepted");
});

test("the claimed issuer is read out of anything without failing", async () => {
  expect(claimedIssuer(await forge().sign(secret))).toBe("stoa");
  const texts = ["", "a", "a.b", "a.bnVsbA.c", "a.W10.c", "a.eyJpc3MiOjF9.c", "..", "a.e30.c"];
  for (const text of texts) expect(claimedIssuer(text)).toBeNull();
});
