import { apiKeyStart, hashApiKey } from "../../platform/auth/keys.ts";
import type { OutsideIssuer } from "../../platform/auth/jwks.ts";
import type { Authenticate, Principal } from "../../platform/auth/principal.ts";
import {
  type AccessTokens,
  claimedIssuer,
  invalidToken,
  ownIssuer,
} from "../../platform/auth/tokens.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Reader } from "../../platform/db/db.ts";
import type { KeyUse } from "./api-keys.ts";
import type { Credential, Credentials } from "./credentials.ts";
import { keyStanding } from "./key-store.ts";
import type { Provision } from "./outside-people.ts";
import { sessionStanding } from "./session-store.ts";
import { findIdentity } from "./store.ts";

/**
 * From `Authorization: Bearer` to a principal. Signatures are checked first and without any
 * network call; only then is it looked up whether the session, key or person is still welcome.
 * Role and standing always come from the database (or what is held of it), never from a token.
 */
const bearerFormat = /^Bearer +([\x21-\x7e]{1,8192})$/i;

/** A password that somebody else chose is good for choosing one's own. */
export const mustChangeScopes = ["accounts:*"];

export function createAuthenticate(options: {
  db: Reader;
  clock: Clock;
  tokens: AccessTokens;
  outside: OutsideIssuer | null;
  credentials: Credentials;
  provision: Provision;
  keyUse: KeyUse;
}): Authenticate {
  const { db, tokens, outside, credentials } = options;

  async function byKey(presented: string): Promise<Principal> {
    const hash = hashApiKey(presented);
    const name = hash && `key:${Buffer.from(hash).toString("base64")}`;
    const found = name && (await credentials.find(name, () => readKey(db, hash)));
    if (!found || hasExpired(found)) {
      throw invalidToken("The API key is unknown, revoked or expired.");
    }
    options.keyUse.note(found.principal.credential_id);
    return found.principal;
  }

  async function bySession(token: string): Promise<Principal> {
    const { account_id, session_id } = await tokens.verify(token);
    const found = await credentials.find(`session:${session_id}`, () =>
      readSession(db, session_id),
    );
    if (!found || hasExpired(found) || found.principal.account_id !== account_id) {
      throw invalidToken("The session has ended; sign in again.");
    }
    return found.principal;
  }

  async function byOutsideToken(issuer: OutsideIssuer, token: string): Promise<Principal> {
    const identity = await issuer.verify(token);
    const name = `outside:${identity.issuer} ${identity.subject}`;
    const found = await credentials.find(name, async () => {
      const known = await readIdentity(db, identity);
      if (known !== "unknown") return known;
      await options.provision(identity);
      const made = await readIdentity(db, identity);
      return made === "unknown" ? null : made;
    });
    if (!found) throw invalidToken("The account is disabled.");
    return found.principal;
  }

  function hasExpired(credential: Credential): boolean {
    const at = credential.expires_at;
    return at !== null && at.getTime() <= options.clock.now();
  }

  return async (request) => {
    const header = request.headers.get("authorization");
    if (header === null) return null;
    const token = bearerFormat.exec(header)?.[1];
    if (token === undefined) {
      throw invalidToken("Authorization: send `Bearer` and an access token or an API key.");
    }
    if (token.startsWith(apiKeyStart)) return await byKey(token);
    // Unproved, so it only decides who checks the token; each of them insists on its own name.
    const issuer = claimedIssuer(token);
    if (issuer === ownIssuer) return await bySession(token);
    if (outside && issuer === outside.issuer) return await byOutsideToken(outside, token);
    throw invalidToken("The token is not one that is accepted here.");
  };
}

async function readKey(db: Reader, hash: Uint8Array): Promise<Credential | null> {
  const row = await keyStanding(db, hash);
  if (!row) return null;
  const { account_id, role, tier, scopes, id, expires_at } = row;
  const principal = { kind: "key", account_id, role, tier, scopes, credential_id: id } as const;
  return { principal, expires_at };
}

async function readSession(db: Reader, id: string): Promise<Credential | null> {
  const row = await sessionStanding(db, id);
  if (!row) return null;
  const scopes = row.must_change_password ? mustChangeScopes : ["*"];
  const { account_id, role, tier, expires_at } = row;
  const principal = { kind: "session", account_id, role, tier, scopes, credential_id: id } as const;
  return { principal, expires_at };
}

async function readIdentity(
  db: Reader,
  identity: { issuer: string; subject: string },
): Promise<Credential | null | "unknown"> {
  const row = await findIdentity(db, identity);
  if (!row) return "unknown";
  if (row.disabled_at !== null) return null;
  const { account_id, role, tier } = row;
  const who = { kind: "outside", account_id, role, tier } as const;
  const principal = { ...who, scopes: ["*"], credential_id: identity.subject };
  return { principal, expires_at: null };
}
