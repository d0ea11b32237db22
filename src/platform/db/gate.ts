import { AppError } from "../errors/errors.ts";

/**
 * Bounds transactions by the pool and the wait for a place, which the pool itself does not.
 * One connection stays free of transactions so that plain reads never starve.
 */
export function createGate(places: number, timeoutMs: number) {
  let free = places;
  const waiting: (() => void)[] = [];
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  return {
    enter(): Promise<() => void> {
      if (free > 0) {
        free--;
        return Promise.resolve(release);
      }
      return new Promise((resolve, reject) => {
        const admit = () => {
          clearTimeout(timer);
          resolve(release);
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(admit), 1);
          reject(
            new AppError("server.database_unavailable", "Every database connection is busy.", {
              retryAfterSeconds: 1,
            }),
          );
        }, timeoutMs);
        waiting.push(admit);
      });
    },
  };
}
