import { describe, expect, test } from "bun:test";
import { World, type Luck, type Sabotage } from "./simulation.fixture.ts";
import { unreadOf } from "./marks.ts";
import { settleAhead } from "./pages.ts";
import { hasOlder, shownMessages } from "./window.ts";

/**
 * Thousands of lives of three people with two devices each, every one decided by its seed. After
 * the trouble there is quiet, and then everybody must have the same. `SEEDS` runs more of them.
 */
const seeds = Number(process.env["SEEDS"] ?? 500);
const troubleMs = 25_000;
const quietMs = 90_000;
const accounts = ["1", "2", "3"];
const bad: Luck = { lost: 0.06, doubled: 0.05, late: 0.1, refused: 0.15 };

/** Nothing when all is well, else what is not. */
function liveThrough(seed: number, sabotage: Sabotage = {}): string | null {
  const world = new World(seed, sabotage);
  world.server.createRoom("all", accounts);
  world.server.createRoom("two", ["1", "2"]);
  for (const account of accounts) {
    for (let n = 1; n <= 2; n++) world.addDevice(account, n);
  }
  world.luck = bad;
  const actions = 10 + Math.floor(world.random() * 40);
  for (let n = 0; n < actions; n++) world.after(world.random() * troubleMs, () => act(world));
  try {
    world.runUntil(world.now + troubleMs);
    world.luck = { lost: 0, doubled: 0, late: 0, refused: 0 };
    world.runUntil(world.now + quietMs);
    const stale = staleOf(world);
    if (stale !== null) return stale;
    readAll(world);
  } catch (error) {
    return String(error);
  }
  return faultOf(world);
}

/** What people do, and what befalls them. */
function act(world: World): void {
  const { server } = world;
  const device = world.pick(world.devices);
  const rooms = server.roomsOf(device.account);
  if (rooms.length === 0) return comeOrGo(world);
  const room = world.pick(rooms);
  const luck = world.random();
  if (luck < 0.4) for (let n = 1 + world.random() * 3; n > 0; n--) device.submit(room.id);
  else if (luck < 0.5) {
    const seq = 1 + Math.floor(world.random() * room.messages.length);
    device.edit(room.id, seq, `edited-${world.random()}`);
  } else if (luck < 0.6) device.do({ type: "mark_read", id: room.id });
  else if (luck < 0.68) device.do({ type: "look", id: room.id, on: true });
  else if (luck < 0.72) device.do({ type: "look", id: room.id, on: false });
  else if (luck < 0.75) device.do({ type: "load", id: room.id, kind: "older" });
  else if (luck < 0.78) device.do({ type: "load", id: room.id, kind: "around", seq: 3 });
  else if (luck < 0.8) device.do({ type: "load", id: room.id, kind: "newer" });
  else if (luck < 0.84) device.breakLink();
  else if (luck < 0.86) device.muteLink();
  else if (luck < 0.87) device.do({ type: "wake" });
  else if (luck < 0.88) device.do({ type: "doubt" });
  else if (luck < 0.93) device.crash({ storage: true });
  else if (luck < 0.95) device.crash({ storage: false });
  else if (luck < 0.97) world.restartServer();
  else if (luck < 0.98) {
    for (const link of server.links) link.deliver({ type: "drain", delay_ms: 500 });
    world.after(1_000, () => world.restartServer());
  } else comeOrGo(world);
}

/** The third person leaves the group, or is let in again. */
function comeOrGo(world: World): void {
  const { server } = world;
  if (!server.room("all").members.has("3")) return server.join("all", "3");
  server.leave("all", "3");
  for (const submission of world.submissions) {
    const own = submission.device.startsWith("3-");
    // Who was put out has nothing to say any more.
    if (own && submission.room === "all") submission.kept = false;
  }
}

/** Everybody looks at everything, up to the first message. */
function readAll(world: World): void {
  for (const device of world.devices) {
    for (const id of ["all", "two"]) {
      device.do({ type: "look", id, on: true });
      // What is shown already is not loaded anew: it has to be right as it is.
      const live = device.machine.rooms.get(id)?.window?.live;
      if (!live) device.do({ type: "load", id, kind: "latest" });
    }
  }
  world.runUntil(world.now + 2_000);
  for (let more = true, rounds = 0; more; rounds++) {
    if (rounds > 200) throw new Error("older messages do not come");
    more = false;
    for (const device of world.devices) {
      for (const room of device.machine.rooms.values()) {
        if (!hasOlder(room)) continue;
        device.do({ type: "load", id: room.id, kind: "older" });
        more = true;
      }
    }
    world.runUntil(world.now + 500);
  }
}

/** What was on the screen all the time is as new as what the server has. */
function staleOf(world: World): string | null {
  for (const { lived, machine } of world.devices) {
    for (const room of machine.rooms.values()) {
      const { messages } = world.server.room(room.id);
      const old = shownMessages(room).find((m) => m.rev !== messages[m.seq - 1]?.rev);
      if (old) return `${lived} shows ${old.seq} of ${room.id} as it was at ${old.rev}`;
    }
  }
  return null;
}

function faultOf(world: World): string | null {
  const { server } = world;
  for (const room of server.rooms.values()) {
    const ids = room.messages.map((m) => `${m.sender_id}/${m.client_msg_id}`);
    if (new Set(ids).size < ids.length) return `${room.id} has a message twice`;
    const last = new Map<string, number>();
    for (const { text, room: id, device, kept } of world.submissions) {
      if (id !== room.id) continue;
      const own = room.messages.filter((m) => m.client_msg_id.startsWith(`${text}.`));
      const written = room.messages.find((m) => m.client_msg_id === text) ?? own[0];
      if (own.length > 1) return `${text} is there ${own.length} times`;
      if (!written && kept) return `${text} of ${device} is lost`;
      if (!written || !kept) continue;
      if (written.seq < (last.get(device) ?? 0)) return `${text} came before what was said before`;
      last.set(device, written.seq);
    }
  }
  for (const { account, machine, lived } of world.devices) {
    if (machine.link.phase !== "online") return `${lived} is ${machine.link.phase}`;
    const waiting = [...machine.outbox.values()].filter((each) => each.state !== "failed");
    if (waiting.length > 0) return `${lived} still has something to send`;
    const rooms = server.roomsOf(account);
    const known = [...machine.rooms.keys()].toSorted().join();
    const expected = rooms.map((room) => room.id).toSorted();
    if (known !== expected.join()) return `${lived} knows ${known} instead of ${expected.join()}`;
    for (const { id, messages, members, rev } of rooms) {
      const room = machine.rooms.get(id);
      const member = members.get(account);
      if (!room || !member) return `${lived} lacks ${id}`;
      if (room.cursor !== rev) return `${lived} is at ${room.cursor} of ${rev} in ${id}`;
      const shown = shownMessages(room).map((m) => `${m.seq} ${m.rev} ${m.body?.text}`);
      const there = messages.slice(member.from).map((m) => `${m.seq} ${m.rev} ${m.body?.text}`);
      if (shown.join() !== there.join()) {
        return `${lived} shows in ${id} [${shown.join()}] instead of [${there.join()}]`;
      }
      const unread = unreadOf(room);
      if (unread !== server.unread(id, account)) return `${lived} has ${unread} unread in ${id}`;
      if (room.own.read_seq < room.readWanted) return `${lived} read more in ${id} than is known`;
    }
  }
  return null;
}

/** The first seed that shows a fault. */
function firstFault(count: number, sabotage: Sabotage = {}): string | null {
  for (let seed = 1; seed <= count; seed++) {
    const fault = liveThrough(seed, sabotage);
    if (fault !== null) return `seed ${seed}: ${fault}`;
  }
  return null;
}

test(`${seeds} lives in trouble: nothing lost, nothing double, one order for all`, () => {
  expect(firstFault(seeds)).toBeNull();
}, 600_000);

test("a line that dies without a word is replaced within seconds of a message", () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const world = new World(seed);
    world.server.createRoom("all", accounts);
    for (const account of accounts) world.addDevice(account, 1);
    world.runUntil(world.now + 1_000 + world.random() * 20_000);
    const device = world.pick(world.devices);
    device.muteLink();
    world.runUntil(world.now + world.random() * 3_000);
    device.submit("all");
    // Two to begin to doubt, two and a half for an answer, up to one to come back, and the way.
    world.runUntil(world.now + 6_000);
    expect([seed, world.server.room("all").messages.length]).toEqual([seed, 1]);
    expect([seed, device.machine.outbox.size]).toEqual([seed, 0]);
  }
});

test("the same seed is the same life", () => {
  const trace = (seed: number) => {
    const world = new World(seed);
    world.server.createRoom("all", accounts);
    for (const account of accounts) world.addDevice(account, 1);
    world.luck = bad;
    for (let n = 0; n < 30; n++) world.after(world.random() * 5_000, () => act(world));
    world.server.createRoom("two", ["1", "2"]);
    world.runUntil(world.now + 20_000);
    return JSON.stringify(world.devices.map(({ machine }) => [...machine.rooms]));
  };
  expect(trace(7)).toBe(trace(7));
  expect(trace(7)).not.toBe(trace(8));
});

describe("a client that is broken is found out, such as one that", () => {
  const caught = (sabotage: Sabotage) => expect(firstFault(200, sabotage)).not.toBeNull();

  test("moves its cursor over gaps", () => {
    caught({
      machine(m) {
        for (const room of m.rooms.values()) {
          room.cursor = Math.max(room.cursor, ...room.ahead);
          settleAhead(room);
        }
      },
    });
  });

  test("sends again under another name", () => {
    let count = 0;
    const seen = new Set<string>();
    caught({
      frame(frame) {
        if (frame.type !== "send" || !seen.has(frame.client_msg_id)) {
          if (frame.type === "send") seen.add(frame.client_msg_id);
          return frame;
        }
        return { ...frame, client_msg_id: `${frame.client_msg_id}.${count++}` };
      },
    });
  });

  test("forgets what waits when it is restarted", () => {
    caught({
      records(records) {
        for (const key of records.keys()) if (key.startsWith("outbox/")) records.delete(key);
      },
    });
  });

  test("keeps nothing aside while a page is on its way", () => {
    caught({
      machine(m) {
        for (const room of m.rooms.values()) {
          const { window } = room;
          for (const seq of room.messages.keys()) {
            const inside = window && seq >= window.low && (window.live || seq <= window.high);
            if (!inside) room.messages.delete(seq);
          }
        }
      },
    });
  });

  test("stores a cursor that is ahead of its messages", () => {
    caught({
      records(records) {
        for (const [key, value] of records) {
          if (!key.startsWith("conversation/")) continue;
          const record = value as { cursor: number };
          records.set(key, { ...record, cursor: record.cursor + 2 });
        }
      },
    });
  });

  test("believes every beat about itself", () => {
    caught({
      machine(m) {
        m.selfRev = Math.max(m.selfRev, m.selfTop);
      },
    });
  });
});
