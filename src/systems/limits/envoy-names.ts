import { createHash } from "node:crypto";
import type { Compiled } from "./compile.ts";
import type { Entry } from "./envoy-wire.ts";

/**
 * What Envoy and its kin ask, in terms of rules. A domain is a policy: its rules are those called
 * `<domain>` or `<domain>.something`. An entry `generic_key` goes deeper into the names:
 * `[generic_key=login]` means `<domain>.login` and what is below. Of those, a rule concerns a
 * descriptor whose other entries are the very parts of the rule's `key`, in any order, and their
 * values make its key; a rule by `global` concerns a descriptor without others.
 *
 * `remote_address` is the part `ip`, so that an IPv6 /64 counts as one. An entry `tier` chooses
 * among rules by tier and need not be in a key. Lists concern every descriptor of their policy.
 * `key_fallback` is not looked at: the proxy says by its descriptors what counts. A descriptor
 * that no rule concerns passes.
 */
/** The name that rules have for what a proxy calls by another. */
function partOf(key: string): string {
  return key === "remote_address" ? "ip" : key;
}

/** Longer ones are told apart by a hash: they come from strangers, and must count all the same. */
const valueLengthMax = 200;

/** Null for what no rule can concern: a part that is there twice. */
export function readEntries(domain: string, entries: readonly Entry[]) {
  let policy = domain;
  const parts: Record<string, string> = Object.create(null);
  for (const { key, value } of entries) {
    if (key === "generic_key") {
      policy += `.${value}`;
      continue;
    }
    const name = partOf(key);
    if (Object.hasOwn(parts, name)) return null;
    parts[name] = value.length > valueLengthMax ? hashOf(value) : value;
  }
  return { policy, parts };
}

function hashOf(value: string): string {
  return `sha256-${createHash("sha256").update(value).digest("base64url")}`;
}

export function isKeyedBy({ rule }: Compiled, names: readonly string[]): boolean {
  if (rule.algorithm === "list") return true;
  const key = rule.key.filter((part) => part !== "global").map(partOf);
  const wanted = names.filter((name) => name !== "tier" || key.includes(name));
  return key.length === wanted.length && key.every((part) => wanted.includes(part));
}
