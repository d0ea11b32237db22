import type { Changes, WriteChanges } from "../ports.ts";
import type { ServerFrame } from "../protocol.ts";

/**
 * What changed in a conversation after a rev. When many come back at once they ask the same, so it
 * is read once for all who ask together, and written out once for all who may see the whole of it:
 * a text for each of two thousand would be a hundred megabytes.
 */
type Place = Pick<Changes, "conversation_id" | "since" | "rev" | "more">;

export class Page implements Changes {
  readonly conversation_id: string;
  readonly since: number;
  readonly rev: number;
  readonly more: boolean;
  readonly frames: readonly ServerFrame[];
  private readonly texts = new Map<WriteChanges, string>();

  constructor(place: Place, frames: readonly ServerFrame[]) {
    this.conversation_id = place.conversation_id;
    this.since = place.since;
    this.rev = place.rev;
    this.more = place.more;
    this.frames = frames;
  }

  /** Messages from before somebody joined are not theirs to see. */
  isFor(fromSeq: number): boolean {
    return this.frames.every((frame) => isFor(fromSeq, frame));
  }

  textFor(fromSeq: number, write: WriteChanges): string {
    if (!this.isFor(fromSeq)) {
      return write(
        this,
        this.frames.filter((frame) => isFor(fromSeq, frame)),
      );
    }
    const text = this.texts.get(write) ?? write(this, this.frames);
    this.texts.set(write, text);
    return text;
  }
}

function isFor(fromSeq: number, frame: ServerFrame): boolean {
  return frame.type !== "message" || frame.message.seq > fromSeq;
}

type Read = (conversationId: string, since: number, limit: number) => Promise<Page>;

/**
 * Who asks while the same is being read shares the read after it, with all others who do: what
 * they get is never older than their question, which a frame may have brought up that the read
 * under way does not see.
 */
export function readTogether(read: Read): Read {
  const running = new Map<string, Promise<Page>>();
  const next = new Map<string, Promise<Page>>();
  return (id, since, limit) => {
    const key = `${id} ${since} ${limit}`;
    const start = () => {
      const started = read(id, since, limit).finally(() => running.delete(key));
      running.set(key, started);
      return started;
    };
    const before = running.get(key);
    if (before === undefined) return start();
    const shared = next.get(key);
    if (shared !== undefined) return shared;
    const after = before
      .catch(() => {}) // told to those who asked for it
      .then(() => {
        next.delete(key);
        return start();
      });
    next.set(key, after);
    return after;
  };
}
