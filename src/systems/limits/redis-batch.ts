import type { Algorithm, Answer, Charge, Decision, Limit } from "./limiter.ts";

/** As the scripts know them. */
export const ops = {
  ...{ take: 1, peek: 2, report: 3, lease: 4 },
  ...{ giveBack: 1, reset: 2, penalize: 3 },
};
export const codes: Record<Algorithm, number> = {
  fixed_window: 1,
  sliding_log: 2,
  sliding_window: 3,
  token_bucket: 4,
  leaky_bucket: 5,
  quota: 6,
  concurrency: 7,
};

/** Nothing that a caller chose comes before the tag, so a brace in a key is only a brace. */
export function keyOf(tag: string, limit: Limit, key: string): string {
  return `{${tag}}:limits:${limit.id}:${key}`;
}

/** `done` gets the whole reply and where its own answers begin. */
type Question = {
  size: number;
  done: (reply: number[], at: number) => void;
  reject: (error: unknown) => void;
};

/** Questions that go together, as numbers for decide.lua. */
export class Batch {
  readonly keys: string[] = [];
  readonly numbers: number[] = [];
  readonly questions: Question[] = [];
  sent = false;
  private readonly tag: string;

  constructor(tag: string) {
    this.tag = tag;
  }

  add({ limit, key, cost }: Charge): void {
    this.keys.push(keyOf(this.tag, limit, key));
    this.numbers.push(codes[limit.algorithm], cost, ...numbersOf(limit));
  }

  answer(reply: number[]): void {
    let at = 1;
    for (const { size, done } of this.questions) {
      done(reply, at);
      at += size * answerSize;
    }
  }

  fail(error: unknown): void {
    for (const { reject } of this.questions) reject(error);
  }
}

function numbersOf(limit: Limit): number[] {
  const { algorithm, windowMs, burst, penaltyMs } = limit;
  if (algorithm !== "leaky_bucket") return [limit.limit, windowMs, burst, penaltyMs];
  return [limit.limit, windowMs, limit.queueMax, penaltyMs, limit.waitMsMax];
}

/** Numbers per charge in a reply; before them all stands the time. */
const answerSize = 5;

export function decisionAt(reply: number[], at: number, size: number): Decision {
  const answers: Answer[] = [];
  let allowed = true;
  for (let i = 0; i < size; i++) {
    const answer = answerAt(reply, at + i * answerSize);
    allowed &&= answer.allowed;
    answers.push(answer);
  }
  return { allowed, answers };
}

export function answerAt(reply: number[], at: number): Answer {
  return {
    allowed: reply[at] === 1,
    remaining: reply[at + 1] as number,
    resetMs: reply[at + 2] as number,
    retryAfterMs: reply[at + 3] as number,
    delayMs: reply[at + 4] as number,
  };
}
