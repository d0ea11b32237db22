import { addressGroup } from "../../platform/http/address.ts";

/**
 * Whom a question is about: what is known of a caller, by the names that rules' keys use. A key
 * is made of some of it, and says of each part what it is: `user:42 ip:192.0.2.7`.
 */
export type Subject = {
  /** `ip` is the address group: an IPv6 /64 counts as one. */
  parts: Readonly<Record<string, string | undefined>>;
  /** The whole address, for lists; null where there is none. */
  address: string | null;
  tier: string | null;
};

export function subjectOf(parts: Record<string, string | undefined>): Subject {
  const { ip, tier } = parts;
  if (ip === undefined) return { parts, address: null, tier: tier ?? null };
  return { parts: { ...parts, ip: addressGroup(ip) }, address: ip, tier: tier ?? null };
}

export type Compose = (subject: Subject) => string | null;

/** The key of a rule: by its parts, else by its fallback, else null: it says nothing of such. */
export function composerOf(key: readonly string[], fallback: readonly string[]): Compose {
  const first = composer(key);
  if (fallback.length === 0) return first;
  const second = composer(fallback);
  return (subject) => first(subject) ?? second(subject);
}

function composer(names: readonly string[]): Compose {
  const [only] = names;
  if (only === undefined) return () => null;
  if (names.length === 1) {
    if (only === "global") return () => "global";
    const prefix = `${only}:`;
    let last: string | undefined;
    let key: string | null = null;
    return ({ parts }) => {
      const value = parts[only];
      if (value !== last) {
        last = value;
        key = value === undefined ? null : prefix + value;
      }
      return key;
    };
  }
  const rest = names.filter((name) => name !== "global");
  return ({ parts }) => {
    let key = "";
    for (const name of rest) {
      const value = parts[name];
      if (value === undefined) return null;
      key += `${key === "" ? "" : " "}${name}:${plain(value)}`;
    }
    return key;
  };
}

/** A value may not pass for two parts. */
function plain(value: string): string {
  return /[ %]/.test(value) ? encodeURIComponent(value) : value;
}
