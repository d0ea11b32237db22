import type { Writer } from "../../../platform/db/db.ts";
import type { AppError } from "../../../platform/errors/errors.ts";
import type { Body } from "../shapes.ts";
import { invalid } from "./body.ts";
import * as store from "./send-store.ts";

/** A message that may name others: who is mentioned, whose thread it is in. */
export type Referring = {
  draft: { conversation_id: string; thread_seq?: number | undefined; body: Body };
};

/** What is wrong with the threads and mentions of one of these. */
export async function wrongReferences(tx: Writer, asked: readonly Referring[]) {
  const mentions = asked.flatMap(({ draft: { conversation_id, body } }) =>
    (body.mentions ?? []).map((account_id) => ({ conversation_id, account_id })),
  );
  const roots = asked.flatMap(({ draft: { conversation_id, thread_seq } }) =>
    thread_seq === undefined ? [] : [{ conversation_id, seq: thread_seq }],
  );
  const members = await store.membersAmong(tx, mentions);
  const threads = await store.threadsOf(tx, roots);
  return ({ draft }: Referring): AppError | undefined => {
    const { conversation_id, thread_seq, body } = draft;
    const stranger = body.mentions?.find((id) => !members.has(`${conversation_id}:${id}`));
    if (stranger) return invalid("body.mentions", `${stranger} is no member`);
    if (thread_seq === undefined) return undefined;
    const within = threads.get(`${conversation_id}:${thread_seq}`);
    if (within === undefined) return invalid("thread_seq", "there is no such message");
    return within === null
      ? undefined
      : invalid("thread_seq", `is itself in a thread; the root of that is ${within}`);
  };
}
