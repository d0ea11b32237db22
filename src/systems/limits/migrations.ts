import type { Migration } from "../../platform/db/migrate.ts";
import schema from "./schema.sql" with { type: "text" };
import subKeysSchema from "./schema-2.sql" with { type: "text" };

export const limitsMigrations: Migration[] = [
  { id: "limits/1", sql: schema },
  { id: "limits/2", sql: subKeysSchema },
];
