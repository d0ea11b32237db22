import type { z } from "zod";
import { AppError, errorStatus, type FieldError } from "../errors/errors.ts";

/** RFC 9457 problem details from any error. Unknown errors tell the caller nothing. */
export function problemOf(error: unknown, requestId: string): Response {
  const known = error instanceof AppError ? error : undefined;
  const code = known?.code ?? "server.internal";
  const status = errorStatus[code];
  const body = {
    ...known?.members,
    type: `/docs/errors#${code}`,
    title: titleOf(code),
    status,
    code,
    detail: known?.message ?? `Something went wrong on our side. Quote request ${requestId}.`,
    request_id: requestId,
    ...(known && known.fields.length > 0 ? { errors: known.fields } : {}),
  };
  const headers = new Headers({
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-request-id": requestId,
    "x-content-type-options": "nosniff",
  });
  if (known?.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(known.retryAfterSeconds))));
  }
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="stoa"');
  return new Response(JSON.stringify(body), { status, headers });
}

/** `links.alias_taken` reads "Alias taken". */
function titleOf(code: string): string {
  const words = code.slice(code.indexOf(".") + 1).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Zod's issues as fields named the way the caller wrote them: `rules[0].then`. */
export function invalid(where: string, error: z.ZodError): AppError {
  const fields: FieldError[] = [];
  for (const issue of error.issues.slice(0, 20)) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys.slice(0, 20)) {
        fields.push({ field: fieldName([...issue.path, key]), message: "no such field" });
      }
    } else {
      fields.push({ field: fieldName(issue.path) || where, message: issue.message });
    }
  }
  const first = fields[0];
  const detail = first ? `${first.field}: ${first.message}` : `The ${where} is invalid.`;
  return new AppError("request.invalid", detail, { fields });
}

function fieldName(path: PropertyKey[]): string {
  let name = "";
  for (const part of path) {
    if (typeof part === "number") name += `[${part}]`;
    else name += (name === "" ? "" : ".") + String(part).slice(0, 100);
  }
  return name;
}
