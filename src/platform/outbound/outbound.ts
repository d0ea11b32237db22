/**
 * The one way out over HTTP. Every hop is parsed, its port checked, its host resolved, every
 * address of it checked, and the connection made to exactly those addresses. If any address of
 * a name is not public the name is refused, because an attacker chooses which one is used.
 * Redirects are followed here, never by the HTTP library, so that each hop meets the same gate.
 */
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import { exchange } from "./exchange.ts";
import { createGate, type Gate } from "./gate.ts";
import { firstHop, nextHop, type Hop, type HopRequest } from "./hop.ts";
import { asFailed, failed } from "./outbound-error.ts";
import { createTxtResolver, type Resolve } from "./resolve.ts";

export { OutboundError } from "./outbound-error.ts";

export const outboundTimeoutMs = 10_000;
export const outboundBytesMax = 1024 * 1024;
export const outboundRedirectsMax = 5;

export type OutboundRequest = HopRequest & {
  /** For everything together: names, connections, redirects and the last byte. */
  timeoutMs?: number;
  /** Of the body, after decompression. */
  bytesMax?: number;
  /** Keep the first `bytesMax` bytes of a larger body instead of failing. */
  truncate?: boolean;
  /** 0 returns the redirect itself; following more than this many fails. */
  redirectsMax?: number;
  signal?: AbortSignal;
};

export type OutboundResponse = {
  status: number;
  headers: Headers;
  body: Uint8Array;
  truncated: boolean;
  finalUrl: string;
  /** Redirects that were followed. */
  hops: number;
};

/** All methods throw `OutboundError`, and nothing else, when there is no answer. */
export type Outbound = {
  fetch(request: OutboundRequest): Promise<OutboundResponse>;
  /**
   * Whether a request to this URL would be sent, as far as can be told now. Throws
   * `outbound.refused`, or `outbound.failed` when the name cannot be resolved.
   */
  check(url: string): Promise<void>;
  /** TXT records with their parts joined; none is an empty list. */
  resolveTxt(host: string): Promise<string[]>;
};

export type OutboundOptions = {
  log: Log;
  clock: Clock;
  /** True lets requests reach any address and port, a list exactly those private addresses. */
  allowPrivate?: boolean | readonly string[];
  resolve?: Resolve;
  /** Name servers for TXT records, as `address:port`; default: the machine's own. */
  dnsServers?: string[];
  /** Certificate authority to trust instead of the built-in ones, in PEM. */
  ca?: string;
};

export function createOutbound(options: OutboundOptions): Outbound {
  const { log, clock } = options;
  const gate = createGate(options);
  return {
    async check(url) {
      const deadline = startDeadline(clock, { url });
      try {
        await gate(firstHop({ url }).url, deadline.signal);
      } finally {
        deadline.stop();
      }
    },
    async fetch(request) {
      const deadline = startDeadline(clock, request);
      let hop: Hop | undefined;
      try {
        hop = firstHop(request);
        return await follow(hop, { request, signal: deadline.signal, gate, ca: options.ca });
      } catch (cause) {
        const error = asFailed(cause, hop?.url.hostname ?? "the host");
        // The path and query may hold secrets; the host is enough to find the reason.
        log.info("outbound request failed", {
          host: hop?.url.host,
          reason: error.reason,
          cause: error.cause,
        });
        throw error;
      } finally {
        deadline.stop();
      }
    },
    resolveTxt: createTxtResolver(options.dnsServers),
  };
}

type Journey = {
  request: OutboundRequest;
  signal: AbortSignal;
  gate: Gate;
  ca: string | undefined;
};

async function follow(first: Hop, journey: Journey): Promise<OutboundResponse> {
  const { request, signal, gate, ca } = journey;
  const redirectsMax = request.redirectsMax ?? outboundRedirectsMax;
  const bytesMax = request.bytesMax ?? outboundBytesMax;
  let hop = first;
  for (let hops = 0; ; hops++) {
    const addresses = await gate(hop.url, signal);
    const { truncate = false } = request;
    const answer = await exchange({ ...hop, addresses, bytesMax, truncate, signal, ca });
    const next = redirectsMax === 0 ? null : nextHop(hop, answer);
    if (next === null) return { ...answer, finalUrl: hop.url.href, hops };
    if (hops >= redirectsMax) throw failed("redirects", `more than ${redirectsMax} redirects`);
    hop = next;
  }
}

/** One signal for the time limit and the caller's own; its reason says which it was. */
function startDeadline(clock: Clock, request: OutboundRequest) {
  const timeoutMs = request.timeoutMs ?? outboundTimeoutMs;
  const cut = new AbortController();
  const stopped = new AbortController();
  const aborted = () => cut.abort(failed("aborted", "the request was aborted by its caller"));
  void clock.sleep(timeoutMs, stopped.signal).then(() => {
    if (!stopped.signal.aborted) cut.abort(failed("timeout", `no answer in ${timeoutMs} ms`));
  });
  if (request.signal?.aborted) aborted();
  request.signal?.addEventListener("abort", aborted, { once: true });
  return {
    signal: cut.signal,
    stop: () => {
      stopped.abort();
      request.signal?.removeEventListener("abort", aborted);
    },
  };
}
