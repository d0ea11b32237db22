import type { Migration } from "../../platform/db/migrate.ts";
import schema from "./schema.sql" with { type: "text" };
import tierSchema from "./schema-2.sql" with { type: "text" };
import identitiesSchema from "./schema-3.sql" with { type: "text" };

export const accountsMigrations: Migration[] = [
  { id: "accounts/1", sql: schema },
  { id: "accounts/2", sql: tierSchema },
  { id: "accounts/3", sql: identitiesSchema },
];
