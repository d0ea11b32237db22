import { AppError } from "../../../platform/errors/errors.ts";
import type { Session } from "./session.ts";

/** What one connection may ask, whatever the rules of limits say. */
export const frameCharactersMax = 64 * 1024;
export const linesPerMessageMax = 64;
/** In a row, and on end. */
export const framesBurst = 200;
const framesPerSecond = 50;
/** Frames of one connection that wait for their answer. */
export const unansweredMax = 128;
/** Frames that nobody can read, or beyond the limit, before the connection is closed. */
export const badFramesMax = 50;
export const refusedFramesMax = 500;
/** How long a connection may take to say who it is, and how long it may be silent. */
export const helloMsMax = 10_000;
export const heartbeatMs = 10_000;
export const silentMsMax = 30_000;
/** Credentials are looked at again that often: a connection comes back with fresh ones. */
export const sessionMsMax = 3_600_000;

/** Throws when the connection has to wait. */
export function chargeFrame(session: Session, now: number): void {
  const filled = session.room + ((now - session.filledAt) / 1000) * framesPerSecond;
  session.room = Math.min(framesBurst, filled);
  session.filledAt = now;
  if (session.room >= 1) {
    session.room--;
    session.refused = Math.max(0, session.refused - 1);
    return;
  }
  session.refused++;
  throw new AppError(
    "request.rate_limited",
    `A connection may send ${framesPerSecond} frames a second.`,
    { retryAfterSeconds: 1 / framesPerSecond },
  );
}
