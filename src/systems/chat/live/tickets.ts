import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../../platform/clock/clock.ts";
import type { Db } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { deleteTickets, insertTicket, takeTicket } from "./store.ts";

/**
 * A ticket stands for the token that it was asked for with, once, for half a minute, so that no
 * token has to be given to whoever opens the socket. The token is sealed with a key that only the
 * ticket has: any process can redeem it, the table alone is good for nothing, and what is redeemed
 * is looked at as if the token had come itself, so signing out meanwhile ends it.
 */
export const ticketSeconds = 30;
const cipher = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

export type Tickets = {
  issue(token: string): Promise<{ ticket: string; expires_at: string }>;
  /** The token. Throws on a ticket that is unknown, used or late. */
  redeem(ticket: string): Promise<string>;
  /** Removes those that nobody used. */
  sweep(): Promise<void>;
};

export function createTickets({ db, clock }: { db: Db; clock: Clock }): Tickets {
  return {
    async issue(token) {
      const secret = randomBytes(32);
      const expires_at = new Date(clock.now() + ticketSeconds * 1000);
      const sealed = seal(secret, token);
      await db.write((tx) => insertTicket(tx, { hash: nameOf(secret), sealed, expires_at }));
      return { ticket: secret.toString("base64url"), expires_at: expires_at.toISOString() };
    },
    async redeem(ticket) {
      const secret = Buffer.from(ticket, "base64url");
      const found = secret.length === 32 ? await takeTicket(db, nameOf(secret)) : null;
      if (!found || found.expires_at.getTime() <= clock.now()) {
        const message = "ticket: it is unknown, was used, or is older than half a minute.";
        throw new AppError("auth.invalid_token", message, {
          fields: [{ field: "ticket", message }],
        });
      }
      return unseal(secret, Buffer.from(found.sealed));
    },
    sweep: () => deleteTickets(db, new Date(clock.now())),
  };
}

/** Two different things are made of a secret, so that neither tells the other. */
function derived(secret: Uint8Array, what: "name" | "key"): Buffer {
  return createHash("sha256").update(`stoa chat ticket ${what}\n`).update(secret).digest();
}

function nameOf(secret: Uint8Array): Buffer {
  return derived(secret, "name");
}

function seal(secret: Uint8Array, token: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, derived(secret, "key"), nonce);
  const text = Buffer.concat([sealing.update(token, "utf8"), sealing.final()]);
  return Buffer.concat([nonce, sealing.getAuthTag(), text]);
}

function unseal(secret: Uint8Array, sealed: Buffer): string {
  const nonce = sealed.subarray(0, nonceBytes);
  const opening = createDecipheriv(cipher, derived(secret, "key"), nonce);
  opening.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  const text = sealed.subarray(nonceBytes + tagBytes);
  return Buffer.concat([opening.update(text), opening.final()]).toString("utf8");
}
