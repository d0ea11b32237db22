import type { Reader } from "../../../platform/db/db.ts";
import { messageOf, type MessageRow } from "../rows.ts";

/**
 * All that chat has of one person, as lines of JSON, each with a `type`: a page is read when the
 * client took the one before, so memory holds one page. What others wrote is theirs and not in it.
 */
const pageRows = 500;

type Line = { type: string; [field: string]: unknown };

export async function* exportPerson(reader: Reader, accountId: string): AsyncGenerator<Line[]> {
  yield await ownThings(reader, accountId);
  let after = "0";
  for (;;) {
    const memberships = await reader.all<{ conversation_id: string }>`
      SELECT m.conversation_id, c.kind, c.title, m.role, m.joined_at, m.left_at, m.from_seq,
        m.until_seq, m.delivered_seq, m.read_seq, m.muted_until, m.archived, m.draft
      FROM chat.members m JOIN chat.conversations c ON c.id = m.conversation_id
      WHERE m.account_id = ${accountId} AND m.conversation_id > ${after}
      ORDER BY m.conversation_id LIMIT ${pageRows}`;
    for (const membership of memberships) {
      yield [{ type: "membership", ...membership }];
      yield* messagesIn(reader, membership.conversation_id, accountId);
    }
    after = memberships.at(-1)?.conversation_id ?? after;
    if (memberships.length < pageRows) return;
  }
}

async function* messagesIn(reader: Reader, id: string, accountId: string) {
  let after = "0";
  for (;;) {
    const rows = await reader.all<MessageRow>`
      SELECT * FROM chat.shown_messages
      WHERE conversation_id = ${id} AND sender_id = ${accountId} AND seq > ${after}
      ORDER BY seq LIMIT ${pageRows}`;
    const said = rows.filter(({ body }) => body !== null);
    if (said.length > 0) yield said.map((row) => ({ type: "message", ...messageOf(row) }));
    after = rows.at(-1)?.seq ?? after;
    if (rows.length < pageRows) return;
  }
}

/** What a person has of, or did to, other things; each of these is bounded for one person. */
async function ownThings(reader: Reader, accountId: string): Promise<Line[]> {
  const lines = (type: string, rows: object[]): Line[] => rows.map((row) => ({ type, ...row }));
  const person = await reader.all<object>`
    SELECT account_id, name, last_seen_at, invisible, banned_until, ban_reason
    FROM chat.people WHERE account_id = ${accountId}`;
  const blocks = await reader.all<object>`
    SELECT blocked_id, created_at FROM chat.blocks WHERE account_id = ${accountId}`;
  const reactions = await reader.all<object>`
    SELECT conversation_id, seq, emoji FROM chat.reactions WHERE account_id = ${accountId}`;
  const votes = await reader.all<object>`
    SELECT conversation_id, seq, option FROM chat.votes WHERE account_id = ${accountId}`;
  const scheduled = await reader.all<object>`
    SELECT conversation_id, client_msg_id, body, send_at, created_at
    FROM chat.scheduled WHERE account_id = ${accountId}`;
  const reports = await reader.all<object>`
    SELECT conversation_id, seq, reason, comment, status, created_at
    FROM chat.reports WHERE reporter_id = ${accountId}`;
  return [
    ...[...lines("person", person), ...lines("block", blocks), ...lines("reaction", reactions)],
    ...[...lines("vote", votes), ...lines("scheduled", scheduled), ...lines("report", reports)],
  ];
}

/** The first page is read before the answer begins, so that an outage is no half of a file. */
export async function linesOf(pages: AsyncGenerator<Line[]>): Promise<ReadableStream<Uint8Array>> {
  const encoder = new TextEncoder();
  let first: IteratorResult<Line[]> | null = await pages.next();
  return new ReadableStream(
    {
      async pull(controller) {
        const page = first ?? (await pages.next());
        first = null;
        if (page.done) return controller.close();
        const lines = page.value.map((line) => `${JSON.stringify(line)}\n`).join("");
        controller.enqueue(encoder.encode(lines));
      },
      async cancel() {
        await pages.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
