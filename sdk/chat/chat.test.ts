import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Person, startWorld, type World } from "../../test/world.ts";
import { createChat } from "./chat.ts";
import type { ChatClient, ConversationClient } from "./client.ts";
import { memoryStorage, type ChatStorage } from "./storage.ts";

/** The client against the whole program. */
let world: World;
let made: Line[] = [];
beforeAll(async () => (world = await startWorld()), 60_000);
afterEach(async () => {
  await Promise.all(made.map((line) => line.chat.close()));
  made = [];
});
afterAll(() => world.stop(), 60_000);

/** A client whose network can be cut. */
class Line {
  readonly chat: ChatClient;
  private readonly sockets = new Set<WebSocket>();
  private isCut = false;

  constructor(person: Person, options: { storage?: ChatStorage; blocked?: boolean } = {}) {
    const { sockets } = this;
    const blocked = () => this.isCut || options.blocked;
    this.chat = createChat({
      baseUrl: world.url,
      apiKey: person.key,
      storage: options.storage ?? memoryStorage(),
      fetch: async (url, init) => {
        if (this.isCut) throw new TypeError("cut");
        return await fetch(url, init);
      },
      WebSocket: class extends WebSocket {
        constructor(url: string) {
          if (blocked()) throw new TypeError("cut");
          super(url);
          sockets.add(this);
        }
      },
    });
    made.push(this);
    this.chat.connect();
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.close();
  }

  mend(): void {
    this.isCut = false;
  }
}

async function until<T>(look: () => T, what: string): Promise<NonNullable<T>> {
  for (let n = 0; n < 1_500; n++) {
    const found = look();
    if (found) return found;
    await Bun.sleep(10);
  }
  throw new Error(`waited in vain until ${what}`);
}

const texts = (room: ConversationClient) =>
  room.getSnapshot().messages.map((message) => message.body?.text);
const online = ({ chat }: Line) =>
  until(() => chat.getSnapshot().connection.state === "online", "it is online");

async function group(owner: Line, ...others: Person[]): Promise<string> {
  return await owner.chat.createConversation({
    ...{ kind: "group", title: "Plans", account_ids: others.map((other) => other.id) },
  });
}

/** Two who are online and in one group, which the first of them looks at. */
async function bothInGroup() {
  const [ada, bob] = [new Line(world.ada), new Line(world.bob)];
  await Promise.all([online(ada), online(bob)]);
  const id = await group(ada, world.bob);
  const [mine, hers] = [ada.chat.conversation(id), bob.chat.conversation(id)];
  mine.open();
  return { ada, bob, id, mine, hers };
}

test("two people talk: messages, ticks, unread counts, typing and presence", async () => {
  const [ada, bob] = [new Line(world.ada), new Line(world.bob)];
  await Promise.all([online(ada), online(bob)]);
  const id = await ada.chat.openDirect(world.bob.id);
  expect(await bob.chat.openDirect(world.ada.id)).toBe(id);
  const [mine, hers] = [ada.chat.conversation(id), bob.chat.conversation(id)];
  mine.open();
  hers.open();
  const clientMsgId = mine.send({ text: "Where shall we meet?" });
  expect(mine.getSnapshot().messages.at(-1)).toMatchObject({
    ...{ client_msg_id: clientMsgId, status: "pending", mine: true, seq: null },
  });
  const unread = () => bob.chat.getSnapshot().conversations.find((each) => each.id === id)?.unread;
  await until(() => texts(hers).includes("Where shall we meet?"), "it arrives");
  expect(unread()).toBe(1);
  const status = () => mine.getSnapshot().messages.at(-1)?.status;
  await until(() => status() === "delivered", "it is known to be delivered");
  hers.markRead();
  expect(unread()).toBe(0);
  await until(() => status() === "read", "it is known to be read");

  hers.setTyping(true);
  await until(() => mine.getSnapshot().typing.includes(world.bob.id), "typing is seen");
  hers.send({ text: "At the fountain" });
  await until(() => texts(mine).includes("At the fountain"), "the answer arrives");
  expect(mine.getSnapshot().typing).toEqual([]);
  ada.chat.watchPresence([world.bob.id]);
  const presence = () => ada.chat.getSnapshot().presence.get(world.bob.id)?.status;
  await until(() => presence() === "active", "the other is there");
}, 60_000);

test("one who was away has everything in one order, and what was written meanwhile", async () => {
  const { bob, mine, hers } = await bothInGroup();
  hers.open();
  mine.send({ text: "one" });
  await until(() => texts(hers).includes("one"), "the first arrives");
  bob.cut();
  await until(() => bob.chat.getSnapshot().connection.state === "offline", "it is noticed");
  for (const text of ["two", "three", "four"]) mine.send({ text });
  for (const text of ["five", "six"]) hers.send({ text });
  await until(() => mine.getSnapshot().messages.at(-1)?.seq, "they are sent");
  expect(texts(hers).slice(-2)).toEqual(["five", "six"]);
  bob.mend();
  await until(() => texts(mine).includes("six"), "the others hear of it");
  await until(
    () => hers.getSnapshot().messages.every((m) => m.status !== "pending"),
    "all is sent",
  );
  expect(texts(hers)).toEqual(texts(mine));
  expect(texts(mine).slice(-6)).toEqual(["one", "two", "three", "four", "five", "six"]);
}, 60_000);

test("what was written before a restart is sent after it, once", async () => {
  const storage = memoryStorage();
  const ada = new Line(world.ada, { storage });
  await online(ada);
  const id = await group(ada, world.bob);
  const room = ada.chat.conversation(id);
  room.open();
  room.send({ text: "kept" });
  await until(() => room.getSnapshot().messages.at(-1)?.seq, "it is sent");
  ada.cut();
  room.send({ text: "waiting" });
  await ada.chat.close();

  const again = new Line(world.ada, { storage });
  again.cut();
  const later = again.chat.conversation(id);
  await until(() => texts(later).includes("waiting"), "the storage is read");
  expect(texts(later).slice(-2)).toEqual(["kept", "waiting"]);
  expect(again.chat.getSnapshot()).toMatchObject({ loaded: true, account_id: world.ada.id });
  again.mend();
  await until(() => later.getSnapshot().messages.at(-1)?.seq, "it is sent");
  const all = await world.call("GET", `/api/v1/chat/conversations/${id}/messages`);
  const { items } = all.body as { items: { body: { text: string } | null }[] };
  expect(items.filter((item) => item.body?.text === "waiting")).toHaveLength(1);
  made = made.filter((line) => line !== again && line !== ada);
  await again.chat.close({ forget: true });
  expect(await storage.load()).toEqual(new Map());
}, 60_000);

test("what becomes of a message reaches those who look, and those who were away", async () => {
  const { bob, mine, hers } = await bothInGroup();
  hers.open();
  const sent = async (text: string) => {
    const found = () => mine.getSnapshot().messages.find((m) => m.body?.text === text)?.seq;
    mine.send({ text });
    return await until(found, "it is sent");
  };
  const seqs = [await sent("first"), await sent("second"), await sent("third")] as const;
  const seenBy = (room: ConversationClient, seq: number) =>
    room.getSnapshot().messages.find((message) => message.seq === seq);
  await until(() => seenBy(hers, seqs[2]), "all arrive");
  await mine.edit(seqs[0], "first, really");
  expect(seenBy(mine, seqs[0])?.body?.text).toBe("first, really");
  await until(() => seenBy(hers, seqs[0])?.edited_at, "the edit is seen");
  await hers.react(seqs[0], "👍");
  await until(() => seenBy(mine, seqs[0])?.extra.reactions?.[0]?.count === 1, "so is a reaction");

  bob.cut();
  await until(() => bob.chat.getSnapshot().connection.state === "offline", "it is noticed");
  await mine.delete(seqs[1]);
  await mine.pin(seqs[2]);
  await mine.edit(seqs[0], "first, for sure");
  await expect(hers.edit(seqs[0], "no")).rejects.toThrow();
  bob.mend();
  await until(
    () => seenBy(hers, seqs[0])?.body?.text === "first, for sure",
    "it is caught up with",
  );
  const { messages } = mine.getSnapshot();
  const states = (all: typeof messages) => all.map(({ seq, rev, body }) => ({ seq, rev, body }));
  expect(states(hers.getSnapshot().messages)).toEqual(states(messages));
  expect(seenBy(hers, seqs[1])?.body).toBeNull();
  expect(seenBy(hers, seqs[2])?.pinned_at).toBeString();
}, 60_000);

test("a poll is voted in by all and closed by who asked", async () => {
  const { mine, hers } = await bothInGroup();
  hers.open();
  mine.send({ poll: { question: "When?", options: ["Saturday", "Sunday"] } });
  const pollOf = (room: ConversationClient) =>
    room.getSnapshot().messages.find((message) => message.body?.poll && message.seq !== null);
  const { seq } = await until(() => pollOf(hers), "it arrives");
  await hers.vote(seq ?? 0, [1]);
  await until(() => pollOf(mine)?.extra.votes?.[1]?.count === 1, "the vote is seen");
  await expect(hers.closePoll(seq ?? 0)).rejects.toThrow();
  await mine.closePoll(seq ?? 0);
  expect(pollOf(mine)?.extra.poll_closed).toBe(true);
  await until(() => pollOf(hers)?.extra.poll_closed, "the others hear of it");
  await expect(hers.vote(seq ?? 0, [0])).rejects.toThrow();
}, 60_000);

test("where WebSockets do not get through, an event stream carries the same", async () => {
  const [ada, bob] = [new Line(world.ada, { blocked: true }), new Line(world.bob)];
  await Promise.all([online(ada), online(bob)]);
  expect(ada.chat.getSnapshot().connection.via).toBe("stream");
  const id = await group(ada, world.bob);
  const [mine, hers] = [ada.chat.conversation(id), bob.chat.conversation(id)];
  mine.open();
  hers.open();
  mine.send({ text: "by post" });
  await until(() => texts(hers).includes("by post"), "it arrives");
  hers.send({ text: "by stream" });
  await until(() => texts(mine).includes("by stream"), "the answer arrives");
}, 60_000);

test("one who is removed has the conversation no more, and what is refused says why", async () => {
  const { mine, hers } = await bothInGroup();
  mine.loadMembers();
  await until(() => hers.getSnapshot().summary, "it is listed");
  await until(() => mine.getSnapshot().members?.length === 2, "both are members");
  await mine.removeMember(world.bob.id);
  await until(() => hers.getSnapshot().summary === null, "it is gone");
  await until(() => mine.getSnapshot().members?.length === 1, "one is left");
  const clientMsgId = hers.send({ text: "hello?" });
  const failed = () => hers.getSnapshot().messages.find((m) => m.status === "failed");
  const message = await until(failed, "it is refused");
  expect(message.error?.code).toStartWith("chat.");
  hers.discard(clientMsgId);
  expect(hers.getSnapshot().messages).toEqual([]);
}, 60_000);

test("a key that is wrong ends the attempts, and says so", async () => {
  const line = new Line({ ...world.ada, key: "stoa_key_wrong" });
  const { connection } = await until(() => {
    const snapshot = line.chat.getSnapshot();
    return snapshot.connection.state === "stopped" && snapshot.connection.error ? snapshot : null;
  }, "it stops");
  expect(connection.error?.code).toStartWith("auth.");
}, 60_000);
