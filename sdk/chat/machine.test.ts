import { expect, test } from "bun:test";
import { ModelServer, type ModelLink } from "./model-server.fixture.ts";
import type { ChatMessage, ServerFrame } from "./frames.ts";
import type { Effect, Input } from "./inputs.ts";
import { createMachine, nextDue, step } from "./machine.ts";
import type { Machine } from "./state.ts";
import { shownMessages } from "./window.ts";

/** Single steps of the machine, where a simulation comes too seldom. */
let now = 0;

function start(options: { loaded?: ReadonlyMap<string, unknown> } = {}) {
  now = 1_000_000;
  const m = createMachine({ random: () => 0.5, deviceId: "1-device" });
  const effects: Effect[] = [];
  const tell = (input: Input) => effects.push(...step(m, input, now));
  tell({ type: "connect" });
  tell({ type: "loaded", records: options.loaded ?? new Map() });
  return { m, effects, tell };
}

type Started = ReturnType<typeof start>;

/** Greets the machine as a server does. */
function greet({ m, tell }: Started, server: ModelServer): void {
  tell({ type: "opened", link: m.link.id });
  const deliver = (frame: ServerFrame) => tell({ type: "received", link: m.link.id, frame });
  const link: ModelLink = { account: null, deliver, end: () => {} };
  server.receive(link, { type: "hello", v: 1, device_id: "1-device" });
}

function pass({ m, tell }: Started, ms: number): void {
  for (const end = now + ms; now < end;) {
    now = Math.min(end, nextDue(m) ?? end);
    tell({ type: "tick" });
  }
}

function drop({ m, tell }: Started, code = 1006): void {
  tell({ type: "closed", link: m.link.id, code, reason: "" });
}

const opens = (effects: Effect[]) => effects.filter((effect) => effect.type === "open");
const pings = (effects: Effect[]) =>
  effects.filter((effect) => effect.type === "transmit" && effect.frame.type === "ping");

/** The server is there. */
function hear({ m, tell }: Started): void {
  tell({ type: "received", link: m.link.id, frame: { type: "beat", self_rev: 0, tops: [] } });
}

const sends = (effects: Effect[]) =>
  effects.flatMap((e) => (e.type === "transmit" && e.frame.type === "send" ? [e.frame] : []));

function withRoom(messages = 3): ModelServer {
  const server = new ModelServer();
  server.createRoom("all", ["1", "2"]);
  for (let n = 1; n <= messages; n++) say(server, `old-${n}`);
  return server;
}

function say(server: ModelServer, text: string): void {
  const frame = { type: "send", conversation_id: "all", client_msg_id: text } as const;
  server.send("2", { ...frame, body: { text } });
}

/** Answers everything that was asked. */
function serve(started: Started, server: ModelServer): void {
  for (const effect of started.effects.splice(0)) {
    if (effect.type !== "ask") continue;
    const answer = server.answer("1", effect.question);
    if ("what" in answer) started.tell({ type: "answered", call: effect.call, answer });
  }
}

/** What the page has put into its storage. */
function kept({ effects }: Started): Map<string, unknown> {
  return new Map(effects.flatMap((e) => (e.type === "store" ? [...e.records] : [])));
}

const shown = (m: Machine) => {
  const room = m.rooms.get("all");
  return room ? shownMessages(room).map((message: ChatMessage) => message.body?.text) : [];
};

test("a connection that fails is tried again after waits that grow", () => {
  const started = start();
  const waits: number[] = [];
  for (let n = 0; n < 12; n++) {
    const before = now;
    drop(started);
    const count = opens(started.effects).length;
    while (opens(started.effects).length === count) pass(started, 100);
    waits.push(now - before);
  }
  expect(waits[0]).toBeLessThan(1_100);
  expect(waits.at(-1)).toBeWithin(14_000, 31_000);
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  const vias = opens(started.effects).map((effect) => effect.type === "open" && effect.via);
  expect(vias.slice(0, 6)).toEqual(["socket", "socket", "socket", "stream", "socket", "stream"]);
});

test("a socket that is silent after a ping is given up", () => {
  const started = start();
  greet(started, withRoom());
  expect(started.m.link.phase).toBe("online");
  pass(started, 9_000);
  hear(started);
  pass(started, 9_000);
  expect(started.m.link.phase).toBe("online");
  pass(started, 12_000);
  expect(opens(started.effects)).toHaveLength(2);
});

test("a socket that takes a message and says nothing is replaced in seconds", () => {
  const started = start();
  greet(started, withRoom());
  pass(started, 6_000);
  hear(started);
  started.tell({ type: "send", id: "all", client_msg_id: "a", message: { text: "a" } });
  // What beats only is alive: the message is not acknowledged, and that is another matter.
  pass(started, 4_000);
  hear(started);
  pass(started, 6_000);
  expect(opens(started.effects)).toHaveLength(1);

  const other = start();
  greet(other, withRoom());
  pass(other, 6_000);
  hear(other);
  other.tell({ type: "send", id: "all", client_msg_id: "a", message: { text: "a" } });
  pass(other, 4_400);
  expect(other.m.link.phase).toBe("online");
  pass(other, 1_000);
  expect(opens(other.effects)).toHaveLength(2);
  // A server that is as slow again is given longer, until it acknowledges something.
  greet(other, withRoom());
  expect(sends(other.effects)).toHaveLength(2);
  hear(other);
  pass(other, 6_900);
  expect(other.m.link.phase).toBe("online");
  pass(other, 200);
  expect(other.m.link.phase).toBe("waiting");
  const server = withRoom();
  pass(other, 5_000);
  greet(other, server);
  const [sent] = sends(other.effects).slice(-1);
  if (!sent) throw new Error("it is not sent again");
  other.tell({ type: "received", link: other.m.link.id, frame: server.send("1", sent) });
  expect(other.m.link.probesLost).toBe(0);
});

test("a browser that thinks it is offline is asked to prove it, at once", () => {
  const alive = start();
  greet(alive, withRoom());
  hear(alive);
  alive.tell({ type: "doubt" });
  expect(pings(alive.effects)).toHaveLength(2);
  pass(alive, 1_000);
  hear(alive);
  pass(alive, 5_000);
  expect(opens(alive.effects)).toHaveLength(1);

  const cut = start();
  greet(cut, withRoom());
  hear(cut);
  cut.tell({ type: "doubt" });
  pass(cut, 2_600);
  expect(cut.m.link.phase).toBe("waiting");
  cut.tell({ type: "wake" });
  pass(cut, 300);
  expect(opens(cut.effects)).toHaveLength(2);
  cut.tell({ type: "doubt" });
  expect(opens(cut.effects)).toHaveLength(2);
});

test("a server that ends is left at the time it gave; what flies may land", () => {
  const started = start();
  greet(started, withRoom());
  const message = { text: "first" };
  started.tell({ type: "send", id: "all", client_msg_id: "first", message });
  started.tell({
    type: "received",
    link: started.m.link.id,
    frame: { type: "drain", delay_ms: 700 },
  });
  started.tell({ type: "send", id: "all", client_msg_id: "second", message });
  expect(sends(started.effects).map((frame) => frame.client_msg_id)).toEqual(["first"]);
  pass(started, 600);
  expect(opens(started.effects)).toHaveLength(1);
  drop(started, 1012);
  pass(started, 50);
  expect(opens(started.effects)).toHaveLength(1);
  pass(started, 100);
  expect(opens(started.effects)).toHaveLength(2);
});

test("a refused token is asked for anew, once; being signed out ends it at once", () => {
  const started = start();
  drop(started, 4401);
  pass(started, 2_000);
  expect(opens(started.effects).at(-1)).toMatchObject({ refresh: true });
  drop(started, 4401);
  pass(started, 120_000);
  expect(opens(started.effects)).toHaveLength(2);
  expect(started.m.link).toMatchObject({ phase: "stopped", error: { code: "auth.invalid_token" } });
  started.tell({ type: "connect" });
  expect(opens(started.effects)).toHaveLength(3);
  drop(started, 4410);
  expect(started.m.link.phase).toBe("stopped");
});

test("what may pass is tried again, and what may not fails; the next goes on", () => {
  const started = start();
  greet(started, withRoom());
  for (const id of ["slow", "bad", "good"]) {
    started.tell({ type: "send", id: "all", client_msg_id: id, message: { text: id } });
  }
  const refuse = (code: string, ref: string, more = {}) => {
    const frame: ServerFrame = { type: "error", code, message: "no", ref, ...more };
    started.tell({ type: "received", link: started.m.link.id, frame });
  };
  refuse("chat.slow_mode", "slow", { retry_after_ms: 5_000 });
  expect(sends(started.effects)).toHaveLength(1);
  pass(started, 4_000);
  expect(sends(started.effects)).toHaveLength(1);
  pass(started, 3_000);
  expect(sends(started.effects).map((frame) => frame.client_msg_id)).toEqual(["slow", "slow"]);
  refuse("chat.role_needed", "slow");
  refuse("chat.word_refused", "bad");
  expect(sends(started.effects).at(-1)?.client_msg_id).toBe("good");
  const states = [...started.m.outbox.values()].map(({ state }) => state);
  expect(states).toEqual(["failed", "failed", "flying"]);
});

test("one who was away for very long goes on from now and loads what is looked at", () => {
  const server = withRoom();
  const started = start();
  greet(started, server);
  started.tell({ type: "look", id: "all", on: true });
  serve(started, server);
  expect(shown(started.m)).toEqual(["old-1", "old-2", "old-3"]);
  drop(started);
  for (let n = 0; n < 600; n++) say(server, `new-${n}`);
  pass(started, 1_500);
  greet(started, server);
  const asked = started.effects.flatMap((e) => (e.type === "ask" ? [e.question.what] : []));
  expect(asked).not.toContain("changes");
  serve(started, server);
  expect(shown(started.m).at(-1)).toBe("new-599");
  expect(started.m.rooms.get("all")?.cursor).toBe(server.room("all").rev);
});

test("a server that stands on a backup is believed", () => {
  const later = withRoom(9);
  const started = start();
  greet(started, later);
  started.tell({ type: "look", id: "all", on: true });
  serve(started, later);
  drop(started);
  pass(started, 1_500);
  const backup = withRoom(2);
  greet(started, backup);
  serve(started, backup);
  expect(shown(started.m)).toEqual(["old-1", "old-2"]);
  say(backup, "another");
  const frame: ServerFrame = {
    type: "beat",
    self_rev: 2,
    tops: [["all", 3, backup.room("all").rev, 0]],
  };
  started.tell({ type: "received", link: started.m.link.id, frame });
  pass(started, 500);
  serve(started, backup);
  expect(shown(started.m)).toEqual(["old-1", "old-2", "another"]);
});

test("what the server fetched itself moves the cursor as far as it reaches", () => {
  const server = withRoom();
  const started = start();
  greet(started, server);
  started.tell({ type: "look", id: "all", on: true });
  serve(started, server);
  const { rev } = server.room("all");
  say(server, "missed");
  say(server, "also missed");
  const answer = server.answer("1", { what: "changes", id: "all", since: rev, limit: 200 });
  if (!("frames" in answer)) throw new Error("the model has no such room");
  const told = { type: "changes", conversation_id: "all", since: rev, ...answer } as const;
  started.tell({ type: "received", link: started.m.link.id, frame: told });
  expect(shown(started.m).slice(-2)).toEqual(["missed", "also missed"]);
  expect(started.m.rooms.get("all")?.cursor).toBe(rev + 2);
});

test("a draft is told once it is left alone, and what needs no telling is not told", () => {
  const server = withRoom();
  const started = start();
  greet(started, server);
  pass(started, 2_000);
  serve(started, server);
  const write = (text: string) => started.tell({ type: "draft", id: "all", text });
  const asked = () =>
    started.effects.flatMap((e) =>
      e.type === "ask" && e.question.what === "draft" ? [e.question.text] : [],
    );
  // Written and sent at once, as most are.
  for (const text of ["Two", "Two of them.", ""]) write(text);
  pass(started, 2_000);
  expect(asked()).toEqual([]);

  for (const text of ["A", "A longer one"]) write(text);
  pass(started, 2_000);
  expect(asked()).toEqual(["A longer one"]);
  // Taken back while nobody knows whether that arrived.
  write("");
  pass(started, 2_000);
  expect(asked()).toEqual(["A longer one", null]);
  serve(started, server);
  expect(server.draftOf("all", "1")).toBeNull();

  write("another");
  pass(started, 2_000);
  serve(started, server);
  for (const text of ["another one", "another"]) write(text);
  pass(started, 2_000);
  expect(asked()).toEqual([]);
  write("");
  pass(started, 2_000);
  serve(started, server);
  expect(server.draftOf("all", "1")).toBeNull();
});

test("a draft that was kept is told by whoever finds it, whatever was asked before", () => {
  const server = withRoom();
  const first = start();
  greet(first, server);
  pass(first, 2_000);
  first.tell({ type: "draft", id: "all", text: "begun" });
  pass(first, 2_000);
  first.tell({ type: "draft", id: "all", text: "" });
  pass(first, 700);
  const records = kept(first);
  // The server got the first, and the page was closed before its answer.
  serve(first, server);
  const next = start({ loaded: records });
  pass(next, 2_000);
  serve(next, server);
  expect(server.draftOf("all", "1")).toBeNull();
});

test("another account finds nothing of the one before", () => {
  const server = withRoom();
  const started = start();
  greet(started, server);
  pass(started, 1_000);
  const records = kept(started);
  expect(records.has("conversation/all")).toBe(true);
  const other = start({ loaded: records });
  expect(other.m.rooms.size).toBe(1);
  other.tell({ type: "opened", link: other.m.link.id });
  const welcome = { session_id: "s", heartbeat_ms: 10_000, self_rev: 0, server_time: "" };
  const frame: ServerFrame = { type: "welcome", v: 1, account_id: "9", ...welcome };
  other.tell({ type: "received", link: other.m.link.id, frame });
  pass(other, 1_000);
  expect(other.m.rooms.size).toBe(0);
  const stored = other.effects.findLast((effect) => effect.type === "store");
  expect(stored?.type === "store" && [...stored.records]).toContainEqual([
    "conversation/all",
    undefined,
  ]);
});
