import { expect, test } from "bun:test";
import { createChat } from "../../sdk/chat/chat.ts";
import type { ChatClient } from "../../sdk/chat/client.ts";
import { checkAcks, checkOrder, checkShown, chatRulesOf } from "./chat-checks.ts";
import type { ChatPerson } from "./chat-people.ts";
import { openChat, type ChatScene } from "./chat-scene.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { Stage, until, lasting } from "./stage.ts";

/**
 * R10: two hundred clients of the SDK whose sockets are killed at random while some of them talk.
 * Every message that somebody wrote is there once, every screen shows all of them in one order, and
 * at no moment did one show a message twice or two in the wrong order.
 */
const people = 200;
const talkers = 20;
const killsEach = 1.5;
const disturbedMs = 5_000;
const lookEveryMs = 250;
const backWithinMs = 40_000;

type Screen = {
  name: string;
  chat: ChatClient;
  room: ReturnType<ChatClient["conversation"]>;
  said: Set<string>;
  /** What was wrong with what it showed at some moment. */
  wrong: string[];
  kill(): void;
  looked: unknown;
};

function openScreen(port: number, person: ChatPerson, id: string): Screen {
  let socket: (WebSocket & { terminate(): void }) | null = null;
  class Killable extends WebSocket {
    constructor(url: string) {
      super(url);
      socket = this as WebSocket as WebSocket & { terminate(): void };
    }
  }
  const baseUrl = `http://127.0.0.1:${port}`;
  const chat = createChat({ baseUrl, apiKey: person.key, WebSocket: Killable });
  const room = chat.conversation(id);
  return {
    ...{ name: person.id, chat, room, said: new Set(), wrong: [], looked: null },
    kill: () => socket?.terminate(),
  };
}

/** What is on the screen now: never one twice, never one before one that is older. */
function look(screen: Screen): void {
  const { messages } = screen.room.getSnapshot();
  if (messages === screen.looked) return;
  screen.looked = messages;
  const seen = new Set<string>();
  let last = 0;
  for (const { client_msg_id, sender_id, seq } of messages) {
    const name = `${sender_id} ${client_msg_id}`;
    if (seen.has(name)) screen.wrong.push(`${name} twice`);
    seen.add(name);
    if (seq !== null && seq <= last) screen.wrong.push(`${seq} after ${last}`);
    last = seq ?? last;
  }
}

const seqsOf = ({ room }: Screen) => room.getSnapshot().messages.flatMap(({ seq }) => seq ?? []);

async function roam(kills: number, brokenTree?: string) {
  await using stage = new Stage();
  const scene = await openChat(stage, { people, tree: brokenTree });
  const { random } = stage;
  const { port } = scene.running.stoa;
  const screens = scene.people.map((person) => openScreen(port, person, scene.conversationId));
  stage.defer(() => Promise.all(screens.map(({ chat }) => chat.close())));
  for (const { chat } of screens) chat.connect();
  const isOn = ({ chat }: Screen) => chat.getSnapshot().connection.state === "online";
  await until("everybody is online", () => screens.every(isOn), { withinMs: backWithinMs });
  for (const { room } of screens) room.open();
  const looking = setInterval(() => screens.forEach(look), lookEveryMs);
  stage.defer(() => clearInterval(looking));
  const pauseMs = disturbedMs / kills;
  for (let kill = 0; kill < kills; kill++) {
    random.pick(screens).kill();
    const talker = screens[kill % talkers] as Screen;
    talker.said.add(talker.room.send({ text: `number ${kill} of ${talker.name}` }));
    await lasting(random.below(Math.ceil(pauseMs * 2)));
  }
  const rows = await storedWhenQuiet(scene, screens);
  screens.forEach(look);
  const clients = screens.map(({ name, said }) => {
    return { name, said, acks: new Map(), refused: [], gaps: [] };
  });
  const violations = [
    ...checkAcks(clients, rows),
    ...checkOrder(rows),
    ...screens.flatMap((one) => checkShown({ name: one.name, seqs: seqsOf(one) }, rows.length)),
  ];
  const stored = new Set(rows.map((row) => row.client_msg_id));
  const lost = screens.flatMap(({ said }) => [...said].filter((id) => !stored.has(id)));
  const wrong = screens.flatMap((screen) => screen.wrong);
  console.log(`${kills} sockets killed, ${rows.length} messages, ${people} screens`);
  return { violations, lost, wrong };
}

type Row = Parameters<typeof checkOrder>[0][number];

/** What does not come in time is found missing by the check. */
async function storedWhenQuiet(scene: ChatScene, screens: Screen[]): Promise<Row[]> {
  const sql = await scene.sql();
  const written = screens.reduce((sum, { said }) => sum + said.size, 0);
  await until(
    "every screen shows everything",
    () => screens.every((screen) => seqsOf(screen).length >= written),
    { withinMs: backWithinMs, everyMs: 200 },
  ).catch(() => {});
  return (await sql`
    SELECT seq::int4, rev::int4, id::text, sender_id::text, client_msg_id FROM chat.messages
    WHERE conversation_id = ${scene.conversationId} ORDER BY seq`) as Row[];
}

test("200 clients, sockets killed at random: no loss, no double, one order", async () => {
  expect(await roam(rounds(people * killsEach))).toEqual({ violations: [], lost: [], wrong: [] });
});

counterproof(
  "a server that does not know a message it has",
  [
    {
      file: "src/systems/chat/schema.sql",
      from: "CREATE UNIQUE INDEX messages_client_msg_id",
      to: "CREATE INDEX messages_client_msg_id",
    },
    {
      file: "src/systems/chat/messages/acks.ts",
      from: "const found = await storedOf(tx, drafts);",
      to: "const found = (await storedOf(tx, drafts)).slice(0, 0);",
    },
    // Long enough for a socket to be killed between.
    {
      file: "src/systems/chat/live/desk.ts",
      from: "if (answer !== null) session.tell(answer);",
      to: "if (answer !== null) setTimeout(() => session.tell(answer), 1_000);",
    },
  ],
  async (broken) => {
    const { violations } = await roam(people * killsEach, broken);
    expect(chatRulesOf(violations)).toContain("made twice");
  },
);
