import type { Clock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Log } from "../../platform/log/log.ts";
import { domainsChannel } from "./domain.ts";
import type { Domains } from "./domains.ts";
import { changesChannel } from "./store.ts";
import type { Targets } from "./targets.ts";

/**
 * Hears what other processes changed. Silence is no proof that nothing happened, so a beat of
 * our own goes through the same channel; when it stays out, what is in memory is no longer
 * trusted until it is heard again, and domains are read with every beat.
 */
export type HearingOptions = {
  db: Db;
  clock: Clock;
  log: Log;
  targets: Targets;
  domains: Domains;
};

const beatMs = 300;
const silenceMsMax = 800;

export function hearChanges(options: HearingOptions) {
  const { db, clock, log, targets, domains } = options;
  const beat = `beat ${crypto.randomUUID()}`;
  const stopping = new AbortController();
  const leave: (() => Promise<void>)[] = [];
  let heardAt = -Infinity;
  let trusted = false;
  const domainReads = { begun: 0, known: 0, open: 0 };

  function setTrust(sure: boolean): void {
    if (sure !== trusted) log.info(sure ? "link changes are heard" : "link changes are not heard");
    trusted = sure;
    targets.trust(sure);
    void readDomains();
  }

  /** Domains are all in memory. A read that fails is made up for with a later beat. */
  async function readDomains(): Promise<void> {
    const mine = ++domainReads.begun;
    domainReads.open++;
    await domains.reload().then(
      () => (domainReads.known = Math.max(domainReads.known, mine)),
      () => {},
    );
    domainReads.open--;
  }

  function heard(text: string): void {
    const [what, domainId, code] = text.split(" ");
    if (what === "edit" && domainId && code) targets.forget(domainId, code);
    else if (what === "alias") targets.forgetUnknown();
    else if (what === "all") targets.forgetAll();
    else if (text === beat) {
      heardAt = clock.monotonic();
      if (!trusted) setTrust(true);
    }
  }

  /** What was said while nobody listened is lost, so nothing older may be believed. */
  function resubscribed(): void {
    targets.forgetAll();
  }

  async function keepBeating(): Promise<void> {
    while (!stopping.signal.aborted) {
      // Not awaited: a frozen database must not keep the silence from being noticed.
      db.one`SELECT pg_notify(${changesChannel}, ${beat})`.catch(() => {});
      await clock.sleep(beatMs, stopping.signal);
      if (trusted && clock.monotonic() - heardAt > silenceMsMax) setTrust(false);
      const behind = !trusted || domainReads.known < domainReads.begun;
      if (behind && domainReads.open === 0) void readDomains();
    }
  }

  return {
    async start(): Promise<void> {
      leave.push(await db.listen(changesChannel, heard, resubscribed));
      leave.push(
        await db.listen(
          domainsChannel,
          () => void readDomains(),
          () => void readDomains(),
        ),
      );
      void keepBeating();
    },
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(leave.map((end) => end().catch(() => {})));
    },
  };
}
