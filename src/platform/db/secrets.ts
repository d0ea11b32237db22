import type { Db } from "./db.ts";
import type { Migration } from "./migrate.ts";
import schema from "./secrets.sql" with { type: "text" };

/**
 * Random keys of this install, made on first use and shared by all its processes. They live in
 * the database because they must survive exactly as long as the data they protect: a lost code
 * key would let a code be given twice.
 */
export const secretsMigration: Migration = { id: "platform/secrets/1", sql: schema };

const secretBytes = 32;

/** The 32 bytes of the secret with this name. */
export async function installSecret(db: Db, name: string): Promise<Uint8Array> {
  return await db.write(async (tx) => {
    const fresh = crypto.getRandomValues(new Uint8Array(secretBytes));
    await tx.run`INSERT INTO platform.secrets (name, value) VALUES (${name}, ${fresh})
      ON CONFLICT DO NOTHING`;
    const row = await tx.one<{ value: Uint8Array }>`
      SELECT value FROM platform.secrets WHERE name = ${name}`;
    if (!row) throw new Error(`the secret ${name} vanished`);
    return new Uint8Array(row.value);
  });
}
