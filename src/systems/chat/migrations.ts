import type { Migration } from "../../platform/db/migrate.ts";
import conversations from "./conversations/schema.sql" with { type: "text" };
import features from "./features/schema.sql" with { type: "text" };
import live from "./live/schema.sql" with { type: "text" };
import messages from "./messages/schema.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };

export const chatMigrations: Migration[] = [
  { id: "chat/1", sql: schema },
  { id: "chat/2", sql: conversations },
  { id: "chat/3", sql: messages },
  { id: "chat/4", sql: features },
  { id: "chat/5", sql: live },
];
