import { AppError, type ErrorCode } from "../../platform/errors/errors.ts";
import { problemOf } from "../../platform/http/problem.ts";

/** What a program gets where a person would get a page. */
export function fail(code: ErrorCode, message: string): Response {
  return problemOf(new AppError(code, message), crypto.randomUUID());
}
