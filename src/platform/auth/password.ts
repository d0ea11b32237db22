import { AppError } from "../errors/errors.ts";

export { passwordProblem } from "./password-policy.ts";

/**
 * Passwords as argon2id. Each computation takes 19 MiB and tens of milliseconds on a thread of
 * its own, so only a few run at once and only a bounded number wait: a flood of sign-ins gets
 * 503 instead of the machine's memory.
 */
export type Passwords = {
  hash(password: string): Promise<string>;
  /** Without a hash (unknown account) it computes against a dummy one, so both take as long. */
  verify(password: string, hash: string | null): Promise<boolean>;
};

/** OWASP's first choice for argon2id, 2025: 19 MiB, two passes, one lane. */
const owaspCost = { memoryCost: 19_456, timeCost: 2 };
const waitingPerPlaceMax = 16;

export function createPasswords(options: {
  hashesAtOnce: number;
  /** Cheaper than the default only in tests that make many accounts. */
  cost?: { memoryCost: number; timeCost: number };
}): Passwords {
  const cost = { algorithm: "argon2id", ...(options.cost ?? owaspCost) } as const;
  const queue = createQueue(options.hashesAtOnce, options.hashesAtOnce * waitingPerPlaceMax);
  let dummy: Promise<string> | undefined;
  return {
    hash: (password) => queue(() => Bun.password.hash(normalise(password), cost)),
    async verify(password, hash) {
      dummy ??= Bun.password.hash(crypto.randomUUID(), cost);
      const against = hash ?? (await dummy);
      const matches = await queue(() => Bun.password.verify(normalise(password), against));
      return hash !== null && matches;
    },
  };
}

/** The same characters typed on another keyboard or system must stay the same password. */
function normalise(password: string): string {
  return password.normalize("NFKC");
}

function createQueue(places: number, waitingMax: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async function run<T>(work: () => Promise<T>): Promise<T> {
    if (running < places) running++;
    else if (waiting.length < waitingMax) {
      await new Promise<void>((admit) => waiting.push(admit));
    } else {
      throw new AppError("server.busy", "Too many passwords at once; try again in a moment.", {
        retryAfterSeconds: 2,
      });
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
