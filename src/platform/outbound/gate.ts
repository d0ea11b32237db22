import { canonicalAddress, checkAddress } from "./address.ts";
import { failed, refused } from "./outbound-error.ts";
import { deniedPorts } from "./ports.ts";
import { resolveHost, type Resolve } from "./resolve.ts";

export const addressesMax = 16;

export type Gate = (url: URL, signal: AbortSignal) => Promise<string[]>;

/** Gives the addresses that a connection for this URL may go to, or refuses it. */
export function createGate(options: {
  resolve?: Resolve;
  allowPrivate?: boolean | readonly string[];
}): Gate {
  const { resolve = resolveHost, allowPrivate = false } = options;
  const allowed = new Set(allowPrivate === true || allowPrivate === false ? [] : allowPrivate);
  return async (url, signal) => {
    if (allowPrivate !== true && url.port !== "" && deniedPorts.has(Number(url.port))) {
      throw refused("port", `port ${url.port} does not speak HTTP`);
    }
    const literal = canonicalAddress(url.hostname);
    const found = literal !== null ? [literal] : await resolveWithin(resolve, url, signal);
    if (found.length === 0) throw failed("dns", `${url.hostname} has no address`);
    for (const address of allowPrivate === true ? [] : found) {
      const verdict = checkAddress(address);
      if (verdict.ok || allowed.has(address)) continue;
      const cause = new Error(`${address}: ${verdict.why}`);
      throw refused("address", `${url.hostname} is not on the public internet`, cause);
    }
    return found.slice(0, addressesMax);
  };
}

async function resolveWithin(resolve: Resolve, url: URL, signal: AbortSignal) {
  const looked = resolve(url.hostname).catch((cause: unknown) => {
    throw failed("dns", `${url.hostname} cannot be resolved`, cause);
  });
  return Promise.race([looked, rejectOnAbort(signal)]);
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
