import type { Clock } from "../clock/clock.ts";
import { AppError } from "../errors/errors.ts";

/**
 * Makes ids from a granted interval of milliseconds of one worker. Intervals of one worker never
 * overlap, whoever holds them and whatever the clocks show, so neither do ids: the clock only
 * chooses where inside the interval the next id falls. A clock that steps back, or more than
 * 4096 ids in a millisecond, makes ids go on from the last one, ahead of the clock.
 * Decimal text is put together from two halves, since a BigInt for every id costs ten times more.
 */
export const idEpochMs = Date.UTC(2025, 0, 1);
const workerBits = 10n;
const sequenceBits = 12n;
const sequenceMax = 4095;
const lowDigits = 10_000_000;

export type Grant = {
  worker: number;
  /** The first and the last millisecond since 1970 that may be used. */
  floorMs: number;
  highWaterMs: number;
  /** After either of these the grant rests until it is renewed. */
  wallUntilMs: number;
  monotonicUntilMs: number;
};

export type Sequence = {
  next(): string;
  /** Replaces the interval. */
  grant(grant: Grant): void;
  /** Refuses every further id. */
  revoke(): void;
  /** The last millisecond used, or the one before the first that may be. */
  lastMs(): number;
};

export function createSequence(clock: Clock, refused: () => void): Sequence {
  let granted: Grant | null = null;
  let lastMs = 0;
  let sequence = sequenceMax;
  let high = "";
  let low = 0;

  const open = (grant: Grant, ms: number) => {
    if (ms > grant.highWaterMs) refuse();
    const first =
      (BigInt(ms - idEpochMs) << (workerBits + sequenceBits)) |
      (BigInt(grant.worker) << sequenceBits);
    high = String(first / BigInt(lowDigits));
    low = Number(first % BigInt(lowDigits));
    lastMs = ms;
    sequence = 0;
  };

  const refuse = (): never => {
    refused();
    throw new AppError(
      "server.database_unavailable",
      "No id can be made until the lease on a worker number is renewed.",
      { retryAfterSeconds: 1 },
    );
  };

  return {
    next() {
      const now = clock.now();
      const grant = granted;
      // Both clocks, because one may step and the other may stand still in a suspended machine.
      if (!grant || now >= grant.wallUntilMs || clock.monotonic() >= grant.monotonicUntilMs) {
        return refuse();
      }
      if (now > lastMs) open(grant, now);
      else if (sequence === sequenceMax) open(grant, lastMs + 1);
      else sequence++;
      const tail = low + sequence;
      return tail < lowDigits
        ? high + String(lowDigits + tail).slice(1)
        : String(BigInt(high) + 1n) + String(tail).slice(1);
    },
    grant(grant) {
      const moved = granted?.worker !== grant.worker;
      granted = grant;
      if (moved || lastMs < grant.floorMs - 1) {
        lastMs = Math.max(lastMs, grant.floorMs - 1);
        sequence = sequenceMax;
      }
    },
    revoke() {
      granted = null;
    },
    lastMs: () => lastMs,
  };
}

/** When an id was made, in milliseconds since 1970. May run ahead of the clock that made it. */
export function idTime(id: string): number {
  return Number(BigInt(id) >> (workerBits + sequenceBits)) + idEpochMs;
}

/** The least id that may be made at a time: ids below it are older. */
export function firstIdAt(ms: number): string {
  return String(BigInt(Math.max(0, ms - idEpochMs)) << (workerBits + sequenceBits));
}
