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
  const inMemory = readingDomains(domains);

  function setTrust(sure: boolean): void {
    if (sure !== trusted) log.info(sure ? "link changes are heard" : "link changes are not heard");
    trusted = sure;
    targets.trust(sure);
    inMemory.read();
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
      inMemory.keepUp(trusted);
    }
  }

  return {
    async start(): Promise<void> {
      leave.push(await db.listen(changesChannel, heard, resubscribed));
      leave.push(await db.listen(domainsChannel, inMemory.read, inMemory.read));
      void keepBeating();
    },
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(leave.map((end) => end().catch(() => {})));
    },
  };
}

/** Domains are all in memory. A read that fails is made up for with a later beat. */
function readingDomains(domains: Domains) {
  let begun = 0;
  let known = 0;
  let open = 0;
  const read = (): void => {
    const mine = ++begun;
    open++;
    domains
      .reload()
      .then(() => (known = Math.max(known, mine)))
      .catch(() => {})
      .finally(() => open--);
  };
  return {
    read,
    /** With every beat; while changes are not heard, nothing that was read is good for longer. */
    keepUp(trusted: boolean): void {
      if ((!trusted || known < begun) && open === 0) read();
    },
  };
}
