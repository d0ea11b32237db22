import type { SQL } from "bun";
import { checkChat, type ChatViolation } from "./chat-checks.ts";
import { ChatClient, type ChatClientOptions } from "./chat-client.ts";
import { seedGroup, seedPeople, type ChatPerson } from "./chat-people.ts";
import { install, openEmbedded } from "./install.ts";
import { until, type Stage } from "./stage.ts";
import { startStoa, type Stoa } from "./stoa.ts";
import { startTogether, type Together } from "./together.ts";

/** A group of people in one conversation on a real Stoa, and what they heard held to the truth. */
export type ChatScene = {
  dataDir: string;
  people: ChatPerson[];
  conversationId: string;
  clients: ChatClient[];
  sql(): Promise<SQL>;
  /** A client of the person with this number, which goes when the stage does. */
  client(number: number, options?: Partial<ChatClientOptions>): ChatClient;
  /** Waits until all has been acknowledged and everybody is up to date; then says what is wrong. */
  violations(watching?: readonly ChatClient[]): Promise<ChatViolation[]>;
};

export const chatEnv = {
  STOA_CHAT_SENDS_PER_MINUTE: "1000000",
  STOA_DATABASE_POOL_MAX: "8",
};

const conversationId = "900001";
const settledMs = 20_000;

export type ChatSceneOptions = {
  people: number;
  tree?: string | undefined;
  env?: Record<string, string>;
};

/** One process with its own PostgreSQL. */
export async function openChat(stage: Stage, options: ChatSceneOptions) {
  const { dataDir } = await install(stage, options.tree);
  const start = (port?: number): Promise<Stoa> =>
    startStoa(stage, {
      ...{ dataDir, tree: options.tree, env: { ...chatEnv, ...options.env } },
      ...(port !== undefined && { port }),
    });
  const running = { stoa: await start() };
  const scene = await sceneOf(stage, { ...options, dataDir, port: () => running.stoa.port });
  return {
    ...scene,
    running,
    /** Again on the same port and data. */
    async again(): Promise<void> {
      running.stoa = await start(running.stoa.port);
    },
  };
}

/** Four processes with a Redis. */
export async function openChatTogether(
  stage: Stage,
  options: ChatSceneOptions,
): Promise<ChatScene & { together: Together }> {
  const { dataDir } = await install(stage, options.tree);
  const env = { ...chatEnv, ...options.env };
  const together = await startTogether(stage, { dataDir, env, tree: options.tree });
  const port = () => together.stoa.port;
  return { ...(await sceneOf(stage, { ...options, dataDir, port })), together };
}

async function sceneOf(
  stage: Stage,
  at: { people: number; dataDir: string; port: () => number },
): Promise<ChatScene> {
  const { dataDir, port } = at;
  const sql = () => openEmbedded(stage, dataDir);
  const first = await sql();
  const people = await seedPeople(first, at.people);
  await seedGroup(first, conversationId, people);
  const clients: ChatClient[] = [];
  return {
    ...{ dataDir, people, conversationId, clients, sql },
    client(number, options = {}) {
      const person = people[number % people.length] as ChatPerson;
      const random = stage.random.fork();
      const client = new ChatClient({ port, person, conversationId, random, ...options });
      stage.defer(() => client.close());
      clients.push(client);
      return client;
    },
    async violations(watching = clients) {
      const now = await sql();
      await settled(now, clients, watching);
      const shown = watching.map(({ name, shown: seqs }) => ({ name, seqs }));
      return await checkChat(now, conversationId, clients, shown);
    },
  };
}

/** What does not come within the time shows in the check, as lost or missed. */
async function settled(sql: SQL, clients: ChatClient[], watching: readonly ChatClient[]) {
  const done = async () => {
    if (clients.some((client) => client.waiting > 0)) return false;
    const [row] = (await sql`
      SELECT top_seq::int4 FROM chat.conversations
      WHERE id = ${conversationId}`) as { top_seq: number }[];
    const top = row?.top_seq ?? 0;
    return watching.every((client) => client.shown.length >= top);
  };
  await until("everybody is up to date", done, { withinMs: settledMs }).catch(() => {});
}

export async function allOn(clients: readonly ChatClient[], withinMs = 20_000): Promise<number> {
  return await until("everybody is connected", () => clients.every((client) => client.ready), {
    withinMs,
  });
}

export function saidSoFar(clients: readonly ChatClient[]): string {
  const sum = (of: (client: ChatClient) => number) => clients.reduce((n, c) => n + of(c), 0);
  const codes = [...new Set(clients.flatMap((client) => client.closes))];
  return (
    `${sum((c) => c.said.size)} said, ${sum((c) => c.acks.size)} acknowledged, ` +
    `${sum((c) => c.shown.length)} shown, ${sum((c) => c.closes.length)} connections ended, ` +
    `${sum((c) => c.pages)} pages asked for, ended with ${codes.join(", ")}`
  );
}

/** How long after its acknowledgement the latest message was shown, over all who look on. */
export function slowestShownMs(clients: readonly ChatClient[]): number {
  let slowest = 0;
  for (const sender of clients) {
    for (const [seq, at] of sender.ackedAt) {
      for (const client of clients) {
        slowest = Math.max(slowest, (client.shownAt.get(seq) ?? Infinity) - at);
      }
    }
  }
  return slowest;
}
