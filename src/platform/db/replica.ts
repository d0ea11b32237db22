import type { SQL } from "bun";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import { withDeadline } from "./deadline.ts";

const pollMs = 100;
const answerTimeoutMs = 2_000;

/** Keeps track of how far the replica has replayed, so that nobody reads behind own writes. */
export function followReplica(replica: SQL, options: { clock: Clock; log: Log }) {
  let replayed = 0n;
  const stopping = new AbortController();
  const poll = async () => {
    while (!stopping.signal.aborted) {
      try {
        const rows: { lsn: string | null }[] = await withDeadline(
          replica`SELECT pg_last_wal_replay_lsn()::text AS lsn`,
          answerTimeoutMs,
        );
        replayed = parseLsn(rows[0]?.lsn ?? "0/0");
      } catch (error) {
        replayed = 0n;
        options.log.warn("the read replica does not answer; reading from the primary", { error });
      }
      await options.clock.sleep(replayed === 0n ? answerTimeoutMs : pollMs, stopping.signal);
    }
  };
  void poll();
  return {
    hasReplayed: (lsn: string | null) => replayed > 0n && (!lsn || replayed >= parseLsn(lsn)),
    stop: () => stopping.abort(),
  };
}

/** `16/B374D848` as a number that orders. */
export function parseLsn(lsn: string): bigint {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(lsn);
  return match ? (BigInt(`0x${match[1]}`) << 32n) + BigInt(`0x${match[2]}`) : 0n;
}
