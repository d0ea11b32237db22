import type { Reader } from "../../../platform/db/db.ts";
import { dayName } from "./partitions.ts";
import { dayMs } from "./traits.ts";

/**
 * How the newest clicks of a link are found. There is no index by link: it would take more than
 * half of the rate at which clicks are stored. The search goes back from now in growing steps
 * through the days that are known to have clicks, so that a busy link is found in the last second
 * and a quiet one by the block ranges that may contain it. A step that meets more than can be
 * sorted quickly, as of a rush that is over, is not taken; shorter ones look for where it began.
 */
const firstStepMs = 1_000;
const factor = 4;
/** Clicks of the link in one step that are sorted; no step is shorter than a millisecond. */
const sortedMax = 2_000;
/** The clocks of other processes may be ahead of ours by so much. */
const aheadMs = 60_000;
const daysLookedAtMax = 400;

export type TermIds = { geo_id: number; client_id: number; source_id: number };
export type RawRow = TermIds & { at: Date; ctid: string; traits: number };
/** Where a page ended: rows of one instant are in the order of their places. */
export type Place = { at: number; block: number; item: number };

type Wanted = { linkId: string; after: Place | null; wanted: number };
type Range = { from: number; to: number };

/** Newest first, `wanted` of them or a few more where there are as many. */
export async function newestClicks(
  reader: Reader,
  query: Wanted & { now: number },
): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  for (const range of await rangesOf(reader, query)) {
    rows.push(...(await readNewest(reader, query, range, query.wanted - rows.length)));
    if (rows.length >= query.wanted) break;
  }
  return rows;
}

/** What is ahead of us, then days with clicks, newest first. */
async function rangesOf(reader: Reader, query: Wanted & { now: number }): Promise<Range[]> {
  const { after } = query;
  const end = (after?.at ?? query.now) + 1;
  const days = await daysWithClicks(reader, query.linkId, end - 1);
  const ranges = days.map((day) => ({ from: day * dayMs, to: Math.min(end, (day + 1) * dayMs) }));
  return after ? ranges : [{ from: end, to: end + aheadMs }, ...ranges];
}

/** Newest first; today is always one, because its clicks may not be rolled up yet. */
async function daysWithClicks(reader: Reader, linkId: string, at: number): Promise<number[]> {
  const latest = Math.floor(at / dayMs);
  const rows = await reader.all<{ day: string }>`
    SELECT day::text AS day FROM links.click_days
    WHERE subject_id = ${linkId}::bigint AND day <= ${dayName(latest)}::date
    ORDER BY day DESC LIMIT ${daysLookedAtMax}`;
  const days = rows.map((row) => Date.parse(row.day) / dayMs);
  return days[0] === latest ? days : [latest, ...days];
}

async function readNewest(
  reader: Reader,
  query: Wanted,
  range: Range,
  wanted: number,
): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  let { to } = range;
  let step = to - range.from <= aheadMs ? aheadMs : firstStepMs;
  /** Between here and `to` there are more than can be sorted quickly. */
  let rich: number | null = null;
  while (to > range.from && rows.length < wanted) {
    const from = Math.max(range.from, to - step);
    const found = await readStep(reader, query, { from, to });
    if (found === null) {
      rich = from;
    } else {
      rows.push(...found);
      to = from;
    }
    if (rich !== null && rich >= to) rich = null;
    step = rich === null ? step * factor : Math.ceil((to - rich) / factor);
  }
  return rows;
}

/** Null where there are more to sort than the longest step should meet. */
async function readStep(reader: Reader, query: Wanted, range: Range): Promise<RawRow[] | null> {
  const { linkId, after, wanted } = query;
  const tid = after ? `(${after.block},${after.item})` : "(0,0)";
  const afterAt = new Date(after?.at ?? 0);
  const most = range.to - range.from > 1 ? Math.max(sortedMax, wanted) : null;
  const rows = await reader.all<RawRow & { found: string }>`
    WITH met AS MATERIALIZED (
      SELECT at, ctid, geo_id, client_id, source_id, traits FROM links.clicks
      WHERE link_id = ${linkId}::bigint
        AND at >= ${new Date(range.from)} AND at < ${new Date(range.to)}
        AND (${after === null} OR at < ${afterAt} OR (at = ${afterAt} AND ctid < ${tid}::tid))
      LIMIT ${most === null ? null : most + 1}::bigint)
    SELECT at, ctid::text AS ctid, geo_id, client_id, source_id, traits,
      (SELECT count(*) FROM met) AS found
    FROM met ORDER BY met.at DESC, met.ctid DESC LIMIT ${wanted}`;
  return most !== null && Number(rows[0]?.found ?? 0) > most ? null : rows;
}
