import type { Receipts } from "../shapes.ts";

/**
 * What processes tell each other, a line each: a few words, then JSON that is passed on as it is.
 * A process that has nobody on a conversation reads no further than its id.
 */
export type Change = {
  id: string;
  rev: number;
  topSeq: number;
  membersRev: number;
  /** Of the message that it is about; 0 for what is about the conversation. */
  seq: number;
  frame: string;
};

export type OwnChange = { account_id: string; conversation_id: string; self_rev: number };

export const lines = {
  change: (c: Change) => `m ${c.id} ${c.rev} ${c.topSeq} ${c.membersRev} ${c.seq} ${c.frame}`,
  receipts: (r: Receipts, frame: string) => `r ${r.conversation_id} ${r.receipts_rev} ${frame}`,
  typing: (t: Typing) => `t ${t.id} ${t.membersRev} ${t.frame}`,
  own: (changes: readonly OwnChange[]) => `o ${JSON.stringify(changes)}`,
  frame: (f: Forwarded) => `f ${f.session} ${f.account} ${f.frame}`,
};

/** `membersRev` is what the sender's process knew: who knows less asks before it tells anybody. */
export type Typing = { id: string; membersRev: number; frame: string };

/** A frame that was posted to one process, for the session that another one holds. */
export type Forwarded = { session: string; account: string; frame: string };

export type Heard = {
  change(change: Change): void;
  receipts(id: string, receiptsRev: number, frame: string): void;
  typing(typing: Typing): void;
  own(changes: OwnChange[]): void;
  frame(forwarded: Forwarded): void;
  /** Whether anybody here is on the conversation. */
  cares(id: string): boolean;
};

/** Reads one line; one of a later version that it does not know is passed over. */
export function hear(line: string, to: Heard): void {
  const kind = line.slice(0, 2);
  if (kind === "o ") return to.own(JSON.parse(line.slice(2)) as OwnChange[]);
  const id = wordAt(line, 2);
  if (kind === "m " && to.cares(id)) {
    const [words, frame] = cut(line, 6);
    const [, , rev, topSeq, membersRev, seq] = words.map(Number) as number[];
    to.change({ id, rev, topSeq, membersRev, seq, frame } as Change);
  } else if (kind === "r " && to.cares(id)) {
    const [words, frame] = cut(line, 3);
    to.receipts(id, Number(words[2]), frame);
  } else if (kind === "t " && to.cares(id)) {
    const [words, frame] = cut(line, 3);
    to.typing({ id, membersRev: Number(words[2]), frame });
  } else if (kind === "f ") {
    const [words, frame] = cut(line, 3);
    to.frame({ session: id, account: words[2] as string, frame });
  }
}

function wordAt(line: string, start: number): string {
  return line.slice(start, line.indexOf(" ", start));
}

/** The first words, and the rest as it is. */
function cut(line: string, count: number): [string[], string] {
  const words: string[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    const end = line.indexOf(" ", at);
    words.push(line.slice(at, end));
    at = end + 1;
  }
  return [words, line.slice(at)];
}
