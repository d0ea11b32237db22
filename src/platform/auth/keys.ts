/**
 * API keys: `stoa_key_` and 43 base62 characters, which is 256 random bits. Only the SHA-256 is
 * stored: a key of that strength needs no slow hash, and a copy of the table opens nothing.
 */
export type ApiKey = { plaintext: string; hash: Uint8Array; prefix: string };

export const apiKeyStart = "stoa_key_";
const secretLength = 43;
const shownLength = 8;
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const format = /^stoa_key_[0-9A-Za-z]{43}$/;

export function generateApiKey(): ApiKey {
  const plaintext = apiKeyStart + randomText(secretLength);
  return {
    plaintext,
    hash: sha256(plaintext),
    prefix: plaintext.slice(0, apiKeyStart.length + shownLength),
  };
}

/** The hash to look a presented key up by; null when it cannot be a key at all. */
export function hashApiKey(presented: string): Uint8Array | null {
  return format.test(presented) ? sha256(presented) : null;
}

/** Unbiased base62: bytes from 248 up are thrown away, since 248 is 4 times 62. */
export function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < 248 && text.length < length) text += alphabet[byte % 62];
    }
  }
  return text;
}

export function sha256(text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}
