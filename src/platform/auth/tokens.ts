import { errors as joseErrors, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";

/**
 * Stoa's own access tokens: short-lived JWTs signed with HS256. The same program signs and
 * verifies, so a shared key is enough and ten times cheaper to check than a signature pair. The
 * algorithm, type, issuer and audience are fixed here; nothing in a token chooses how or with
 * what it is checked, except `kid`, which only picks among keys already held.
 */
export type AccessClaims = { account_id: string; session_id: string };

export type SigningKey = { kid: string; key: CryptoKey };

export type KeyRing = {
  current(): Promise<SigningKey>;
  find(kid: string): Promise<SigningKey | null>;
};

export type AccessTokens = {
  issue(claims: AccessClaims, ttlSeconds: number): Promise<string>;
  /** Throws `auth.invalid_token`; a failing key ring's error passes through. */
  verify(token: string): Promise<AccessClaims>;
};

export const ownIssuer = "stoa";
const audience = "stoa";
const algorithm = "HS256";
const type = "at+jwt";
/** A signature is checked once: the very same token then only has to be unexpired. */
const provedMax = 10_000;
const idFormat = /^[1-9]\d{0,18}$/;

export function createAccessTokens(options: { keys: KeyRing; clock: Clock }): AccessTokens {
  const { keys, clock } = options;
  const seconds = () => Math.floor(clock.now() / 1000);
  type Proved = { claims: AccessClaims; exp: number; kid: string };
  const proved = new LRUCache<string, Proved>({ max: provedMax });
  return {
    async issue(claims, ttlSeconds) {
      const { kid, key } = await keys.current();
      return await new SignJWT({ sid: claims.session_id })
        .setProtectedHeader({ alg: algorithm, typ: type, kid })
        .setSubject(claims.account_id)
        .setIssuer(ownIssuer)
        .setAudience(audience)
        .setIssuedAt(seconds())
        .setExpirationTime(seconds() + ttlSeconds)
        .sign(key);
    },
    async verify(token) {
      const before = proved.get(token);
      if (before && before.exp > seconds() && (await keys.find(before.kid))) return before.claims;
      const { payload, protectedHeader } = await jwtVerify(
        token,
        async (header) => {
          const found = typeof header.kid === "string" ? await keys.find(header.kid) : null;
          if (!found) throw invalidToken("The access token is signed with an unknown key.");
          return found.key;
        },
        {
          algorithms: [algorithm],
          typ: type,
          issuer: ownIssuer,
          audience,
          requiredClaims: ["sub", "sid", "exp"],
          currentDate: new Date(clock.now()),
        },
      ).catch(refuse);
      const { sub, sid, exp = 0 } = payload;
      if (!isId(sub) || !isId(sid)) throw invalidToken("The access token names no session.");
      const claims = { account_id: sub, session_id: sid };
      proved.set(token, { claims, exp, kid: protectedHeader.kid ?? "" });
      return claims;
    },
  };
}

/** A key for signing and checking, from its 32 stored bytes. */
export async function importSigningKey(kid: string, secret: Uint8Array): Promise<SigningKey> {
  const usages: KeyUsage[] = ["sign", "verify"];
  const bytes = new Uint8Array(secret);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  return { kid, key: await crypto.subtle.importKey("raw", bytes, hmac, false, usages) };
}

/** The `iss` a token claims, unproved: only good for choosing who has to prove it. */
export function claimedIssuer(token: string): string | null {
  const middle = token.split(".")[1];
  if (middle === undefined) return null;
  try {
    const payload: unknown = JSON.parse(Buffer.from(middle, "base64url").toString());
    const issuer = (payload as { iss?: unknown } | null)?.iss;
    return typeof issuer === "string" ? issuer : null;
  } catch {
    return null;
  }
}

/** Turns what jose says into the one error a caller sees; anything else is not about the token. */
export function refuse(error: unknown): never {
  if (error instanceof joseErrors.JWTExpired) throw invalidToken("The token has expired.");
  if (error instanceof joseErrors.JOSEError) throw invalidToken("The token is not valid.");
  throw error;
}

export function invalidToken(message: string): AppError {
  return new AppError("auth.invalid_token", message);
}

function isId(value: unknown): value is string {
  return typeof value === "string" && idFormat.test(value);
}
