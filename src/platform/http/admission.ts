import { requireScope, type Principal } from "../auth/principal.ts";
import { AppError } from "../errors/errors.ts";
import type { Route } from "./route.ts";

/** Whether the caller may use a route at all. */
export function admit(route: Route, caller: Principal | null): void {
  if (route.access === "public") return;
  if (!caller) needCredentials();
  // What an admin may do is refused before scopes, so that a member learns nothing from them.
  if (route.access === "admin" && caller?.role !== "admin") {
    throw new AppError("auth.forbidden", "This is for administrators.");
  }
  if (route.scope) requireScope(caller as Principal, route.scope);
}

export function needCredentials(): never {
  throw new AppError(
    "auth.required",
    "Authorization: send `Bearer` and an access token or an API key.",
  );
}
