import { ModelServer, type ModelLink } from "./model-server.fixture.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";
import type { Effect, Input } from "./inputs.ts";
import { createMachine, nextDue, step } from "./machine.ts";
import { type Machine } from "./state.ts";
import { shownMessages } from "./window.ts";

/**
 * A world of one server and some devices with time, chance and network of its own: what happens is
 * decided by the seed alone. Frames are lost, doubled, late and out of order; connections break on
 * either side; the server restarts before or after it did what it was asked; devices crash and
 * come back with their storage, without what was not in it yet, or with nothing.
 */
export type Luck = {
  lost: number;
  doubled: number;
  late: number;
  refused: number;
};
const good: Luck = { lost: 0, doubled: 0, late: 0, refused: 0 };

/** A small fast generator: https://github.com/bryc/code/blob/master/jshash/PRNGs.md (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a build broken on purpose does differently. */
export type Sabotage = {
  /** After each step, on the machine itself. */
  machine?: (m: Machine, input: Input) => void;
  /** On what goes out. */
  frame?: (frame: ClientFrame) => ClientFrame;
  /** On what comes back from the storage. */
  records?: (records: Map<string, unknown>) => void;
};

export type Submission = {
  text: string;
  room: string;
  device: string;
  /** In the storage of the device, or in the same life of it as at the end. */
  kept: boolean;
};

export class World {
  now = 1_000_000;
  luck = good;
  readonly server = new ModelServer();
  readonly devices: Device[] = [];
  readonly submissions: Submission[] = [];
  readonly random: () => number;
  readonly sabotage: Sabotage;
  private queue: { at: number; order: number; run: () => void }[] = [];
  private order = 0;

  constructor(seed: number, sabotage: Sabotage = {}) {
    this.random = randomOf(seed);
    this.sabotage = sabotage;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(things: readonly T[]): T {
    return things[Math.floor(this.random() * things.length)] as T;
  }

  after(ms: number, run: () => void): void {
    const event = { at: this.now + ms, order: this.order++, run };
    let n = this.queue.length;
    while (n > 0 && isBefore(event, this.queue[n - 1] as typeof event)) n--;
    this.queue.splice(n, 0, event);
  }

  runUntil(at: number): void {
    for (let next = this.queue.at(-1); next && next.at <= at; next = this.queue.at(-1)) {
      this.queue.pop();
      this.now = next.at;
      next.run();
    }
    this.now = at;
  }

  /** How long something takes on the way; now and then much longer. */
  travel(): number {
    return this.chance(this.luck.late) ? this.random() * 3_000 : 1 + this.random() * 30;
  }

  addDevice(account: string, number: number): void {
    this.devices.push(new Device(this, account, number));
  }

  restartServer(): void {
    for (const link of [...this.server.links]) link.end(1006);
  }
}

/** The queue is ordered by time, the latest first. */
function isBefore(event: { at: number; order: number }, other: { at: number; order: number }) {
  return other.at < event.at || (other.at === event.at && other.order < event.order);
}

export class Device {
  readonly account: string;
  machine: Machine;
  private readonly world: World;
  private readonly disk = new Map<string, unknown>();
  private life = 0;
  private name: string;
  private armed = Infinity;
  private storedAt = 0;
  private link: { id: number; server: ModelLink; listedUntil: number; open: boolean } | null = null;

  constructor(world: World, account: string, number: number) {
    this.world = world;
    this.account = account;
    this.name = `${account}-${number}`;
    this.machine = this.boot();
  }

  private boot(): Machine {
    const { random } = this.world;
    const machine = createMachine({ random, deviceId: `${this.name}-${this.life}` });
    const life = ++this.life;
    this.machine = machine;
    this.armed = Infinity;
    this.do({ type: "connect" });
    this.world.after(this.world.random() * 20, () => {
      if (life !== this.life) return;
      const records = new Map(this.disk);
      this.world.sabotage.records?.(records);
      this.do({ type: "loaded", records });
    });
    return machine;
  }

  /** The page is gone: with it what was not stored yet, or the storage as well. */
  crash({ storage }: { storage: boolean }): void {
    this.endLink(1006, false);
    if (!storage) this.disk.clear();
    for (const submission of this.world.submissions) {
      if (submission.device !== this.lived || this.disk.has(`outbox/${submission.text}`)) continue;
      // What the server has is there; what only this page had is not.
      submission.kept = false;
    }
    if (storage) {
      for (const submission of this.world.submissions) {
        if (submission.device === this.lived) submission.device = `${this.name}/${this.life + 1}`;
      }
    }
    this.boot();
  }

  get lived(): string {
    return `${this.name}/${this.life}`;
  }

  submit(room: string): void {
    const text = `text-${this.world.submissions.length}`;
    this.world.submissions.push({ text, room, device: this.lived, kept: true });
    this.do({ type: "send", id: room, client_msg_id: text, message: { text } });
  }

  edit(room: string, seq: number, text: string): void {
    const { world } = this;
    const life = this.life;
    world.after(world.travel(), () => {
      const message = world.server.edit(this.account, room, seq, text);
      if (!message || world.chance(world.luck.lost)) return;
      world.after(world.travel(), () => {
        if (life === this.life) this.do({ type: "told", message });
      });
    });
  }

  do(input: Input): void {
    const effects = step(this.machine, input, this.world.now);
    this.world.sabotage.machine?.(this.machine, input);
    for (const effect of effects) this.carryOut(effect);
    this.arm();
  }

  private arm(): void {
    const due = nextDue(this.machine);
    if (due === null || due >= this.armed) return;
    this.armed = due;
    const { machine, world } = this;
    world.after(Math.max(0, due - world.now), () => {
      if (machine !== this.machine || this.armed !== due) return;
      this.armed = Infinity;
      this.do({ type: "tick" });
    });
  }

  private carryOut(effect: Effect): void {
    const { world } = this;
    switch (effect.type) {
      case "open":
        return this.openLink(effect.link);
      case "close":
        return this.endLink(1000, false);
      case "transmit":
        return this.transmit(effect.link, effect.frame);
      case "ask":
        return this.ask(effect);
      case "store": {
        const life = this.life;
        // One after the other, as transactions are.
        this.storedAt = Math.max(world.now + 5 + world.random() * 20, this.storedAt + 0.001);
        world.after(this.storedAt - world.now, () => {
          if (life !== this.life) return;
          for (const [key, value] of effect.records) {
            if (value === undefined) this.disk.delete(key);
            else this.disk.set(key, value);
          }
        });
        return;
      }
      case "changed":
        for (const id of effect.ids) this.look(id);
    }
  }

  /** At any moment: no holes, and nothing both as sent and as waiting. */
  private look(id: string): void {
    const room = this.machine.rooms.get(id);
    if (!room) return;
    const shown = shownMessages(room);
    const { low, high } = room.window ?? { low: 1, high: 0 };
    if (shown.length !== high - low + 1) throw new Error(`${this.name}: a hole in ${low}..${high}`);
    for (const { client_msg_id } of this.machine.outbox.values()) {
      const twice = shown.some(
        (each) => each.client_msg_id === client_msg_id && each.sender_id === this.account,
      );
      if (twice) throw new Error(`${this.name}: ${client_msg_id} is shown as sent and as waiting`);
    }
  }

  private openLink(id: number): void {
    const { world } = this;
    const life = this.life;
    world.after(world.travel(), () => {
      if (life !== this.life || this.machine.link.id !== id) return;
      if (world.chance(world.luck.refused)) {
        return this.do({ type: "closed", link: id, code: 1006, reason: "" });
      }
      const server: ModelLink = {
        account: null,
        deliver: (frame) => this.comeIn(id, frame),
        end: (code) => {
          world.server.links.delete(server);
          if (this.link?.server === server) this.endLink(code, true);
        },
      };
      this.link = { id, server, listedUntil: 0, open: true };
      this.do({ type: "opened", link: id });
    });
  }

  private endLink(code: number, tell: boolean): void {
    const { link, life, world } = this;
    if (!link?.open) return;
    link.open = false;
    world.server.links.delete(link.server);
    // Half of the time nobody says that it is gone, and silence has to.
    if (!tell || world.chance(world.luck.lost * 2)) return;
    world.after(world.travel(), () => {
      if (life === this.life) this.do({ type: "closed", link: link.id, code, reason: "" });
    });
  }

  breakLink(): void {
    this.endLink(1006, true);
  }

  /** The line is dead, and nobody says so. */
  muteLink(): void {
    this.endLink(1006, false);
  }

  private transmit(id: number, sent: ClientFrame): void {
    const { world, link } = this;
    if (!link?.open || link.id !== id) return;
    const frame = world.sabotage.frame?.(sent) ?? sent;
    if (frame.type !== "hello" && world.chance(world.luck.lost)) return;
    const times = frame.type !== "hello" && world.chance(world.luck.doubled) ? 2 : 1;
    for (let n = 0; n < times; n++) {
      world.after(world.travel(), () => {
        if (link.open) world.server.receive(link.server, frame);
      });
    }
  }

  /** The greeting comes in order, whole and first; the rest may get lost or overtaken. */
  private comeIn(id: number, frame: ServerFrame): void {
    const { world, link, life } = this;
    if (!link?.open || link.id !== id) return;
    const greeting = ["welcome", "listed", "ready"].includes(frame.type);
    if (!greeting && world.chance(world.luck.lost)) return;
    const times = !greeting && world.chance(world.luck.doubled) ? 2 : 1;
    for (let n = 0; n < times; n++) {
      const at = Math.max(world.now + world.travel(), link.listedUntil + 0.001);
      if (greeting) link.listedUntil = at;
      world.after(at - world.now, () => {
        if (life === this.life && link.open) this.do({ type: "received", link: id, frame });
      });
    }
  }

  private ask({ call, question }: Effect & { type: "ask" }): void {
    const { world, life, machine } = this;
    const refused = { status: 0, code: "connection", message: "" };
    const asked = world.chance(world.luck.refused) ? null : question;
    world.after(world.travel(), () => {
      const answer = asked ? world.server.answer(this.account, asked) : refused;
      world.after(world.travel(), () => {
        if (life !== this.life || machine !== this.machine) return;
        if ("what" in answer) this.do({ type: "answered", call, answer });
        else this.do({ type: "refused", call, refusal: answer });
      });
    });
  }
}
