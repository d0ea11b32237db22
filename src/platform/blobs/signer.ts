import { timingSafeEqual } from "node:crypto";
import { AppError } from "../errors/errors.ts";

/**
 * Signs what a URL permits: HMAC-SHA-256 over all of it, the method and the path included, as a
 * JSON array, in which no two lists of values look alike. Whoever changes a byte has to know the
 * secret of the install.
 */
export type Signable = readonly (string | number)[];

export function createSigner(secret: Uint8Array) {
  const macOf = (parts: Signable) =>
    new Bun.CryptoHasher("sha256", secret).update(JSON.stringify(parts)).digest();
  return {
    sign: (parts: Signable): string => macOf(parts).toString("base64url"),
    /** `expires` is in milliseconds since 1970, and must be one of the parts. */
    check(parts: Signable, signature: string, { expires, now }: { expires: number; now: number }) {
      const given = Buffer.from(signature, "base64url");
      const expected = macOf(parts);
      if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
        throw new AppError("uploads.signature_wrong", "signature: this URL was not made by us.");
      }
      if (expires <= now) {
        throw new AppError(
          "uploads.expired",
          "expires: this URL is no longer good; ask for another.",
        );
      }
    },
  };
}

export type Signer = ReturnType<typeof createSigner>;
