import { AppError } from "../../../platform/errors/errors.ts";

/** A query field that has the right form and makes no sense. */
export function invalid(field: string, message: string): AppError {
  return new AppError("request.invalid", `${field}: ${message}`, { fields: [{ field, message }] });
}
