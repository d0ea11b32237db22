import type { Migration } from "../../platform/db/migrate.ts";
import clicksSchema from "./clicks/clicks.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };
import safetySchema from "./schema-2.sql" with { type: "text" };
import tagSchema from "./schema-3.sql" with { type: "text" };

export const linksMigrations: Migration[] = [
  { id: "links/1", sql: schema },
  { id: "links/2", sql: safetySchema },
  { id: "links/clicks/1", sql: clicksSchema },
  { id: "links/3", sql: tagSchema },
];
