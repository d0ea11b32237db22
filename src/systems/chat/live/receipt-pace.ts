import type { Receipts } from "../shapes.ts";

/**
 * Receipts of a conversation come as often as its members read, and each has the whole state: the
 * first is told at once, of those that follow within `paceMs` the last.
 */
export const paceMs = 200;

export class ReceiptPace {
  private readonly tell: (receipts: Receipts) => void;
  private readonly waiting = new Map<string, Receipts | null>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(tell: (receipts: Receipts) => void) {
    this.tell = tell;
  }

  add(receipts: Receipts): void {
    const id = receipts.conversation_id;
    const before = this.waiting.get(id);
    if (before === undefined) {
      this.waiting.set(id, null);
      this.timer ??= setTimeout(() => this.turn(), paceMs);
      return this.tell(receipts);
    }
    if (before === null || before.receipts_rev < receipts.receipts_rev) {
      this.waiting.set(id, receipts);
    }
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private turn(): void {
    this.timer = null;
    for (const [id, receipts] of this.waiting) {
      if (receipts === null) this.waiting.delete(id);
      else {
        this.waiting.set(id, null);
        this.tell(receipts);
      }
    }
    if (this.waiting.size > 0) this.timer = setTimeout(() => this.turn(), paceMs);
  }
}
