import type { z } from "zod";
import type { Principal } from "../auth/principal.ts";
import { AppError } from "../errors/errors.ts";
import { checkText, parseJson, readBody } from "./body.ts";
import { idempotencyKeyLengthMax, idempotencyKeyPattern, type Claim } from "./idempotency.ts";
import { invalid } from "./problem.ts";
import type { Route } from "./route.ts";

/** The parts of a request, each checked before a handler sees it. */
/** A body without its own limit is a small one. */
const bodyBytesDefault = 256 * 1024;

export function parse(where: string, schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return {};
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(where, parsed.error);
  return parsed.data;
}

/** Undefined for a route that takes none. */
export function jsonBodyOf(route: Route, bytes: Uint8Array): unknown {
  if (!route.body) return undefined;
  const value = parseJson(bytes);
  return route.bodyFits?.(value) ? value : parse("body", route.body, value);
}

/** One value a name, or an array where it is given more than once. */
export function queryOf(url: URL): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of url.searchParams) {
    checkText(name, value);
    const before = out[name];
    if (before === undefined) out[name] = value;
    else out[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return out;
}

export async function bodyOf(
  route: Route,
  request: Request,
  bytesMax: number,
): Promise<Uint8Array> {
  if (!route.body) return new Uint8Array();
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new AppError("request.unsupported_media_type", "Content-Type: send application/json.");
  }
  return await readBody(request, Math.min(bytesMax, route.bodyBytesMax ?? bodyBytesDefault));
}

export function identify(
  route: Route,
  request: Request,
  bytes: Uint8Array,
  caller: Principal | null,
  key: string,
): Claim {
  if (!idempotencyKeyPattern.test(key)) {
    const message = `1 to ${idempotencyKeyLengthMax} visible ASCII characters`;
    throw new AppError("request.invalid", `Idempotency-Key: ${message}`, {
      fields: [{ field: "Idempotency-Key", message }],
    });
  }
  const callerId = caller?.account_id ?? "public";
  const keyHash = new Bun.CryptoHasher("sha256").update(`${callerId}\n${key}`).digest("hex");
  const mac = new Bun.CryptoHasher("sha256", key)
    .update(`${route.method} ${new URL(request.url).pathname}\n`)
    .update(bytes)
    .digest("hex");
  return { caller: callerId, keyHash, mac };
}

/** An id from the proxy in front is kept when it is harmless in a log line. */
export function requestIdOf(request: Request): string {
  const given = request.headers.get("x-request-id");
  return given && /^[\w.-]{8,64}$/.test(given) ? given : crypto.randomUUID();
}
