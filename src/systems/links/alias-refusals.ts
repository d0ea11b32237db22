import { AppError } from "../../platform/errors/errors.ts";
import { checkAlias } from "./aliases.ts";

/** What a caller is told who cannot have an alias. */
export function acceptAlias(alias: string): { alias: string; skeleton: string } {
  const checked = checkAlias(alias);
  if (checked.ok) return checked;
  const code = checked.reason === "reserved" ? "links.alias_reserved" : "links.invalid";
  throw new AppError(code, `alias: ${checked.message}`, {
    fields: [{ field: "alias", message: checked.message }],
  });
}

export function aliasLimit(max: number): AppError {
  const message = `an owner may hold ${max} live aliases`;
  return new AppError("links.alias_limit", `alias: ${message}`, {
    fields: [{ field: "alias", message }],
  });
}

export function aliasTaken(alias: string): AppError {
  const message = `"${alias}", or one that looks like it, is taken; choose another`;
  return new AppError("links.alias_taken", `alias: ${message}`, {
    fields: [{ field: "alias", message }],
  });
}
