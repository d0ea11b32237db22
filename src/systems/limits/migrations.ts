import type { Migration } from "../../platform/db/migrate.ts";
import schema from "./schema.sql" with { type: "text" };

export const limitsMigrations: Migration[] = [{ id: "limits/1", sql: schema }];
