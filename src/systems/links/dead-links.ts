/**
 * Finds links whose target is gone, once a day for every live link. One worker asks one host at a
 * time, with a pause, and all together keep below a rate, so a million links take most of a day
 * and nobody is bothered. A host with very many links is asked for some of them each day, those
 * first that were not asked for longest. A link counts as dead after some failing days in a row.
 */
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Writer } from "../../platform/db/db.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import { linkDied } from "./contract.ts";
import type { Naming } from "./link.ts";
import { type Finding, probe } from "./probe.ts";
import { factsOf } from "./shorten.ts";
import { walk } from "./walk.ts";

export type DeadLinkDeps = {
  db: Db;
  clock: Clock;
  events: Events;
  metrics: Metrics;
  outbound: Outbound;
  naming: Naming;
};

const walkName = "dead links";
export const goneDaysMax = 3;
/** Servers recover; nobody wants to hear of every outage. */
export const ailingDaysMax = 14;
/** A day, less what the walk may be earlier than yesterday's. */
export const checkAgeMsMin = 20 * 3_600_000;
export const stepLinks = 500;
export const perHostMax = 20;
const hostsAtOnce = 8;
const hostPauseMs = 1_000;
const requestsPerSecondMax = 20;

type LiveLink = { id: string; url: string; url_host: string; checked_at: Date | null };
type Checked = Finding & { id: string; url: string };

export async function checkDeadLinks(deps: DeadLinkDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps;
  const pace = pacer(clock, signal);
  await walk({ db, clock, signal, name: walkName, step });

  async function step(after: string): Promise<string | null> {
    const links = await dueAfter(db, after, clock.now());
    const found = await checkHosts(deps, byHost(links), pace, signal);
    if (found.length > 0) await db.write((tx) => record(tx, deps, found));
    // What was cut off is not done; the walk goes on here.
    if (signal.aborted) return after;
    return links.length < stepLinks ? null : (links.at(-1)?.id ?? null);
  }
}

async function dueAfter(db: Db, after: string, now: number): Promise<LiveLink[]> {
  return await db.all<LiveLink>`
    SELECT id, url, url_host, checked_at FROM links.links
    WHERE id > ${after} AND deleted_at IS NULL AND quarantined IS NULL AND url_host <> ''
      AND (expires_at IS NULL OR expires_at > ${new Date(now)})
      AND (max_clicks IS NULL OR clicks_used < max_clicks)
      AND (checked_at IS NULL OR checked_at < ${new Date(now - checkAgeMsMin)})
    ORDER BY id LIMIT ${stepLinks}`;
}

type Visit = { url: string; ids: string[] };

/** Each URL once, however many links lead to it, and no host too often. */
function byHost(links: LiveLink[]): Visit[][] {
  const age = (link: LiveLink) => link.checked_at?.getTime() ?? 0;
  const hosts = new Map<string, Map<string, Visit>>();
  for (const { id, url, url_host } of links.toSorted((a, b) => age(a) - age(b))) {
    let visits = hosts.get(url_host);
    if (!visits) hosts.set(url_host, (visits = new Map()));
    const visit = visits.get(url);
    if (visit) visit.ids.push(id);
    else if (visits.size < perHostMax) visits.set(url, { url, ids: [id] });
  }
  return [...hosts.values()].map((visits) => [...visits.values()]);
}

async function checkHosts(
  deps: DeadLinkDeps,
  hosts: Visit[][],
  pace: () => Promise<void>,
  signal: AbortSignal,
): Promise<Checked[]> {
  const { clock, metrics, outbound, naming } = deps;
  const userAgent = `Stoa link check (${naming.publicUrl})`;
  const out: Checked[] = [];
  const queue = hosts.values();
  // Workers share one iterator, so each host goes to whoever is free.
  const work = async () => {
    for (const visits of queue) {
      for (const [i, { url, ids }] of visits.entries()) {
        if (i > 0) await clock.sleep(hostPauseMs, signal);
        await pace();
        if (signal.aborted) return;
        const finding = await probe(outbound, url, userAgent, signal);
        if (signal.aborted) return;
        const { verdict } = finding;
        metrics.counter("stoa_links_checked_total", "Targets asked for.", { verdict }).add();
        out.push(...ids.map((id) => ({ id, url, ...finding })));
      }
    }
  };
  await Promise.all(Array.from({ length: hostsAtOnce }, work));
  return out;
}

/** Lets one request go at a time, evenly. */
function pacer(clock: Clock, signal: AbortSignal): () => Promise<void> {
  const everyMs = 1_000 / requestsPerSecondMax;
  let nextAt = clock.monotonic();
  return async () => {
    const now = clock.monotonic();
    const mine = Math.max(now, nextAt);
    nextAt = mine + everyMs;
    if (mine > now) await clock.sleep(mine - now, signal);
  };
}

type Died = { id: string; owner_id: string; code: string; url: string; host: string };

/**
 * One link counts once a day however often a step comes, and not at all when its URL was edited
 * after it was asked for.
 */
async function record(tx: Writer, deps: DeadLinkDeps, found: Checked[]): Promise<void> {
  const now = new Date(deps.clock.now());
  const since = new Date(now.getTime() - checkAgeMsMin);
  const died = await tx.all<Died>`
    WITH found AS (
      SELECT l.id, f.verdict, l.dead_checks + 1 AS failed, l.dead_since
      FROM jsonb_to_recordset(${tx.json(found)}::jsonb) AS f(id int8, url text, verdict text)
      JOIN links.links l ON l.id = f.id AND l.url = f.url
      WHERE l.checked_at IS NULL OR l.checked_at < ${since}
      ORDER BY l.id FOR UPDATE OF l),
    judged AS (
      SELECT *, dead_since IS NULL AND (
        (verdict = 'gone' AND failed >= ${goneDaysMax})
        OR (verdict = 'ailing' AND failed >= ${ailingDaysMax})) AS dies FROM found)
    UPDATE links.links l SET
      checked_at = ${now},
      dead_checks = CASE j.verdict WHEN 'alive' THEN 0 WHEN 'unknown' THEN l.dead_checks
                                   ELSE least(j.failed, 1000) END,
      dead_since = CASE WHEN j.verdict = 'alive' THEN NULL WHEN j.dies THEN ${now}::timestamptz
                        ELSE l.dead_since END
    FROM judged j, links.domains d
    WHERE l.id = j.id AND d.id = l.domain_id
    RETURNING CASE WHEN j.dies THEN l.id END AS id, l.owner_id, l.code, l.url, d.host`;
  const reasons = new Map(found.map(({ id, reason }) => [id, reason]));
  for (const row of died) {
    const reason = reasons.get(row.id);
    if (reason === undefined) continue;
    const data = { ...factsOf(row, row.host, deps.naming), reason };
    deps.events.publish(tx, linkDied, { owner_id: row.owner_id, data });
  }
}
