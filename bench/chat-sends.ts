import { cpuSeconds, median } from "./load.ts";
import type { Measured } from "./run.ts";
import { systemClock } from "../src/platform/clock/clock.ts";
import { openDb, type Db } from "../src/platform/db/db.ts";
import { silentLog } from "../src/platform/log/log.ts";
import { place, type Unplaced } from "../src/systems/chat/messages/place.ts";
import { lockConversations } from "../src/systems/chat/messages/send-store.ts";
import { inTurn, Tally, type Wire } from "./chat-sockets.ts";
import { makeGroup, sendFrame, signIn, startChat, type ChatBench } from "./chat-stoa.ts";

/**
 * Messages that 200 people send at once, each waiting for its acknowledgement, into one group and
 * into a conversation each. Beside them what the database takes from two connections that do
 * nothing else: the same rows inserted in bulk, and the very statements of sending in transactions
 * of a hundred messages, without sockets, decisions or anybody who hears. All with fsync.
 */
const people = 200;
/** A connection may send fifty frames a second: ten thousand of all together. */
const bulkRows = 256;
const seconds = Number(process.env["BENCH_SECONDS"] ?? 5);
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
const text = "x".repeat(100);

export async function benchSends(folder: string): Promise<Measured> {
  const stoa = await startChat(folder, people, { STOA_SOCKET_ACCEPTS_PER_SECOND: "20000" });
  const group = await makeGroup(stoa, "910001", stoa.people);
  const pairs = await inTurn(people, 4, (n) =>
    makeGroup(stoa, String(920_000 + n), [stoa.people[n]!, stoa.people[(n + 1) % people]!]),
  );
  const [bulk, stored, one, many]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    bulk.push(await bulkInserts(stoa, String(930_000 + round)));
    stored.push(await bareSends(stoa, pairs));
    one.push(await sending(stoa, () => group));
    many.push(await sending(stoa, (n) => pairs[n] as string));
    console.log(
      `bulk ${Math.round(bulk[round] ?? 0)}/s, statements of sending alone ` +
        `${Math.round(stored[round] ?? 0)}/s, one group ${Math.round(one[round] ?? 0)}/s, ` +
        `${people} conversations ${Math.round(many[round] ?? 0)}/s`,
    );
  }
  const ratioOf = (rates: number[], limits = bulk) =>
    Number(median(rates.map((rate, n) => rate / (limits[n] ?? Number.NaN))).toFixed(3));
  await stoa.stop();
  return {
    chat_bulk_inserts_per_s: Math.round(median(bulk)),
    chat_send_statements_per_s: Math.round(median(stored)),
    chat_sends_group_per_s: Math.round(median(one)),
    chat_sends_conversations_per_s: Math.round(median(many)),
    chat_sends_group_of_bulk: ratioOf(one),
    chat_sends_conversations_of_bulk: ratioOf(many),
    chat_sends_group_of_statements: ratioOf(one, stored),
    chat_sends_conversations_of_statements: ratioOf(many, stored),
  };
}

/** Acknowledgements a second. Says what each costs both cores. */
async function sending(stoa: ChatBench, to: (person: number) => string): Promise<number> {
  const tally = new Tally();
  const wires: Wire[] = [];
  let over = false;
  let acks = 0;
  const next = (n: number) => wires[n]?.send(sendFrame(to(n), text));
  await inTurn(people, 50, async (n) => {
    const noticed = (kind: string) => {
      if (kind === "e") throw new Error("a message was refused");
      if (kind !== "a") return;
      acks++;
      if (!over) next(n);
    };
    wires[n] = await signIn(stoa, stoa.people[n]!, { tally, noticed });
  });
  for (let n = 0; n < people; n++) next(n);
  await Bun.sleep(1_000);
  const cpu = () => [stoa.pid, stoa.postgres.pid() ?? stoa.pid].map(cpuSeconds) as [number, number];
  const [before, began, [server, database]] = [acks, performance.now(), cpu()];
  await Bun.sleep(seconds * 1_000);
  const [count, ms, [serverNow, databaseNow]] = [acks - before, performance.now() - began, cpu()];
  const micros = (spent: number) => Math.round((spent * 1e6) / count);
  console.log(
    `  a message takes ${micros(serverNow - server)} us of Stoa's CPU ` +
      `and ${micros(databaseNow - database)} us of PostgreSQL's`,
  );
  const rate = (count * 1_000) / ms;
  over = true;
  await Bun.sleep(300);
  for (const wire of wires) wire.drop();
  return rate;
}

/** Rows as `place` writes them, without deciding anything, in transactions of `bulkRows`. */
async function bulkInserts({ sql }: ChatBench, conversationId: string): Promise<number> {
  let seq = 0;
  let stored = 0;
  const body = JSON.stringify({ text });
  const until = performance.now() + seconds * 1_000;
  const began = performance.now();
  const writer = async () => {
    while (performance.now() < until) {
      const first = seq + 1;
      seq += bulkRows;
      const numbers = Array.from({ length: bulkRows }, (_, n) => first + n);
      const names = numbers.map((n) => `bulk-${String(n).padStart(12, "0")}`);
      const bodies = numbers.map(() => body).join("\n");
      await sql`
        INSERT INTO chat.messages (conversation_id, seq, id, rev, sent_rev, sender_id,
          client_msg_id, by_program, body, created_at)
        SELECT ${conversationId}, n, n, n, n, 1000000, name, true, body::jsonb, now()
        FROM unnest(${`{${numbers.join(",")}}`}::int8[], ${`{${names.join(",")}}`}::text[],
          string_to_array(${bodies}, E'\\n')) AS t (n, name, body)`;
      stored += bulkRows;
    }
  };
  await Promise.all([writer(), writer()]);
  return (stored * 1_000) / (performance.now() - began);
}

/** Two writers, half of the conversations each, a message into each of them a transaction. */
async function bareSends({ postgres, people: all }: ChatBench, pairs: string[]): Promise<number> {
  const db = openDb({
    ...{ primary: postgres.app, poolMax: 2, acquireTimeoutMs: 5_000, statementTimeoutMs: 5_000 },
    ...{ clock: systemClock, log: silentLog },
  });
  const until = performance.now() + seconds * 1_000;
  const began = performance.now();
  let stored = 0;
  const writer = async (half: number) => {
    const mine = pairs
      .map((id, n) => ({ id, sender: all[n]!.id }))
      .filter((_, n) => n % 2 === half);
    while (performance.now() < until) stored += await storeOne(db, mine);
  };
  await Promise.all([writer(0), writer(1)]);
  const rate = (stored * 1_000) / (performance.now() - began);
  await db.close();
  return rate;
}

let bareId = 10_000_000;

async function storeOne(db: Db, to: { id: string; sender: string }[]): Promise<number> {
  const created_at = new Date().toISOString();
  const messages: Unplaced[] = to.map(({ id: conversation_id, sender: sender_id }) => {
    const id = String(++bareId);
    const names = { conversation_id, sender_id, id, client_msg_id: `bare-${id}` };
    const rest = { reply_to_seq: null, thread_seq: null, created_at, expires_at: null };
    return { ...names, by_program: true, body: { text }, ...rest };
  });
  await db.write(async (tx) => {
    const ids = to.map(({ id }) => id);
    const rows = await lockConversations(tx, ids);
    await place(tx, new Map(rows.map((row) => [row.id, row])), messages);
  });
  return messages.length;
}
