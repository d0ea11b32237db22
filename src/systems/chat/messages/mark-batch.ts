import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Events } from "../../../platform/events/events.ts";
import { messageRead } from "../contract.ts";
import { advanceOwn } from "../log.ts";
import * as store from "./mark-store.ts";
import { notFound } from "./standing.ts";

/**
 * One transaction of many marks. Each member has one delivered and one read seq, the furthest of
 * their devices, and each device its own; both only ever grow. A read move is told to the person's
 * own devices, and any move to the conversation, once for all of the batch.
 */
export type Mark = {
  conversation_id: string;
  account_id: string;
  device_id: string;
  delivered_seq: number;
  read_seq: number;
};

export type MarkedBatch = {
  /** `later`: somebody else has the rows just now. */
  outcomes: ("marked" | "later" | AppError)[];
  /** Conversations whose receipts moved. */
  told: string[];
  own: { account_id: string; conversation_id: string; self_rev: number }[];
};

const keyOf = (one: { conversation_id: string; account_id: string }) =>
  `${one.conversation_id}:${one.account_id}`;

/** `marks` has one for each device of a member at most. */
export async function markBatch(
  tx: Writer,
  { events }: { events: Events },
  marks: readonly Mark[],
): Promise<MarkedBatch> {
  const pairs = [...new Map(marks.map((mark) => [keyOf(mark), mark])).values()];
  const readers = marks.filter((mark) => mark.read_seq > 0).map((mark) => mark.account_id);
  const [receipts, busyPeople] = await Promise.all([
    store.holdReceipts(tx, [...new Set(marks.map((mark) => mark.conversation_id))]),
    store.holdPeople(tx, [...new Set(readers)]),
  ]);
  const free = ({ conversation_id, account_id }: (typeof pairs)[number]) =>
    receipts.has(conversation_id) && !busyPeople.has(account_id);
  // Who is no member is told so, whether or not anybody else has the conversation.
  const found = await store.holdMembers(tx, pairs);
  const members = new Map(found.map((member) => [keyOf(member), member]));
  const outcomes = marks.map((mark) => {
    const member = members.get(keyOf(mark));
    if (!member) return notFound();
    return member.held && free(mark) ? "marked" : "later";
  });
  const moves = movesOf(
    marks.filter((_, i) => outcomes[i] === "marked"),
    members,
  );
  await store.storeMarks(tx, moves.devices, moves.members, moves.told);
  const readMoves = moves.members.filter((move) => move.read_moved);
  const revs = await selfRevs(
    tx,
    readMoves.map((move) => move.account_id),
  );
  tellReads(tx, events, readMoves);
  return {
    outcomes,
    told: moves.told,
    own: readMoves.map(({ account_id, conversation_id }) => ({
      ...{ account_id, conversation_id, self_rev: revs.get(account_id) as number },
    })),
  };
}

type Move = store.Marked & { read_moved: boolean; asked_for: boolean };

function movesOf(marks: readonly Mark[], members: ReadonlyMap<string, store.HeldMember>) {
  const furthest = new Map<string, Move>();
  const devices = marks.map((mark) => {
    const member = members.get(keyOf(mark)) as store.HeldMember;
    // What is read has been delivered; nobody has what is not there yet.
    const top = Number(member.top_seq);
    const read_seq = Math.min(top, mark.read_seq);
    const delivered_seq = Math.min(top, Math.max(mark.delivered_seq, read_seq));
    const before = furthest.get(keyOf(mark));
    furthest.set(keyOf(mark), {
      conversation_id: mark.conversation_id,
      account_id: mark.account_id,
      delivered_seq: Math.max(delivered_seq, before?.delivered_seq ?? 0),
      read_seq: Math.max(read_seq, before?.read_seq ?? 0),
      read_moved: read_seq > Number(member.read_seq) || (before?.read_moved ?? false),
      asked_for: Number(member.notified_seq) > Number(member.read_seq),
    });
    return { ...mark, delivered_seq, read_seq };
  });
  const moved = [...furthest.values()].filter((move) => {
    const { delivered_seq } = members.get(keyOf(move)) as store.HeldMember;
    return move.read_moved || move.delivered_seq > Number(delivered_seq);
  });
  const told = moved.filter((move) => members.get(keyOf(move))?.kind !== "channel");
  return {
    devices,
    members: moved,
    told: [...new Set(told.map((move) => move.conversation_id))],
  };
}

async function selfRevs(tx: Writer, accountIds: string[]): Promise<Map<string, number>> {
  return accountIds.length === 0 ? new Map() : await advanceOwn(tx, accountIds);
}

/** That what a push was asked for is read now. */
function tellReads(tx: Writer, events: Events, moves: Move[]): void {
  const told = moves.filter((move) => move.asked_for);
  if (told.length === 0) return;
  events.publishAll(
    tx,
    messageRead,
    told.map(({ conversation_id, account_id, read_seq }) => ({
      owner_id: account_id,
      data: { conversation_id, account_id, read_seq },
    })),
  );
}
