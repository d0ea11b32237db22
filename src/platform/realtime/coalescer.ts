/**
 * Writes what comes alone at once, and joins what comes close together. What comes first of a topic
 * goes out at the end of the step that it comes in, with what else that step says; what follows
 * within `windowMs` waits for the end of the window and shares one message, a line each. So one
 * message at a time is never delayed, and a busy topic costs each socket a few writes per window
 * instead of one per frame: it is the writes that are dear.
 *
 * One timer serves all topics, so a window is at most `windowMs` and may be shorter.
 */
export class Coalescer {
  private readonly write: (topic: string, text: string) => void;
  private readonly windowMs: number;
  /** Topics within their window. */
  private readonly open = new Map<string, Waiting>();
  /** Of these, those whose window begins with this step. */
  private begun: string[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(windowMs: number, write: (topic: string, text: string) => void) {
    this.windowMs = windowMs;
    this.write = write;
  }

  add(topic: string, line: string): void {
    const waiting = this.open.get(topic);
    if (waiting === undefined) {
      this.open.set(topic, { text: line });
      this.begun.push(topic);
      if (this.begun.length === 1) queueMicrotask(this.begin);
      return;
    }
    waiting.text = waiting.text === "" ? line : `${waiting.text}\n${line}`;
    if (waiting.text.length >= joinedCharactersMax) this.flush(topic);
  }

  /** Writes what waits, before those who hear the topic become others. */
  flush(topic: string): void {
    const waiting = this.open.get(topic);
    if (waiting === undefined || waiting.text === "") return;
    const { text } = waiting;
    waiting.text = "";
    this.write(topic, text);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const topic of this.open.keys()) this.flush(topic);
    this.open.clear();
  }

  private readonly begin = (): void => {
    for (const topic of this.begun) this.flush(topic);
    this.begun = [];
    if (this.open.size > 0) this.timer ??= setTimeout(this.turn, this.windowMs);
  };

  private readonly turn = (): void => {
    this.timer = null;
    for (const [topic, { text }] of this.open) {
      if (text === "") this.open.delete(topic);
      else this.flush(topic);
    }
    if (this.open.size > 0) this.timer = setTimeout(this.turn, this.windowMs);
  };
}

type Waiting = { text: string };

/** One message is not made longer by joining than a client would take well. */
const joinedCharactersMax = 64 * 1024;
