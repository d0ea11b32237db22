import { z } from "zod";
import type { Reader } from "../../../platform/db/db.ts";
import { idSchema, pageOf, route, type Route } from "../../../platform/http/route.ts";
import { charge } from "../conversations/wire.ts";
import { invalid } from "../messages/body.ts";
import { messageOf, type MessageRow } from "../rows.ts";
import { messageSchema, type Message } from "../shapes.ts";
import type { FeatureDeps } from "./deps.ts";
import { queryOf } from "./words.ts";

/** Search in what one may read, newest first. A message is found some seconds after it was sent. */
const query = z.object({
  q: z.string().max(200),
  conversation_id: idSchema.optional(),
  sender: idSchema.optional(),
  before: idSchema.optional().describe("`next_cursor` of the page before: the id of a message."),
  limit: z.coerce.number().int().min(1).max(50).default(20),
});

export function searchRoute({ db, limits }: Pick<FeatureDeps, "db" | "limits">): Route {
  return route({
    method: "GET",
    path: "/api/v1/chat/search",
    summary: "Messages with all of these words, the last of which may be its beginning",
    ...{ tag: "chat", access: "member", scope: "chat:read", query },
    replies: { 200: pageOf(messageSchema) },
    errors: ["request.rate_limited"],
    async handler({ query: asked, principal }) {
      const words = queryOf(asked.q);
      if (words === null) throw invalid("q", "has no word to search for");
      await charge(limits, "chat.searches", principal);
      const found = await search(db, principal.account_id, { ...asked, words });
      const items = found.slice(0, asked.limit);
      const next_cursor = found.length > asked.limit ? (items.at(-1)?.id ?? null) : null;
      return { status: 200, body: { items, next_cursor } };
    },
  });
}

type Asked = z.infer<typeof query> & { words: string };

/**
 * One more than asked for. Each conversation gives its newest, by seq, which is also the order of
 * ids but for what came within the same milliseconds; of these the newest of all are taken. Who
 * left finds what was said until then, as it was then.
 *
 * `+ 0` and `OFFSET 0` keep PostgreSQL from believing that the range of seq alone finds few: it
 * then takes the index of words for rare ones, and goes back from the newest for those that are
 * everywhere. In 100 conversations, one of 100,000 messages, either takes some 10 ms; without, a
 * rare word took 40 ms and more the longer a conversation was.
 */
async function search(reader: Reader, accountId: string, asked: Asked): Promise<Message[]> {
  const limit = asked.limit + 1;
  const { conversation_id, sender, before } = asked;
  const within = conversation_id ? reader.sql`AND c.id = ${conversation_id}` : reader.sql``;
  const from = sender ? reader.sql`AND d.sender_id = ${sender}` : reader.sql``;
  const older = before ? reader.sql`AND d.id < ${before}` : reader.sql``;
  const rows = await reader.all<MessageRow>`
    SELECT found.* FROM chat.members m
    JOIN chat.conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
    CROSS JOIN LATERAL (
      SELECT d.* FROM (
        SELECT s.conversation_id, s.seq FROM chat.searchable s
        WHERE s.conversation_id = m.conversation_id AND s.words @@ ${asked.words}::tsquery
          AND s.seq + 0 > m.from_seq AND s.seq + 0 <= coalesce(m.until_seq, c.top_seq)
        ORDER BY s.seq DESC OFFSET 0) s
      JOIN chat.shown_messages d ON d.conversation_id = s.conversation_id AND d.seq = s.seq
      WHERE d.body IS NOT NULL ${from} ${older}
        AND (m.left_at IS NULL OR d.edited_at IS NULL OR d.edited_at <= m.left_at)
      ORDER BY s.seq DESC LIMIT ${limit}) found
    WHERE m.account_id = ${accountId} ${within}
    ORDER BY found.id DESC LIMIT ${limit}`;
  return rows.map(messageOf);
}
