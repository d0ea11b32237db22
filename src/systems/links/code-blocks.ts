import type { Db } from "../../platform/db/db.ts";
import { createCodec, type CodeAlphabet, type Codec } from "./codes.ts";

/**
 * Gives codes without asking anybody. A process leases a block of sequence numbers and turns
 * them into codes one by one; the next block is fetched before the last one is used up, so a
 * create waits for a block only after a start. Numbers of a block that dies with its process
 * are never used: 62^7 numbers bear it.
 */
export const codesPerBlock = 1_000;

export type CodeBlocks = {
  codec(alphabet: CodeAlphabet): Codec;
  /** Codes that were never given before, `count` of them. */
  take(alphabet: CodeAlphabet, count: number): Promise<string[]>;
};

type Block = { next: number; end: number };

export function createCodeBlocks(db: Db, key: Uint8Array): CodeBlocks {
  const codecs = { base62: createCodec(key, "base62"), people: createCodec(key, "people") };
  const current: Record<CodeAlphabet, Block[]> = { base62: [], people: [] };
  const fetching: Record<CodeAlphabet, Promise<void> | null> = { base62: null, people: null };

  async function fetchBlock(alphabet: CodeAlphabet): Promise<void> {
    const row = await db.write(
      (tx) => tx.one<{ block: string }>`
        SELECT nextval(${`links.${alphabet}_blocks`}::regclass) AS block`,
    );
    const start = (Number(row?.block) - 1) * codesPerBlock;
    if (start + codesPerBlock > codecs[alphabet].size) throw new Error("out of codes");
    current[alphabet].push({ next: start, end: start + codesPerBlock });
  }

  function refill(alphabet: CodeAlphabet): Promise<void> {
    fetching[alphabet] ??= fetchBlock(alphabet).finally(() => {
      fetching[alphabet] = null;
    });
    return fetching[alphabet];
  }

  return {
    codec: (alphabet) => codecs[alphabet],
    async take(alphabet, count) {
      const codes: string[] = [];
      const blocks = current[alphabet];
      while (codes.length < count) {
        const block = blocks[0];
        if (!block) {
          await refill(alphabet);
          continue;
        }
        while (codes.length < count && block.next < block.end) {
          codes.push(codecs[alphabet].encode(block.next++));
        }
        if (block.next === block.end) blocks.shift();
        const left = blocks.reduce((sum, b) => sum + b.end - b.next, 0);
        // A failure here is not this create's; the one that runs dry will meet it.
        if (left < codesPerBlock / 2) refill(alphabet).catch(() => {});
      }
      return codes;
    },
  };
}
