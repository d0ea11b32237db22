import { z } from "zod";
import type { Db } from "../../../platform/db/db.ts";
import { idSchema, pageOf, pageQuery, route, type Route } from "../../../platform/http/route.ts";
import { timeSchema } from "../../../platform/http/route.ts";
import { listedSchema } from "../shapes.ts";
import { invalidCursor } from "./body.ts";
import { listedPage, type After } from "./listing-store.ts";
import { placeOf } from "./listing.ts";

/** The list of conversations, most recently moved first. */
export function listingRoute(db: Db): Route {
  return route({
    method: "GET",
    path: "/api/v1/chat/conversations",
    summary: "The caller's conversations, most recently moved first",
    tag: "chat",
    access: "member",
    scope: "chat:read",
    query: pageQuery,
    replies: { 200: pageOf(listedSchema) },
    async handler({ query: { cursor, limit }, principal }) {
      const after = cursor === undefined ? null : placeFrom(cursor);
      const found = await listedPage(db, principal.account_id, { after, limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      const next_cursor = found.length > limit && last ? cursorOf(placeOf(last)) : null;
      return { status: 200, body: { items, next_cursor } };
    },
  });
}

const placeSchema = z.tuple([timeSchema, idSchema]);

function cursorOf({ moved_at, id }: After): string {
  return Buffer.from(JSON.stringify([moved_at, id])).toString("base64url");
}

function placeFrom(cursor: string): After {
  try {
    const given: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const parsed = placeSchema.safeParse(given);
    if (parsed.success) return { moved_at: parsed.data[0], id: parsed.data[1] };
  } catch {
    // Falls through to the one error for every kind of bad cursor.
  }
  throw invalidCursor();
}
