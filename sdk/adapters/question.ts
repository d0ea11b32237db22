import type { LimitQuestion } from "../types.ts";

/** What is asked about one request, and which of the places it takes are to be given back. */
export type Key = LimitQuestion["key"];

/** Either or: what they can share is in `Whom`. */
export type What =
  | {
      /** The name of a rule. */
      rule: string;
      policy?: undefined;
      /** For a `concurrency` rule: its place is given back when the response is over. */
      release?: boolean;
    }
  | {
      /** All rules called `<policy>` or `<policy>.something`, asked at once: all or none charge. */
      policy: string;
      rule?: undefined;
      /** Those of them that are `concurrency`, by name: places are given back as above. */
      release?: readonly string[];
    };

export type Whom<Request> = {
  /** Whom to count. Null lets the request pass without asking. */
  key: (request: Request) => Key | null;
  /** Of a policy's rules those for other tiers are left out. */
  tier?: string | ((request: Request) => string | undefined);
  /** Default: what the rule says. */
  cost?: number | ((request: Request) => number);
};

/** Stoa takes no longer key. */
const keyLengthMax = 200;

/** Null where nobody is to be counted. What the given functions throw is thrown. */
export function questionOf<Request>(
  options: What & Whom<Request>,
  request: Request,
): LimitQuestion | null {
  const key = options.key(request);
  if (key === null) return null;
  const { rule, policy } = options;
  const tier = typeof options.tier === "function" ? options.tier(request) : options.tier;
  const cost = typeof options.cost === "function" ? options.cost(request) : options.cost;
  return {
    ...(rule === undefined ? { policy } : { rule }),
    key,
    ...(tier === undefined ? {} : { tier }),
    ...(cost === undefined ? {} : { cost }),
  };
}

/** By which refunds the places come back that an allowed question took. */
export function refundsOf({ policy, release }: What, question: LimitQuestion): LimitQuestion[] {
  if (!release) return [];
  // A policy's other rules count what was used, which is not given back.
  if (release !== true) return release.map((name) => ({ ...question, policy: name }));
  return policy === undefined ? [question] : [];
}

/** Of a key that is too long, what still tells it from all others. */
export async function shortened(key: Key): Promise<Key> {
  if (typeof key === "string") return key.length > keyLengthMax ? await hash(key) : key;
  const parts = Object.entries(key).map(async ([name, value]) => [
    name,
    value.length > keyLengthMax ? await hash(value) : value,
  ]);
  return Object.fromEntries(await Promise.all(parts)) as Record<string, string>;
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256-${hex.join("")}`;
}
