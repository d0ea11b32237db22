import { expect, test } from "bun:test";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { fakeClock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import { silentLog } from "../log/log.ts";
import { createOutsideIssuer } from "./jwks.ts";

const issuer = "https://login.example.com";
const audience = "stoa";
const url = "https://login.example.com/keys";

/** Lets the signing side use a header that the checking side does not know. */
const crit = { crit: { "x-mine": true } };

type Pair = { privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK };

async function pair(alg: string, kid: string): Promise<Pair> {
  const keys = await generateKeyPair(alg, { extractable: true });
  return { ...keys, jwk: { ...(await exportJWK(keys.publicKey)), kid, alg } };
}

/** An issuer whose key set a test may change, and that counts what is asked of it. */
function stage(keys: JWK[]) {
  const clock = fakeClock(Date.UTC(2026, 5, 1));
  const asked: string[] = [];
  const served = { keys, down: false };
  const outside = createOutsideIssuer({
    url,
    issuer,
    audience,
    clock,
    log: silentLog,
    fetchJson: async (from) => {
      asked.push(from);
      if (served.down) throw new Error("no route to host");
      return { keys: served.keys };
    },
  });
  const token = (signer: Pair | Uint8Array, over: Record<string, unknown> = {}, header = {}) => {
    const now = Math.floor(clock.now() / 1000);
    const claims = { iss: issuer, aud: audience, sub: "ada", iat: now, exp: now + 300, ...over };
    const alg = signer instanceof Uint8Array ? "HS256" : (signer.jwk.alg ?? "");
    const kid = signer instanceof Uint8Array ? "a" : signer.jwk.kid;
    const key = signer instanceof Uint8Array ? signer : signer.privateKey;
    return new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(key, crit);
  };
  return { clock, asked, served, outside, token };
}

const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => "accepted",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

const rsa = await pair("RS256", "a");

test("tokens of the usual public-key algorithms are accepted", async () => {
  for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
    const key = await pair(alg, "k");
    const { outside, token } = stage([key.jwk]);
    const identity = await outside.verify(await token(key, { name: "Ada" }));
    expect(identity).toEqual({ issuer, subject: "ada", name: "Ada" });
  }
});

test("a public key is never taken for a shared secret", async () => {
  const { outside, token, served } = stage([rsa.jwk]);
  const pem = new TextEncoder().encode(await exportSPKI(rsa.publicKey));
  const modulus = Buffer.from(rsa.jwk.n ?? "", "base64url");
  const json = new TextEncoder().encode(JSON.stringify(rsa.jwk));
  for (const secret of [pem, modulus, json]) {
    expect(await codeOf(outside.verify(await token(secret)))).toBe("auth.invalid_token");
  }
  const secret = new Uint8Array(32).fill(1);
  served.keys = [{ kty: "oct", k: Buffer.from(secret).toString("base64url"), kid: "a" }];
  const fresh = stage(served.keys);
  expect(await codeOf(fresh.outside.verify(await fresh.token(secret)))).toBe("auth.invalid_token");
});

test("tokens unsigned, of another key, late, early or for others are refused", async () => {
  const { outside, token, clock } = stage([rsa.jwk]);
  const now = Math.floor(clock.now() / 1000);
  const [head = "", claims = ""] = (await token(rsa)).split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const wrong: [string, string][] = [
    ["none", `${none}.${claims}.`],
    ["signature cut off", `${head}.${claims}.`],
    ["other key, same id", await token(await pair("RS256", "a"))],
    ["expired", await token(rsa, { exp: now - 31 })],
    ["not yet", await token(rsa, { nbf: now + 31 })],
    ["no end", await token(rsa, { exp: undefined })],
    ["other audience", await token(rsa, { aud: "other" })],
    ["no audience", await token(rsa, { aud: undefined })],
    ["other issuer", await token(rsa, { iss: "https://evil.example.com" })],
    ["no subject", await token(rsa, { sub: undefined })],
    ["subject that cannot be stored", await token(rsa, { sub: "a\u0000b" })],
    ["long subject", await token(rsa, { sub: "a".repeat(256) })],
    ["unknown critical header", await token(rsa, {}, { crit: ["x-mine"], "x-mine": 1 })],
    ["garbage", "a.b.c"],
  ];
  for (const [what, bad] of wrong) {
    expect([what, await codeOf(outside.verify(bad))]).toEqual([what, "auth.invalid_token"]);
  }
  expect(await codeOf(outside.verify(await token(rsa)))).toBe("accepted");
});

test("addresses and keys inside a token are not used", async () => {
  const mine = await pair("RS256", "mine");
  const { outside, token, asked } = stage([rsa.jwk]);
  const away = "https://evil.example.com/keys";
  for (const header of [{ jku: away }, { x5u: away }, { jwk: mine.jwk }]) {
    const bad = await token(mine, {}, header);
    expect(await codeOf(outside.verify(bad))).toBe("auth.invalid_token");
  }
  expect(new Set(asked)).toEqual(new Set([url]));
});

test("a token that claims another issuer asks nobody", async () => {
  const { outside, token, asked } = stage([rsa.jwk]);
  const foreign = await token(rsa, { iss: "https://evil.example.com" });
  for (const bad of [foreign, "x", "a.b.c", "..", `${"a".repeat(9_000)}.e30.x`]) {
    expect(await codeOf(outside.verify(bad))).toBe("auth.invalid_token");
  }
  expect(asked).toEqual([]);
});

test("unknown key ids cause one fetch per cool-down, and a new key is found", async () => {
  const { outside, token, asked, clock, served } = stage([rsa.jwk]);
  await outside.verify(await token(rsa));
  expect(asked.length).toBe(1);
  const next = await pair("RS256", "b");
  const flood = await Promise.all(Array.from({ length: 50 }, () => token(next)));
  await Promise.all(flood.map((bad) => codeOf(outside.verify(bad))));
  expect(asked.length).toBe(1);
  served.keys = [rsa.jwk, next.jwk];
  clock.advance(30_000);
  const codes = await Promise.all(flood.map((good) => codeOf(outside.verify(good))));
  expect(new Set(codes)).toEqual(new Set(["accepted"]));
  expect(asked.length).toBe(2);
});

test("an issuer that is down is asked once per cool-down, and known keys still work", async () => {
  const down = stage([rsa.jwk]);
  down.served.down = true;
  for (let i = 0; i < 20; i++) {
    const code = await codeOf(down.outside.verify(await down.token(rsa)));
    expect(code).toBe("server.busy");
  }
  expect(down.asked.length).toBe(1);
  const later = stage([rsa.jwk]);
  await later.outside.verify(await later.token(rsa));
  later.served.down = true;
  later.clock.advance(3_600_000);
  expect(await codeOf(later.outside.verify(await later.token(rsa)))).toBe("accepted");
  expect(later.asked.length).toBe(2);
});

test("a key that its issuer withdrew stops working after the next refresh", async () => {
  const next = await pair("RS256", "b");
  const { outside, token, clock, served } = stage([rsa.jwk]);
  await outside.verify(await token(rsa));
  served.keys = [next.jwk];
  clock.advance(10 * 60_000);
  await outside.verify(await token(next));
  expect(await codeOf(outside.verify(await token(rsa)))).toBe("auth.invalid_token");
});

test("a key set that is none is refused and leaves the last one in use", async () => {
  const { outside, token, clock, served } = stage([rsa.jwk]);
  await outside.verify(await token(rsa));
  served.keys = Array.from({ length: 101 }, () => rsa.jwk);
  clock.advance(3_600_000);
  expect(await codeOf(outside.verify(await token(rsa)))).toBe("accepted");
});
