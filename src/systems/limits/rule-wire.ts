import type { Principal } from "../../platform/auth/principal.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Origin } from "./edit.ts";
import type { RuleRow } from "./store.ts";

/** What the routes of rules take from a request beside its body, and how a rule leaves. */
export function wireOf({ id, definition, preset, version, updated_at, updated_by }: RuleRow) {
  return { id, ...definition, preset, version, updated_at, updated_by };
}

export function etagOf({ version }: RuleRow): string {
  return `"${version}"`;
}

/** Null without `If-Match`: whatever version there is. */
export function versionOf(request: Request): number | null {
  const given = request.headers.get("if-match");
  if (given === null || given.trim() === "*") return null;
  const version = /^"(\d{1,9})"$/.exec(given.trim())?.[1];
  if (version !== undefined) return Number(version);
  const message = 'give the version as it was read, such as "3"';
  throw new AppError("request.invalid", `If-Match: ${message}`, {
    fields: [{ field: "If-Match", message }],
  });
}

export function originOf(context: {
  principal: Principal;
  address: string;
  requestId: string;
}): Origin {
  const { principal: actor, address, requestId: request_id } = context;
  return { actor, address, request_id };
}
