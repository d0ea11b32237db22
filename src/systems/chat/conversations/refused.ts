import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";

/** Who wants nothing from whom: a block, either way, or an account that is gone. */
export type Side = { from: string; to: string };

/** Why `from` may neither write to `to` alone nor put them into a group, by `refusalKey`. */
export async function refusedPairs(
  reader: Reader,
  pairs: readonly Side[],
): Promise<Map<string, AppError>> {
  if (pairs.length === 0) return new Map();
  const column = (key: keyof Side) =>
    reader.array(
      pairs.map((pair) => pair[key]),
      "int8",
    );
  const rows = await reader.all<Side & { by_us: boolean }>`
    SELECT p.a AS "from", p.b AS "to", us.account_id IS NOT NULL AS by_us
    FROM (SELECT DISTINCT * FROM unnest(${column("from")}, ${column("to")}) AS u (a, b)) p
    LEFT JOIN chat.blocks them ON them.account_id = p.b AND them.blocked_id = p.a
    LEFT JOIN chat.blocks us ON us.account_id = p.a AND us.blocked_id = p.b
    LEFT JOIN chat.people person ON person.account_id = p.b
    WHERE them.account_id IS NOT NULL OR us.account_id IS NOT NULL
      OR person.deleted_at IS NOT NULL`;
  return new Map(rows.map((row) => [refusalKey(row), refusal(row.by_us)]));
}

export const refusalKey = ({ from, to }: Side) => `${from}:${to}`;

function refusal(byUs: boolean): AppError {
  const message = byUs
    ? "You blocked this person; unblock them to write to them or to add them."
    : "This person takes nothing from you.";
  return new AppError("chat.person_refuses", message);
}
