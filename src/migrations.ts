import { accountsMigrations } from "./systems/accounts/migrations.ts";
import { chatMigrations } from "./systems/chat/migrations.ts";
import { limitsMigrations } from "./systems/limits/migrations.ts";
import { linksMigrations } from "./systems/links/migrations.ts";
import { webhooksMigrations } from "./systems/webhooks/migrations.ts";

/** Those of every system, apart from the systems themselves: commands need no more than these. */
export const migrations = [
  ...limitsMigrations,
  ...accountsMigrations,
  ...linksMigrations,
  ...webhooksMigrations,
  ...chatMigrations,
];
