import type { Migration } from "../../platform/db/migrate.ts";
import schema from "./schema.sql" with { type: "text" };

export const webhooksMigrations: Migration[] = [{ id: "webhooks/1", sql: schema }];
