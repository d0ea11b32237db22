import { AppError } from "../errors/errors.ts";
import { isOutage, isStorageFull } from "./sqlstate.ts";

/** Turns an outage into an error a caller can act on; everything else stays what it was. */
export function explain(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (isStorageFull(error)) {
    return new AppError("server.storage_full", "The data disk is full; nothing was changed.", {
      cause: error,
      retryAfterSeconds: 30,
    });
  }
  if (isOutage(error)) {
    return new AppError("server.database_unavailable", "The database is unavailable.", {
      cause: error,
      retryAfterSeconds: 2,
    });
  }
  return error;
}

/** Gives up on a promise after `ms`. The work itself goes on and its late failure is dropped. */
export function withDeadline<T>(work: PromiseLike<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new AppError("server.database_unavailable", "The database did not answer in time.", {
          retryAfterSeconds: 2,
        }),
      );
    }, ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(explain(error));
      },
    );
  });
}
