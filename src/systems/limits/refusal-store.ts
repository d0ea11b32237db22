import type { Reader, Writer } from "../../platform/db/db.ts";
import type { Minute, RefusedKey } from "./refusals.ts";

/** The SQL of refusals. */
export async function addRefusals(
  tx: Writer,
  minutes: readonly Minute[],
  keys: readonly RefusedKey[],
): Promise<void> {
  const column = <T>(rows: readonly T[], of: (row: T) => unknown, type: string) =>
    tx.array(rows.map(of), type);
  // In one order everywhere, so that two processes that add to the same rows wait and not lock.
  await tx.run`
    INSERT INTO limits.refusals AS r (at, rule, route, shadow, refused)
    SELECT to_timestamp(at / 1000.0), rule, route, shadow, refused
    FROM unnest(${column(minutes, (m) => m.at, "int8")}, ${column(minutes, (m) => m.rule, "text")},
      ${column(minutes, (m) => m.route, "text")}, ${column(minutes, (m) => m.shadow, "bool")},
      ${column(minutes, (m) => m.refused, "int8")}) AS t (at, rule, route, shadow, refused)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (at, rule, route, shadow) DO UPDATE SET refused = r.refused + excluded.refused`;
  if (keys.length === 0) return;
  await tx.run`
    INSERT INTO limits.refused_keys AS k (at, rule, key, refused)
    SELECT to_timestamp(at / 1000.0), rule, key, refused
    FROM unnest(${column(keys, (k) => k.at, "int8")}, ${column(keys, (k) => k.rule, "text")},
      ${column(keys, (k) => k.key, "text")}, ${column(keys, (k) => k.refused, "int8")})
      AS t (at, rule, key, refused)
    ORDER BY 1, 2, 3
    ON CONFLICT (at, rule, key) DO UPDATE SET refused = k.refused + excluded.refused`;
}

export async function deleteOldRefusals(tx: Writer, before: Date): Promise<void> {
  await tx.run`DELETE FROM limits.refusals WHERE at < ${before}`;
  await tx.run`DELETE FROM limits.refused_keys WHERE at < ${before}`;
}

/** Of hours that are over. */
export async function trimKeys(tx: Writer, before: Date, kept: number): Promise<void> {
  await tx.run`
    DELETE FROM limits.refused_keys k USING (
      SELECT at, rule, key,
        row_number() OVER (PARTITION BY at, rule ORDER BY refused DESC, key) AS place
      FROM limits.refused_keys WHERE at < ${before}) ranked
    WHERE ranked.place > ${kept}
      AND k.at = ranked.at AND k.rule = ranked.rule AND k.key = ranked.key`;
}

export type Span = { since: Date; until: Date; rule: string | null };

export type TopKey = { rule: string; key: string; refused: number };

export async function topKeys(reader: Reader, span: Span, limit: number): Promise<TopKey[]> {
  return await reader.all<TopKey>`
    SELECT rule, key, sum(refused)::float8 AS refused FROM limits.refused_keys
    WHERE at >= date_trunc('hour', ${span.since}::timestamptz) AND at < ${span.until}
      AND (${span.rule}::text IS NULL OR rule = ${span.rule}::text)
    GROUP BY rule, key ORDER BY 3 DESC, rule, key LIMIT ${limit}`;
}

export type SeriesRow = {
  at: Date;
  rule: string;
  route: string;
  shadow: boolean;
  refused: number;
};

/** By steps of so many seconds, oldest first. */
export async function refusalSeries(
  reader: Reader,
  span: Span,
  { stepSeconds, limit }: { stepSeconds: number; limit: number },
): Promise<SeriesRow[]> {
  return await reader.all<SeriesRow>`
    SELECT date_bin(make_interval(secs => ${stepSeconds}), at, 'epoch') AS at,
      rule, route, shadow, sum(refused)::float8 AS refused
    FROM limits.refusals
    WHERE at >= ${span.since} AND at < ${span.until}
      AND (${span.rule}::text IS NULL OR rule = ${span.rule}::text)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT ${limit}`;
}

export type Rise = { rule: string; route: string; refused: number; expected: number };

/**
 * Rules and routes that refused far more in the last five minutes than the hour before would let
 * expect: at least so many, and more than so many times as many.
 */
export async function suddenRises(
  reader: Reader,
  now: Date,
  { refusedMin, timesMin }: { refusedMin: number; timesMin: number },
): Promise<Rise[]> {
  return await reader.all<Rise>`
    SELECT * FROM (
      SELECT rule, route,
        coalesce(sum(refused) FILTER (WHERE at > ${now}::timestamptz - interval '5 minutes'), 0)
          ::float8 AS refused,
        coalesce(sum(refused) FILTER (WHERE at <= ${now}::timestamptz - interval '5 minutes'), 0)
          ::float8 / 12 AS expected
      FROM limits.refusals
      WHERE NOT shadow AND at > ${now}::timestamptz - interval '65 minutes' AND at <= ${now}
      GROUP BY rule, route) counted
    WHERE refused >= ${refusedMin} AND refused > expected * ${timesMin}
    ORDER BY refused DESC, rule, route LIMIT 100`;
}
