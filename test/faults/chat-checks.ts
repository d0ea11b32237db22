import type { SQL } from "bun";
import type { ChatClient } from "./chat-client.ts";

/**
 * What was acknowledged and shown, held against what the database has in the end. Each message has
 * one sender and a name of its own, so that it can be told from every other.
 */
export type ChatViolation = { rule: ChatRule; detail: string };
export type ChatRule =
  | "lost"
  | "another ack"
  | "made twice"
  | "invented"
  | "hole"
  | "shown twice"
  | "out of order"
  | "missed"
  | "gap on a live socket"
  | "refused";

type Row = { seq: number; rev: number; id: string; sender_id: string; client_msg_id: string };
type Said = Pick<ChatClient, "name" | "said" | "acks" | "refused" | "gaps">;
/** Where it looks on: what it showed, in the order in which it showed it. */
export type Shown = { name: string; seqs: readonly number[] };

const violationsMax = 20;

/** Clients that have gone may have missed what came later: `shown` are those that are here. */
export async function checkChat(
  sql: SQL,
  conversationId: string,
  clients: readonly Said[],
  shown: readonly Shown[],
): Promise<ChatViolation[]> {
  const rows = (await sql`
    SELECT seq::int4, rev::int4, id::text, sender_id::text, client_msg_id FROM chat.messages
    WHERE conversation_id = ${conversationId} ORDER BY seq`) as Row[];
  const [top] = (await sql`
    SELECT top_seq::int4, rev::int4 FROM chat.conversations
    WHERE id = ${conversationId}`) as { top_seq: number; rev: number }[];
  const out = [
    ...checkAcks(clients, rows),
    ...checkOrder(rows),
    ...shown.flatMap((one) => checkShown(one, rows.length)),
  ];
  if (top?.top_seq !== rows.length) {
    out.push({ rule: "hole", detail: `top_seq is ${top?.top_seq} of ${rows.length}` });
  }
  return out.slice(0, violationsMax);
}

/** Acknowledged is there, as it was acknowledged, every time; nothing is there twice. */
export function checkAcks(clients: readonly Said[], rows: readonly Row[]): ChatViolation[] {
  const out: ChatViolation[] = [];
  const stored = new Map<string, Row>();
  const said = new Set(clients.flatMap((client) => [...client.said]));
  for (const row of rows) {
    const name = row.client_msg_id;
    if (stored.has(name)) out.push({ rule: "made twice", detail: name });
    if (!said.has(name)) out.push({ rule: "invented", detail: name });
    stored.set(name, stored.get(name) ?? row);
  }
  for (const client of clients) {
    for (const [name, acks] of client.acks) {
      const row = stored.get(name);
      if (!row) out.push({ rule: "lost", detail: `${name}, acknowledged to ${client.name}` });
      for (const ack of acks) {
        const same = row && ack.seq === row.seq && ack.server_msg_id === row.id;
        if (row && !same) out.push({ rule: "another ack", detail: `${name}: ${ack.seq}` });
      }
      if (new Set(acks.map((ack) => JSON.stringify(ack))).size > 1) {
        out.push({ rule: "another ack", detail: `${name}: ${JSON.stringify(acks)}` });
      }
    }
    for (const why of client.refused) out.push({ rule: "refused", detail: why });
    for (const why of client.gaps) out.push({ rule: "gap on a live socket", detail: why });
  }
  return out;
}

/** No number is missing, and what came later has the later rev. */
export function checkOrder(rows: readonly Row[]): ChatViolation[] {
  const out: ChatViolation[] = [];
  for (const [n, row] of rows.entries()) {
    if (row.seq !== n + 1) out.push({ rule: "hole", detail: `${n + 1} is ${row.seq}` });
    const before = rows[n - 1];
    if (before && before.rev >= row.rev) {
      out.push({ rule: "out of order", detail: `rev ${row.rev} of ${row.seq}` });
    }
  }
  return out;
}

/** Everything was shown once, in the order of the conversation. */
export function checkShown({ name, seqs }: Shown, count: number): ChatViolation[] {
  const out: ChatViolation[] = [];
  const seen = new Set<number>();
  let last = 0;
  for (const seq of seqs) {
    if (seen.has(seq)) out.push({ rule: "shown twice", detail: `${seq} to ${name}` });
    else if (seq < last) out.push({ rule: "out of order", detail: `${seq} to ${name}` });
    seen.add(seq);
    last = Math.max(last, seq);
  }
  for (let seq = 1; seq <= count; seq++) {
    if (!seen.has(seq)) out.push({ rule: "missed", detail: `${seq} by ${name}` });
  }
  return out;
}

export function chatRulesOf(violations: readonly ChatViolation[]): ChatRule[] {
  return [...new Set(violations.map(({ rule }) => rule))].toSorted();
}
