import { migrate, pendingMigrations } from "../platform/db/migrate.ts";
import type { Call } from "./call.ts";
import { allMigrations, hasDatabase, logOf, withDatabase } from "./workplace.ts";

/** `stoa migrate`: what every start does, alone; `--dry-run` only says what that would be. */
export async function migrateCommand(call: Call): Promise<number> {
  const migrations = await allMigrations();
  const dryRun = call.is("dry-run");
  if (dryRun && !hasDatabase(call)) {
    tell(call, { pending: migrations.map(({ id }) => id) });
    return 0;
  }
  return await withDatabase(call, async ({ db: { client } }) => {
    const pending = await pendingMigrations(client, migrations);
    if (dryRun) {
      tell(call, { pending });
      return 0;
    }
    // One after the other, so that there is something to show.
    const progress = call.progress("migrating");
    const applied: string[] = [];
    for (const id of pending) {
      progress.at(applied.length / pending.length, id);
      const later = pending.slice(pending.indexOf(id) + 1);
      const upToThis = migrations.filter((migration) => !later.includes(migration.id));
      applied.push(...(await migrate(client, upToThis, logOf(call))));
    }
    // Once more with all of them: that also refuses a schema newer than this version.
    applied.push(...(await migrate(client, migrations, logOf(call))));
    if (pending.length > 0) progress.at(1);
    progress.end();
    tell(call, { applied });
    return 0;
  });
}

function tell(call: Call, done: { pending: string[] } | { applied: string[] }): void {
  if (call.is("json")) return call.json(done);
  const ids = "pending" in done ? done.pending : done.applied;
  for (const id of ids) call.print(id);
  const what = "pending" in done ? "pending" : "applied";
  call.say(ids.length === 0 ? "The schema is up to date." : `${ids.length} migrations ${what}.`);
}
