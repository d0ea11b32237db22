import { AppError } from "../../../platform/errors/errors.ts";
import type { Body } from "../shapes.ts";

/**
 * What the shape of a body cannot say: that there is something in it, and that PostgreSQL can hold
 * its text, which has neither NUL nor half a surrogate pair.
 */
export function requireSendable(body: Body): void {
  if (body.text.trim() === "" && !body.attachments?.length && !body.poll) {
    throw invalid("body.text", "write something, or add an attachment or a poll");
  }
  requireStorable(body, "body");
}

function requireStorable(value: unknown, field: string): void {
  if (typeof value === "string") {
    if (value.includes("\0")) throw invalid(field, "must not have NUL characters");
    if (!value.isWellFormed()) throw invalid(field, "has half of a surrogate pair");
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) requireStorable(inner, `${field}.${key}`);
  }
}

/** One field of a message that cannot be so. */
export function invalid(field: string, message: string): AppError {
  return new AppError("request.invalid", `${field}: ${message}`, { fields: [{ field, message }] });
}

export function invalidCursor(): AppError {
  return invalid("cursor", "not one that this list gave out");
}
