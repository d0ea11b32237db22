import { AppError } from "../errors/errors.ts";

/** Who is calling, as proved by an access token, an API key or an outside issuer's token. */
export type Principal = {
  kind: "session" | "key" | "outside";
  account_id: string;
  role: "admin" | "member";
  /** The plan the account is on. */
  tier: string;
  /** `*` may do all its role may; else `<system>:<read|create|write>`, `*` for either part. */
  scopes: readonly string[];
  /** What the audit log names: the key's or session's id. */
  credential_id: string;
};

export type Action = "read" | "create" | "write";
export type Scope = `${string}:${Action}`;

/** Finds out who sent a request. Null: no credentials at all. Throws on bad ones. */
export type Authenticate = (request: Request, address: string) => Promise<Principal | null>;

/** `write` includes `create`; nothing includes `read`, so a create-only key sees nothing. */
export function allows(scopes: readonly string[], wanted: Scope): boolean {
  const [system, action] = split(wanted);
  return scopes.some((scope) => {
    if (scope === "*") return true;
    const [s, a] = split(scope);
    if (s !== "*" && s !== system) return false;
    return a === "*" || a === action || (a === "write" && action === "create");
  });
}

export function requireScope(principal: Principal, wanted: Scope): void {
  if (allows(principal.scopes, wanted)) return;
  throw new AppError(
    "auth.scope_missing",
    `This needs the scope ${wanted}; the credentials have ${principal.scopes.join(", ")}.`,
  );
}

function split(scope: string): [string, string] {
  const colon = scope.indexOf(":");
  return colon < 0 ? [scope, ""] : [scope.slice(0, colon), scope.slice(colon + 1)];
}
