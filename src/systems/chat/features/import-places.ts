import type { Writer } from "../../../platform/db/db.ts";
import type { ImportedMessage } from "./import-wire.ts";

/** Where the messages are that imported ones are already, answer, or belong to. */
export class Places {
  private readonly keys = new Set<string>();
  private readonly seqs = new Map<string, { seq: number; thread_seq: number | null }>();

  has(message: Named): boolean {
    return this.keys.has(keyOf(message));
  }

  seqOf(client_msg_id: string): number | null {
    return this.seqs.get(client_msg_id)?.seq ?? null;
  }

  /** Of the thread that it belongs to, or begins. */
  rootOf(client_msg_id: string): number | null {
    const place = this.seqs.get(client_msg_id);
    return place ? (place.thread_seq ?? place.seq) : null;
  }

  add(message: Named, place: { seq: number; thread_seq: number | null }): void {
    this.keys.add(keyOf(message));
    this.seqs.set(message.client_msg_id, place);
  }
}

type Named = Pick<ImportedMessage, "sender_id" | "client_msg_id">;

const keyOf = ({ sender_id, client_msg_id }: Named) => `${sender_id}:${client_msg_id}`;

type Stored = Named & { seq: string; thread_seq: string | null };

/** Of these messages and all that they name, as far as they are there. */
export async function placesOf(
  tx: Writer,
  id: string,
  messages: readonly ImportedMessage[],
): Promise<Places> {
  const ids = messages.flatMap((one) =>
    [one.client_msg_id, one.reply_to, one.thread].filter((name) => name !== undefined),
  );
  const rows = await tx.all<Stored>`
    SELECT seq, sender_id, client_msg_id, thread_seq FROM chat.messages
    WHERE conversation_id = ${id} AND client_msg_id = ANY(${tx.array(ids, "text")})
      AND sender_id IN (SELECT account_id FROM chat.members WHERE conversation_id = ${id})`;
  const places = new Places();
  for (const { seq, thread_seq, ...named } of rows) {
    const root = thread_seq === null ? null : Number(thread_seq);
    places.add(named, { seq: Number(seq), thread_seq: root });
  }
  return places;
}
