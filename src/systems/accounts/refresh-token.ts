import { timingSafeEqual } from "node:crypto";

/**
 * Refresh tokens of one session form a chain: each secret is an HMAC of the one before it under
 * the session's chain key. The database holds that key and the hash of the last secret. Neither
 * yields a token, and yet:
 *  - whoever presents the token before the last again can be given the very same successor,
 *    which nobody had to store;
 *  - any older token proves by its tag that this session once issued it, so a replay is told
 *    apart from a made-up token without keeping a row per rotation.
 * The alternative, a table of every token issued, grows with each refresh of each device.
 *
 * Layout: session id (8 bytes), generation (4), secret (32), tag (16), as base64url.
 */
export type RefreshToken = { session_id: string; generation: number; secret: Buffer; tag: Buffer };

const start = "stoa_refresh_";
const format = /^stoa_refresh_[A-Za-z0-9_-]{80}$/;
const tagBytes = 16;

export function firstToken(sessionId: string, chainKey: Uint8Array): RefreshToken {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32)));
  return signed({ session_id: sessionId, generation: 0, secret }, chainKey);
}

export function successorOf(token: RefreshToken, chainKey: Uint8Array): RefreshToken {
  const secret = mac(chainKey, "next", token.secret);
  const { session_id, generation } = token;
  return signed({ session_id, generation: generation + 1, secret }, chainKey);
}

/** Whether this session issued the token at some time, be it spent or not. */
export function wasIssued(token: RefreshToken, chainKey: Uint8Array): boolean {
  return timingSafeEqual(token.tag, tagOf(token, chainKey));
}

export function hashOf(token: RefreshToken): Buffer {
  return new Bun.CryptoHasher("sha256").update(token.secret).digest() as Buffer;
}

export function sameHash(a: Uint8Array, b: Uint8Array | null): boolean {
  return b !== null && a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

export function formatRefreshToken(token: RefreshToken): string {
  return start + Buffer.concat([head(token), token.secret, token.tag]).toString("base64url");
}

export function parseRefreshToken(text: string): RefreshToken | null {
  if (!format.test(text)) return null;
  const bytes = Buffer.from(text.slice(start.length), "base64url");
  const id = bytes.readBigInt64BE(0);
  if (id <= 0n) return null;
  return {
    session_id: id.toString(),
    generation: bytes.readUInt32BE(8),
    secret: bytes.subarray(12, 44),
    tag: bytes.subarray(44, 60),
  };
}

function signed(token: Omit<RefreshToken, "tag">, chainKey: Uint8Array): RefreshToken {
  return { ...token, tag: tagOf(token, chainKey) };
}

function tagOf(token: Omit<RefreshToken, "tag">, chainKey: Uint8Array): Buffer {
  return mac(chainKey, "issued", Buffer.concat([head(token), token.secret])).subarray(0, tagBytes);
}

function head(token: Pick<RefreshToken, "session_id" | "generation">): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64BE(BigInt(token.session_id), 0);
  bytes.writeUInt32BE(token.generation, 8);
  return bytes;
}

function mac(key: Uint8Array, use: "next" | "issued", data: Uint8Array): Buffer {
  return new Bun.CryptoHasher("sha256", key).update(use).update(data).digest() as Buffer;
}
