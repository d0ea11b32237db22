import type { SQL } from "bun";
import { openBlobs } from "../../src/platform/blobs/open.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { seedGroup, seedPeople, type ChatPerson } from "./chat-people.ts";
import type { Violation } from "./checks.ts";
import type { Random } from "./seed.ts";

/**
 * A conversation of chat that has files. People send more into it and delete messages all the
 * time, while the sweep, which otherwise comes every five minutes, removes what was deleted.
 */
type Sent = { upload_id: string; sha256: string; ackedAt: number; deletedAt: number };

export type FileLoad = {
  sent: Sent[];
  stop(): Promise<void>;
};

/** Each of them may be offered sixty places a minute. */
const people = 40;
const uploading = 3;
const seeded = 600;
const conversationId = "900002";
const firstId = 2_000_000;
const bytesMin = 10_000;
const bytesMore = 60_000;
const deletePauseMs = 15;
const sweepPauseMs = 10;

export async function startFileLoad(
  sql: SQL,
  { port, dataDir, random }: { port: number; dataDir: string; random: Random },
): Promise<FileLoad> {
  const senders = await seedPeople(sql, people, firstId);
  await seedGroup(sql, conversationId, senders);
  const living = await seedFiles(sql, dataDir, senders);
  const sent = living.map(({ file }) => file);
  let stopping = false;
  const goOn = () => !stopping;
  const clients = Array.from({ length: uploading }, (_, n) => {
    const own = senders.filter((_person, i) => i % uploading === n);
    return sendFiles(new FileClient(port), { own, sent, living, random: random.fork(), goOn });
  });
  const deleting = deleteFiles(new FileClient(port), living, random.fork(), goOn);
  const sweeps = sweepOnAndOn(sql, goOn);
  return {
    sent,
    async stop() {
      stopping = true;
      await Promise.all([...clients, deleting, sweeps]);
    },
  };
}

type Living = { sender: ChatPerson; seq: number; file: Sent };

/** As the program writes them, since it takes only so many from a person in a minute. */
async function seedFiles(sql: SQL, dataDir: string, senders: ChatPerson[]): Promise<Living[]> {
  const blobs = await openFiles(dataDir);
  const living: Living[] = [];
  const ackedAt = performance.now();
  for (let seq = 1; seq <= seeded; seq++) {
    const upload_id = String(firstId + seq);
    const bytes = crypto.getRandomValues(new Uint8Array(bytesMin));
    const { sha256 } = await blobs.put(`chat/${upload_id}/1`, bytes, {
      ...{ bytesMax: bytesMin, type: "application/pdf" },
    });
    const sender = senders[seq % senders.length] as ChatPerson;
    living.push({ sender, seq, file: { upload_id, sha256, ackedAt, deletedAt: Infinity } });
  }
  const rows = living.map(({ sender, seq, file }) => ({ seq, sender_id: sender.id, ...file }));
  await sql`
    INSERT INTO platform.uploads (id, system, owner_id, attempt, type, bytes, sha256, created_at,
      stored_at, attached_at)
    SELECT upload_id, 'chat', sender_id, 1, 'application/pdf', ${bytesMin}, sha256, now(), now(),
      now()
    FROM jsonb_to_recordset(${rows}) AS t (upload_id int8, sender_id int8, sha256 text)`;
  await sql`
    INSERT INTO chat.files (upload_id, uses)
    SELECT upload_id, 1 FROM jsonb_to_recordset(${rows}) AS t (upload_id int8)`;
  await sql`
    INSERT INTO chat.messages (conversation_id, seq, id, rev, sent_rev, sender_id, client_msg_id,
      body)
    SELECT ${conversationId}, seq, upload_id, seq + 1, seq + 1, sender_id, 'seeded-' || seq,
      jsonb_build_object('text', '', 'attachments', jsonb_build_array(jsonb_build_object(
        'upload_id', upload_id::text, 'kind', 'file', 'type', 'application/pdf')))
    FROM jsonb_to_recordset(${rows}) AS t (seq int8, upload_id int8, sender_id int8)`;
  await sql`
    UPDATE chat.conversations SET top_seq = ${seeded}, rev = ${seeded + 1}
    WHERE id = ${conversationId}`;
  return living;
}

async function sendFiles(
  client: FileClient,
  load: {
    own: ChatPerson[];
    sent: Sent[];
    living: Living[];
    random: Random;
    goOn: () => boolean;
  },
): Promise<void> {
  const { own, sent, living, random, goOn } = load;
  while (goOn()) {
    const sender = random.pick(own);
    const made = await client.send(sender, bytesMin + random.below(bytesMore));
    if (made === null) continue;
    sent.push(made.file);
    living.push({ sender, ...made });
  }
}

async function deleteFiles(
  client: FileClient,
  living: Living[],
  random: Random,
  goOn: () => boolean,
): Promise<void> {
  while (goOn()) {
    const [old] = living.splice(random.below(living.length), 1);
    if (old) {
      old.file.deletedAt = performance.now();
      await client.remove(old.sender, old.seq);
    }
    await Bun.sleep(deletePauseMs);
  }
}

const openFiles = (dataDir: string) =>
  openBlobs({ dataDir, s3Url: "", blobPutMsMax: 30_000, blobS3CallMsMax: 1_000 }, systemClock);

class FileClient {
  private readonly port: number;
  private number = 0;

  constructor(port: number) {
    this.port = port;
  }

  /** Null when somebody sent as much as they may. */
  async send(sender: ChatPerson, bytes: number): Promise<{ seq: number; file: Sent } | null> {
    const offered = await this.call(sender, "POST", "/uploads", { kind: "file" });
    if (offered.status === 429) return null;
    const { upload_id, url } = (await offered.json()) as { upload_id: string; url: string };
    // Half of it is hard to compress.
    const data = Buffer.from(crypto.getRandomValues(new Uint8Array(bytes / 2)).toHex());
    const { pathname, search } = new URL(url);
    const put = await fetch(`http://127.0.0.1:${this.port}${pathname}${search}`, {
      method: "PUT",
      body: data,
      headers: { "content-type": "text/plain" },
    });
    if (!put.ok) throw new Error(`an upload: ${put.status} ${await put.text()}`);
    const client_msg_id = `file-${upload_id}-${++this.number}`;
    const body = { text: "", attachments: [{ upload_id, kind: "file" }] };
    const path = `/conversations/${conversationId}/messages`;
    const said = await this.call(sender, "POST", path, { client_msg_id, body });
    if (said.status !== 201) throw new Error(`a message: ${said.status} ${await said.text()}`);
    const { seq } = (await said.json()) as { seq: number };
    const sha256 = new Bun.CryptoHasher("sha256").update(data).digest("hex");
    const ackedAt = performance.now();
    return { seq, file: { upload_id, sha256, ackedAt, deletedAt: Infinity } };
  }

  async remove(sender: ChatPerson, seq: number): Promise<void> {
    const path = `/conversations/${conversationId}/messages/${seq}`;
    const reply = await this.call(sender, "DELETE", path);
    if (!reply.ok) throw new Error(`a deletion: ${reply.status} ${await reply.text()}`);
  }

  private async call(as: ChatPerson, method: string, path: string, body?: object) {
    return await fetch(`http://127.0.0.1:${this.port}/api/v1/chat${path}`, {
      method,
      headers: { authorization: `Bearer ${as.key}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

async function sweepOnAndOn(sql: SQL, goOn: () => boolean): Promise<void> {
  for (let id = firstId; goOn(); id++) {
    await sql`
      INSERT INTO platform.jobs (id, kind, payload, key, run_at)
      VALUES (${id}, 'chat.sweep_uploads', '{}', 'on and on', now()) ON CONFLICT DO NOTHING`;
    await sql`SELECT pg_notify('stoa_jobs', 'a sweep')`;
    await Bun.sleep(sweepPauseMs);
  }
}

/**
 * What was acknowledged before `from` and not deleted before `to` is there, and whatever a row or
 * a message leads to is there as it was.
 */
export async function checkFiles(
  sql: SQL,
  dataDir: string,
  sent: readonly Sent[],
  { from, to }: { from: number; to: number },
): Promise<Violation[]> {
  const out: Violation[] = [];
  const lost = (detail: string) => out.push({ rule: "lost", detail });
  const blobs = await openFiles(dataDir);
  const rows: { id: string; attempt: number; sha256: string }[] = await sql`
    SELECT id::text, attempt, sha256 FROM platform.uploads
    WHERE stored_at IS NOT NULL AND removed_at IS NULL`;
  const hashes = new Map(rows.map((row) => [row.id, row.sha256]));
  for (const { id, attempt, sha256 } of rows) {
    const found = await blobs.get(`chat/${id}/${attempt}`).catch(() => null);
    const bytes = found && (await new Response(found.body).bytes().catch(() => null));
    const hash = bytes && new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    if (hash !== sha256) lost(`the file of upload ${id}: ${hash ?? "it cannot be read"}`);
  }
  for (const { upload_id, sha256, ackedAt, deletedAt } of sent) {
    if (ackedAt > from || deletedAt < to) continue;
    if (hashes.get(upload_id) !== sha256) lost(`upload ${upload_id} of an acknowledged message`);
  }
  const attached: { seq: string; upload_id: string }[] = await sql`
    SELECT seq::text, a->>'upload_id' AS upload_id
    FROM chat.messages, jsonb_array_elements(body->'attachments') a
    WHERE conversation_id = ${conversationId}`;
  for (const { seq, upload_id } of attached) {
    if (!hashes.has(upload_id)) lost(`upload ${upload_id} of message ${seq}`);
  }
  console.log(`${sent.length} files sent, ${rows.length} restored, ${out.length} lost`);
  return out;
}
