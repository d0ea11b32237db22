import type { Migration } from "../../platform/db/migrate.ts";
import schema from "./schema.sql" with { type: "text" };

export const chatMigrations: Migration[] = [{ id: "chat/1", sql: schema }];
