/**
 * What was asked of Stoa and what came back, operation by operation. A client that got no answer
 * does not know whether its request took effect, and the record says so instead of guessing.
 * Times are monotonic milliseconds of this process.
 */
export type Outcome = "ok" | "failed" | "unknown";

export type Operation = {
  kind: "create" | "edit" | "delete" | "visit";
  /** The link's id; null while a create has not been answered. */
  link: string | null;
  code: string | null;
  /** Names one intention: all tries of a create have the same. */
  intent: string;
  /** The URL a write asks for; null for a delete and a visit. */
  url: string | null;
  /** What a visit was sent to: a URL, or what stands for none. */
  seen: string | null;
  invokedAt: number;
  endedAt: number;
  outcome: Outcome;
  /** Null when there was no answer. */
  status: number | null;
};

/** Seen by a visitor of a link that is gone, or was never there. */
export const gone = "(gone)";
export const absent = "(absent)";

/** Bounds the memory of a long run. */
const operationsMax = 2_000_000;

export class History {
  readonly operations: Operation[] = [];

  add(operation: Operation): void {
    if (this.operations.length >= operationsMax) throw new Error("the history is full");
    this.operations.push(operation);
  }

  count(kind: Operation["kind"], outcome: Outcome): number {
    return this.operations.filter((o) => o.kind === kind && o.outcome === outcome).length;
  }

  /** One line for the test's output: how much was really tried. */
  summary(): string {
    const kinds = ["create", "edit", "delete", "visit"] as const;
    const part = (kind: Operation["kind"]) => {
      const [ok, failed, unknown] = (["ok", "failed", "unknown"] as const).map((outcome) =>
        this.count(kind, outcome),
      );
      return `${kind} ${ok} ok, ${failed} failed, ${unknown} unknown`;
    };
    return kinds.map(part).join("; ");
  }
}
