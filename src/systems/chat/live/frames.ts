import { parseJsonText } from "../../../platform/http/body.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { explain } from "../../../platform/db/db.ts";
import { invalid } from "../../../platform/http/problem.ts";
import { clientFrameSchema, type ClientFrame, type ServerFrame } from "../protocol.ts";
import { frameCharactersMax } from "./bounds.ts";

export type ErrorFrame = Extract<ServerFrame, { type: "error" }>;

/** Reads what a client sent. Throws what to tell it. */
export function readFrame(text: string): { frame: ClientFrame } | { error: unknown; ref?: string } {
  let value: unknown;
  try {
    if (text.length > frameCharactersMax) {
      throw new AppError(
        "request.too_large",
        `The frame is longer than ${frameCharactersMax} characters.`,
      );
    }
    value = parseJsonText(text);
  } catch (error) {
    const bad = error instanceof AppError && error.code === "request.malformed_json";
    const message = "The frame is not valid JSON.";
    return { error: bad ? new AppError("request.malformed_json", message) : error };
  }
  return checkFrame(value);
}

export function checkFrame(
  value: unknown,
): { frame: ClientFrame } | { error: unknown; ref?: string } {
  const parsed = clientFrameSchema.safeParse(value);
  if (parsed.success) return { frame: parsed.data };
  const ref = refOf(value as Partial<Record<string, unknown>> | null);
  return { error: invalid("frame", parsed.error), ...(ref !== undefined && { ref }) };
}

/** What an answer to the frame calls it by. */
export function refOf(frame: Partial<Record<string, unknown>> | null): string | undefined {
  if (typeof frame !== "object" || frame === null) return undefined;
  const ref = frame["client_msg_id"] ?? frame["conversation_id"];
  return typeof ref === "string" ? ref.slice(0, 64) : undefined;
}

/** What is not one of ours is an outage or a bug, and says no more than that. */
export function errorFrame(error: unknown, ref?: string): ErrorFrame {
  const explained = explain(error);
  const known = explained instanceof AppError ? explained : null;
  const field = known?.fields[0]?.field;
  const seconds = known?.retryAfterSeconds;
  return {
    type: "error",
    code: known?.code ?? "server.internal",
    message: known?.message ?? "Something went wrong on our side.",
    ...(field !== undefined && { field }),
    ...(ref !== undefined && { ref }),
    ...(seconds !== undefined && { retry_after_ms: Math.ceil(seconds * 1000) }),
  };
}
