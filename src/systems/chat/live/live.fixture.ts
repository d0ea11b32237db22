import { openTestDb, testDatabase, type TestDatabase } from "../../../../test/database.ts";
import type { Principal } from "../../../platform/auth/principal.ts";
import { systemClock, type Clock } from "../../../platform/clock/clock.ts";
import { type Db, type Writer } from "../../../platform/db/db.ts";
import { silentLog } from "../../../platform/log/log.ts";
import { Metrics } from "../../../platform/metrics/metrics.ts";
import { platformMigrations } from "../../../platform/platform.ts";
import { type Connection, Realtime } from "../../../platform/realtime/realtime.ts";
import { openState } from "../../../platform/state/open.ts";
import type { Limits } from "../../limits/contract.ts";
import { advance, advanceOwn } from "../log.ts";
import { createListing } from "../messages/listing.ts";
import { chatMigrations } from "../migrations.ts";
import type { Listing } from "../ports.ts";
import { conversationOf, messageOf, type MessageRow } from "../rows.ts";
import type { Conversation, Message } from "../shapes.ts";
import { clientOf, type ChatClient } from "./client.fixture.ts";
import { createLive, type LivePart } from "./live-part.ts";

/**
 * The live part alone, in as many processes as a test wants: real sockets and a real database. What
 * the rest of chat commits is committed here by hand, so that a test decides who is told of it.
 */
export type LiveProcess = {
  url: string;
  port: number;
  live: LivePart;
  realtime: Realtime;
  metrics: Metrics;
  db: Db;
  listing: Listing;
  /** Awaited once between the reading of a page of somebody's list and its use. */
  atNextPage(what: () => Promise<void>): void;
  signIn(accountId: string, deviceId?: string): Promise<ChatClient>;
  /** Sockets of this process that follow a topic. */
  subscribers(topic: string): number;
  /** Others hear nothing of it any more, as of a process that was killed. */
  vanish(): Promise<void>;
  stop(): Promise<void>;
};

export type LiveWorld = {
  db: Db;
  process(settings?: ProcessSettings): Promise<LiveProcess>;
  conversation(members: string[], kind?: Conversation["kind"]): Promise<string>;
  /** Committed; nobody is told. */
  send(conversationId: string, senderId: string, text: string): Promise<SentChange>;
  edit(conversationId: string, seq: number, text: string): Promise<SentChange>;
  remove(conversationId: string, accountId: string): Promise<MemberChange>;
  join(conversationId: string, accountId: string): Promise<MemberChange>;
  block(accountId: string, blockedId: string): Promise<void>;
  stop(): Promise<void>;
};

export type ProcessSettings = { redisUrl?: string; socketSlowMsMax?: number; clock?: Clock };
export type SentChange = { message: Message; top_seq: number; members_rev: number };
export type MemberChange = { conversation: Conversation; own: OwnChanges };
type OwnChanges = Parameters<LivePart["own"]>[0];

let lastId = 5_000;
const newId = () => String(++lastId);

export async function startLiveWorld(): Promise<LiveWorld> {
  const database = await testDatabase([...platformMigrations, ...chatMigrations]);
  const { db } = database;
  const processes: LiveProcess[] = [];
  return {
    db,
    async process(settings = {}) {
      const made = await openProcess(database, settings);
      processes.push(made);
      return made;
    },
    conversation: (members, kind = "group") => insertConversation(db, members, kind),
    send: (id, sender, text) => db.write((tx) => insertMessage(tx, id, { sender, text })),
    edit: (id, seq, text) => db.write((tx) => updateMessage(tx, id, { seq, text })),
    remove: (id, account) => db.write((tx) => leave(tx, id, account)),
    join: (id, account) => db.write((tx) => join(tx, id, account)),
    async block(account, blocked) {
      await db.write(
        (tx) => tx.run`INSERT INTO chat.blocks VALUES (${account}, ${blocked}, now())`,
      );
    },
    async stop() {
      for (const process of processes) await process.stop();
      await database.drop();
    },
  };
}

const unlimited: Limits = {
  take: () => ({ refusal: null, giveBack: async () => {} }),
  refund: async () => {},
  reset: async () => {},
  allowance: () => Number.POSITIVE_INFINITY,
  refused: () => {},
};

async function openProcess(
  database: TestDatabase,
  { redisUrl = "", socketSlowMsMax = 10_000, clock = systemClock }: ProcessSettings,
): Promise<LiveProcess> {
  const db = openTestDb(database.connection);
  const metrics = new Metrics();
  const base = { db, clock, log: silentLog, metrics };
  const state = await openState({ ...base, clock: systemClock, redisUrl, commandTimeoutMs: 5_000 });
  const realtime = new Realtime({
    ...{ ...base, state, publicUrl: "http://stoa.test", socketOrigins: [], drainGraceMs: 1_000 },
    ...{ socketsMax: 20_000, socketAcceptsPerSecond: 20_000, socketSlowMsMax },
    socketBufferBytesMax: 64 * 1024 * 1024,
  });
  const { listing, atNextPage } = haltingListing(db);
  const live = createLive({
    ...{ ...base, realtime, limits: unlimited, presenceTurnMs: 20 },
    // The token is the account's id.
    authenticate: async (request) => {
      const account = /\d+$/.exec(request.headers.get("authorization") ?? "")?.[0];
      return account === undefined ? null : principalOf(account);
    },
    // Here credentials are good for ever.
    accounts: { watch() {}, unwatch() {} },
    ports: () => ({
      listing,
      sending: { send: () => Promise.reject(new Error("tests commit by hand")) },
      marking: { mark: () => Promise.resolve() },
    }),
  });
  for (const protocol of live.protocols) realtime.register(protocol);
  const server = Bun.serve<Connection>({
    ...{ port: 0, hostname: "127.0.0.1", websocket: realtime.handler },
    fetch: (request) =>
      realtime.upgrade(request, new URL(request.url).pathname, "127.0.0.1") ?? undefined,
  });
  realtime.attach(server);
  await live.start();
  const url = `http://127.0.0.1:${server.port}`;
  let stopped = false;
  return {
    ...{ url, live, realtime, metrics, db, listing, atNextPage, port: server.port as number },
    async signIn(account, deviceId = "device-one") {
      const client = await clientOf(url);
      client.send({ type: "hello", v: 1, token: account, device_id: deviceId });
      await client.next("ready");
      return client;
    },
    subscribers: (topic) => server.subscriberCount(topic),
    vanish: () => state.close(),
    async stop() {
      if (stopped) return;
      stopped = true;
      await realtime.drain(AbortSignal.abort());
      await live.stop();
      await server.stop(true);
      await state.close();
      await db.close();
    },
  };
}

/** A listing that a test can hold still where it is read and not used yet. */
function haltingListing(db: Db): Pick<LiveProcess, "listing" | "atNextPage"> {
  let atPage: (() => Promise<void>) | null = null;
  const reading = createListing(db);
  return {
    atNextPage: (what) => void (atPage = what),
    listing: {
      ...reading,
      async *pages(accountId) {
        for await (const page of reading.pages(accountId)) {
          const what = atPage;
          atPage = null;
          await what?.();
          yield page;
        }
      },
    },
  };
}

function principalOf(account_id: string): Principal {
  return {
    ...{ kind: "session", account_id, role: "member", tier: "free" },
    ...{ scopes: ["*"], credential_id: account_id },
  };
}

async function insertConversation(db: Db, members: string[], kind: string): Promise<string> {
  const id = newId();
  const pair = kind === "direct" ? members.join(":") : null;
  await db.write(async (tx) => {
    await tx.run`
      INSERT INTO chat.conversations (id, kind, pair, created_by, member_count)
      VALUES (${id}, ${kind}, ${pair}, ${members[0]}, ${members.length})`;
    await tx.run`
      INSERT INTO chat.members (conversation_id, account_id, role, rev)
      SELECT ${id}, account_id, 'member', 0
      FROM unnest(${tx.array(members, "int8")}) AS t (account_id)`;
  });
  return id;
}

async function insertMessage(
  tx: Writer,
  id: string,
  { sender, text }: { sender: string; text: string },
): Promise<SentChange> {
  const { rev, members_rev } = await advance(tx, id);
  const row = (await tx.one<MessageRow>`
    WITH top AS (
      UPDATE chat.conversations SET top_seq = top_seq + 1, last_message_at = now()
      WHERE id = ${id} RETURNING top_seq)
    INSERT INTO chat.messages
      (conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id, body)
    SELECT ${id}, top_seq, ${newId()}, ${rev}, ${rev}, ${sender}, ${crypto.randomUUID()},
      ${tx.json({ text })} FROM top
    RETURNING *`) as MessageRow;
  const message = messageOf(row);
  return { message, top_seq: message.seq, members_rev: Number(members_rev) };
}

async function updateMessage(
  tx: Writer,
  id: string,
  { seq, text }: { seq: number; text: string },
): Promise<SentChange> {
  const { rev, members_rev, top_seq } = await advance(tx, id);
  const row = (await tx.one<MessageRow>`
    UPDATE chat.messages SET rev = ${rev}, body = ${tx.json({ text })}, edited_at = now()
    WHERE conversation_id = ${id} AND seq = ${seq} RETURNING *`) as MessageRow;
  const message = messageOf(row);
  return { message, top_seq: Number(top_seq), members_rev: Number(members_rev) };
}

async function leave(tx: Writer, id: string, account: string): Promise<MemberChange> {
  const row = await advance(tx, id, { members: true });
  await tx.run`
    UPDATE chat.members SET left_at = now(), until_seq = ${row.top_seq}, rev = ${row.rev}
    WHERE conversation_id = ${id} AND account_id = ${account}`;
  return { conversation: conversationOf(row), own: await ownOf(tx, id, account) };
}

async function join(tx: Writer, id: string, account: string): Promise<MemberChange> {
  const row = await advance(tx, id, { members: true });
  await tx.run`
    INSERT INTO chat.members (conversation_id, account_id, role, rev, from_seq)
    VALUES (${id}, ${account}, 'member', ${row.rev}, ${row.top_seq})
    ON CONFLICT (conversation_id, account_id) DO UPDATE SET left_at = NULL, until_seq = NULL,
      rev = excluded.rev, from_seq = excluded.from_seq`;
  return { conversation: conversationOf(row), own: await ownOf(tx, id, account) };
}

async function ownOf(tx: Writer, id: string, account: string): Promise<OwnChanges> {
  const revs = await advanceOwn(tx, [account]);
  const self_rev = revs.get(account) as number;
  return [{ account_id: account, conversation_id: id, self_rev }];
}
