import { seedGroup, seedPeople, type ChatPerson } from "../test/faults/chat-people.ts";
import { loadCore } from "./load.ts";
import { startPostgres, startStoa, type Bench } from "./server.ts";
import { Tally, Wire, type WireOptions } from "./chat-sockets.ts";

/** Stoa with people and groups, and clients that are signed in to it. */
export type ChatBench = Bench & { port: number; people: ChatPerson[] };

export const socketPath = "/api/v1/chat/socket";
/** So far that numbers in frames do not get longer while it runs. */
const firstRev = 1_000_000;

export async function startChat(
  folder: string,
  people: number,
  env: Record<string, string> = {},
): Promise<ChatBench> {
  const db = await startPostgres(folder);
  const stoa = await startStoa(folder, db, { STOA_CHAT_SENDS_PER_MINUTE: "10000000", ...env });
  const seeded = await seedPeople(db.sql, people);
  await liftFrameLimit(stoa);
  // The load is this process.
  Bun.spawnSync(["taskset", "-acp", loadCore, String(process.pid)]);
  return {
    ...stoa,
    port: Number(new URL(stoa.url).port),
    people: seeded,
    async stop() {
      await stoa.stop();
      await db.sql.close({ timeout: 1 });
      await db.postgres.stop();
    },
  };
}

/** What is measured is what it can do, not what a fresh install allows one account. */
async function liftFrameLimit({ url, key }: Bench): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const api = `${url}/api/v1/limits/rules`;
  const { items } = (await (await fetch(`${api}?limit=100`, { headers })).json()) as {
    items: { id: string; name: string }[];
  };
  const rule = items.find(({ name }) => name === "chat.frames");
  const body = JSON.stringify({ limit: 10_000_000 });
  const changed = await fetch(`${api}/${rule?.id}`, { method: "PATCH", headers, body });
  if (!changed.ok) throw new Error(`chat.frames: ${changed.status} ${await changed.text()}`);
}

export async function makeGroup({ sql }: Bench, id: string, people: ChatPerson[]): Promise<string> {
  await seedGroup(sql, id, people);
  await sql`
    UPDATE chat.conversations SET rev = ${firstRev}, top_seq = ${firstRev} WHERE id = ${id}`;
  // As autovacuum does within a minute of so many rows.
  await sql`ANALYZE chat.conversations, chat.members`;
  return id;
}

/** Signs in, and resolves once it is told everything it has. Throws `Refused`. */
export async function signIn(
  at: { port: number },
  person: ChatPerson,
  options: Partial<WireOptions> & { tally: Tally; device?: string },
): Promise<Wire> {
  const ready = Promise.withResolvers<void>();
  const wire = await Wire.open({
    ...{ port: at.port, path: socketPath },
    ...options,
    closed() {
      ready.reject(new Error("closed before it was ready"));
      options.closed?.();
    },
    read(text) {
      if (text.includes('"type":"error"')) ready.reject(new Error(text));
      if (!text.includes('{"type":"ready"}')) return;
      wire.read = options.read ?? null;
      ready.resolve();
    },
  });
  const device_id = options.device ?? "bench-device";
  wire.send(JSON.stringify({ type: "hello", v: 1, token: person.key, device_id }));
  await ready.promise;
  return wire;
}

let sent = 0;

/** Always of one length. */
export function sendFrame(conversationId: string, text: string): string {
  const client_msg_id = `bench-${String(++sent).padStart(10, "0")}`;
  const body = { text };
  return JSON.stringify({ type: "send", conversation_id: conversationId, client_msg_id, body });
}
