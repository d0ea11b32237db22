import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";
import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { claimedIssuer, invalidToken, refuse } from "./tokens.ts";

/**
 * Tokens of one outside issuer. Its keys come from the configured URL and nowhere else: `jku`,
 * `x5u` and `jwk` in a token are never read. Keys belong to the issuer they were fetched for, so
 * the same `kid` elsewhere means nothing. A token with an unknown `kid` may cause a fetch, since
 * issuers rotate keys, but at most one per cool-down whatever anybody sends; while the issuer is
 * away the keys held go on working.
 *
 * jose's own remote key set is not used: it drops its keys when a refresh fails and cools down
 * only after a fetch that worked, so an issuer that is down would be asked once per request.
 */
export type OutsideIssuer = {
  readonly issuer: string;
  /** Throws `auth.invalid_token`, or `server.busy` while no keys could be fetched yet. */
  verify(token: string): Promise<OutsideIdentity>;
};

export type OutsideIdentity = { issuer: string; subject: string; name: string | null };

/** Only public-key algorithms: a public key can then never be taken for a shared secret. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const cooldownMs = 30_000;
const refreshAfterMs = 10 * 60_000;
const clockToleranceSeconds = 30;
const keysMax = 100;
const subjectLengthMax = 255;

const keySetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(keysMax),
});

export function createOutsideIssuer(options: {
  url: string;
  issuer: string;
  audience: string;
  /** The parsed JSON at the URL, through the outbound client. */
  fetchJson: (url: string) => Promise<unknown>;
  clock: Clock;
  log: Log;
}): OutsideIssuer {
  const { issuer, audience, clock } = options;
  const keys = createKeyCache(options);
  return {
    issuer,
    async verify(token) {
      // Whoever does not even claim to be of this issuer causes no fetch.
      if (claimedIssuer(token) !== issuer) throw invalidToken("The token is of another issuer.");
      const { payload } = await jwtVerify(
        token,
        async (header, input) => {
          const set = await keys.holding(header.kid);
          return await set.select(header, input);
        },
        {
          algorithms,
          issuer,
          audience,
          requiredClaims: ["sub", "exp"],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(clock.now()),
        },
      ).catch(refuse);
      return identityOf(issuer, payload);
    },
  };
}

function identityOf(issuer: string, payload: JWTPayload): OutsideIdentity {
  const subject = payload.sub ?? "";
  const usable = /^\P{Cc}+$/u.test(subject) && subject.isWellFormed();
  if (!usable || subject.length > subjectLengthMax) {
    throw invalidToken("The token's subject cannot be used.");
  }
  const name = payload["name"];
  return { issuer, subject, name: typeof name === "string" ? name : null };
}

type KeySet = {
  kids: Set<string>;
  select: ReturnType<typeof createLocalJWKSet>;
  fetchedAt: number;
};

function createKeyCache(options: {
  url: string;
  fetchJson: (url: string) => Promise<unknown>;
  clock: Clock;
  log: Log;
}) {
  const { clock, log } = options;
  let held: KeySet | null = null;
  let lastTried = -Infinity;
  let fetching: Promise<void> | null = null;

  const refetch = async () => {
    lastTried = clock.monotonic();
    try {
      held = parseKeySet(await options.fetchJson(options.url), clock.monotonic());
    } catch (error) {
      log.warn("the outside issuer's keys could not be fetched", { error });
    } finally {
      fetching = null;
    }
  };

  return {
    async holding(kid: string | undefined): Promise<KeySet> {
      const age = held === null ? Infinity : clock.monotonic() - held.fetchedAt;
      const known = held !== null && (kid === undefined || held.kids.has(kid));
      const cooled = clock.monotonic() - lastTried >= cooldownMs;
      if (fetching === null && cooled && (!known || age >= refreshAfterMs)) fetching = refetch();
      if (!known && fetching !== null) await fetching;
      if (held !== null) return held;
      throw new AppError("server.busy", "The token issuer's keys cannot be fetched just now.", {
        retryAfterSeconds: Math.ceil(cooldownMs / 1000),
      });
    },
  };
}

function parseKeySet(body: unknown, now: number): KeySet {
  const parsed = keySetSchema.parse(body);
  return {
    kids: new Set(parsed.keys.flatMap((key) => key.kid ?? [])),
    select: createLocalJWKSet(parsed as JSONWebKeySet),
    fetchedAt: now,
  };
}
