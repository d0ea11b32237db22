import type { Db } from "../../platform/db/db.ts";

/**
 * After a restore: the backup knows nothing of codes that were given after it was made, and they
 * must not be given again. Both sequences go on far beyond any that could have been: 100,000
 * blocks are 100 million codes, 0.003 % of base62's and 0.02 % of people's.
 */
const blocks = 100_000;

export async function leapAhead(db: Pick<Db, "write">): Promise<void> {
  await db.write(async (tx) => {
    await tx.all`SELECT setval('links.base62_blocks', last_value + ${blocks})
      FROM links.base62_blocks`;
    await tx.all`SELECT setval('links.people_blocks', last_value + ${blocks})
      FROM links.people_blocks`;
  });
}
