import type { Clock } from "../../../platform/clock/clock.ts";
import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Events } from "../../../platform/events/events.ts";
import type { Ids } from "../../../platform/ids/ids.ts";
import { messageSent } from "../contract.ts";
import { ackOf, storedAcks } from "./acks.ts";
import type { Ack, Admitting, Attaching, FilterSets } from "../ports.ts";
import type { ConversationRow } from "../rows.ts";
import type { Body, Message } from "../shapes.ts";
import { place, type MessageChange, type Unplaced } from "./place.ts";
import { wrongReferences } from "./references.ts";
import * as store from "./send-store.ts";
import { refusalOf } from "./standing.ts";

/**
 * One transaction of many messages, of any mix of conversations: lock the conversations; look at
 * who sends and whether they did already; decide about each; store those that may be. A refusal or
 * a resend takes no number. The rows of the conversations are what makes one order: whoever has
 * one decides alone, in whatever process.
 */
export type Draft = {
  conversation_id: string;
  sender_id: string;
  by_program: boolean;
  client_msg_id: string;
  body: Body;
  files_held?: boolean;
  reply_to_seq?: number | undefined;
  thread_seq?: number | undefined;
};

export type SendDeps = {
  clock: Clock;
  ids: Pick<Ids, "next">;
  events: Events;
  admitting: Admitting;
  attaching: Attaching;
};

export type SentBatch = {
  outcomes: (Ack | AppError)[];
  changes: MessageChange[];
  /** Conversations in which a sender had not read what others sent before. */
  caughtUp: string[];
};

/**
 * With `mayBeThere` it looks first whether messages are there already; without, which is what it is
 * called with unless resends are about, one that is there fails the whole on the unique constraint
 * `sameMessage`, and is to be called again. Looking costs a tenth of all that the database does.
 */
export async function sendBatch(
  tx: Writer,
  deps: SendDeps,
  drafts: readonly Draft[],
  { lockTimeoutMs, mayBeThere }: { lockTimeoutMs: number; mayBeThere: boolean },
): Promise<SentBatch> {
  const ids = [...new Set(drafts.map((draft) => draft.conversation_id))];
  const [{ standings, ...found }, filters] = await Promise.all([
    store.look(tx, drafts, lockTimeoutMs),
    // Read on the same connection after the locks are had.
    deps.admitting.filtersFor(tx, ids),
  ]);
  const conversations = new Map(found.conversations.map((row) => [row.id, row]));
  const outcomes = mayBeThere ? await storedAcks(tx, drafts) : new Map<Draft, Ack | AppError>();
  const first = new Map<string, Draft>();
  const justSent = new Set<string>();
  const fresh: Admitted[] = [];
  const now = deps.clock.now();
  for (const [i, draft] of drafts.entries()) {
    if (outcomes.has(draft) || first.has(keyOf(draft))) continue;
    first.set(keyOf(draft), draft);
    const conversation = conversations.get(draft.conversation_id);
    const standing = standings[i] as store.Standing;
    const sender = `${draft.conversation_id}:${draft.sender_id}`;
    const last_sent_at = justSent.has(sender) ? new Date(now) : standing.last_sent_at;
    const refusal = refusalOf(draft, conversation, { ...standing, last_sent_at }, now);
    if (refusal) outcomes.set(draft, refusal);
    else {
      justSent.add(sender);
      fresh.push({ draft, conversation, standing, body: draft.body } as Admitted);
    }
  }
  const admitted = await admit(tx, { ...deps, filters }, fresh, outcomes);
  const caughtUp = [...new Set(admitted.filter(catchesUp).map((one) => one.conversation.id))];
  const messages = unplaced(deps, admitted, now);
  const { placed, changes } = await place(tx, conversations, messages, { caughtUp });
  for (const [i, { draft }] of admitted.entries()) outcomes.set(draft, ackOf(placed[i] as Message));
  tellPrograms(tx, deps, admitted, placed);
  if (!mayBeThere) await forgive(tx, outcomes);
  return {
    // One that is in here twice has its twin's outcome.
    outcomes: drafts.map(
      (draft) => (outcomes.get(draft) ?? outcomes.get(first.get(keyOf(draft)) as Draft)) as Ack,
    ),
    changes,
    caughtUp,
  };
}

/** What is refused now may have been sent when it was not, and has its acknowledgement for ever. */
async function forgive(tx: Writer, outcomes: Map<Draft, Ack | AppError>): Promise<void> {
  const refused = [...outcomes].filter(([, outcome]) => outcome instanceof AppError);
  if (refused.length === 0) return;
  const drafts = refused.map(([draft]) => draft);
  for (const [draft, ack] of await storedAcks(tx, drafts)) outcomes.set(draft, ack);
}

/** `body` is what is stored: with words masked, and what its uploads turned out to be. */
type Admitted = {
  draft: Draft;
  conversation: ConversationRow;
  standing: store.Standing;
  body: Body;
};

const keyOf = (draft: Draft) =>
  `${draft.conversation_id}:${draft.sender_id}:${draft.client_msg_id}`;

const catchesUp = ({ conversation, standing }: Admitted) =>
  conversation.kind !== "channel" && Number(standing.read_seq) < Number(conversation.top_seq);

/** Those that blocks, filters, threads, mentions and uploads let through, with uploads filled in. */
async function admit(
  tx: Writer,
  deps: SendDeps & { filters: FilterSets },
  asked: Admitted[],
  outcomes: Map<Draft, Ack | AppError>,
): Promise<Admitted[]> {
  if (asked.length === 0) return [];
  const bodies = asked.map(({ draft: { sender_id }, conversation, body }) => {
    return { conversation, sender_id, body };
  });
  const [verdicts, refer] = await Promise.all([
    deps.admitting.admit(tx, bodies, deps.filters),
    wrongReferences(tx, asked),
  ]);
  const out: Admitted[] = [];
  for (const [i, one] of asked.entries()) {
    const verdict = verdicts[i] as AppError | Body;
    const refusal = verdict instanceof AppError ? verdict : refer(one);
    const filled = refusal ?? (await withUploads(tx, deps, { ...one, body: verdict as Body }));
    if (filled instanceof AppError) outcomes.set(one.draft, filled);
    else out.push(filled);
  }
  return out;
}

async function withUploads(
  tx: Writer,
  { attaching }: SendDeps,
  one: Admitted,
): Promise<Admitted | AppError> {
  if (!one.body.attachments?.length) return one;
  try {
    const { sender_id, files_held: held = false } = one.draft;
    const given = one.body.attachments;
    const attachments = await attaching.attach(tx, sender_id, given, { held });
    return { ...one, body: { ...one.body, attachments } };
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function unplaced(deps: SendDeps, admitted: Admitted[], now: number): Unplaced[] {
  const created_at = new Date(now).toISOString();
  return admitted.map(({ draft, body, conversation: { disappear_seconds: seconds } }) => ({
    conversation_id: draft.conversation_id,
    id: deps.ids.next(),
    sender_id: draft.sender_id,
    client_msg_id: draft.client_msg_id,
    by_program: draft.by_program,
    body,
    reply_to_seq: draft.reply_to_seq ?? null,
    thread_seq: draft.thread_seq ?? null,
    created_at,
    expires_at: seconds === null ? null : new Date(now + seconds * 1000).toISOString(),
  }));
}

function tellPrograms(
  tx: Writer,
  { events }: SendDeps,
  admitted: Admitted[],
  placed: Message[],
): void {
  const told = placed.filter((_, i) => admitted[i]?.conversation.publishes_events);
  if (told.length === 0) return;
  events.publishAll(
    tx,
    messageSent,
    told.map(({ conversation_id, seq, sender_id }) => ({
      owner_id: sender_id,
      data: { conversation_id, seq, sender_id },
    })),
  );
}
