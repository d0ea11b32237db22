import type { Outbound } from "../../platform/outbound/outbound.ts";
import { OutboundError } from "../../platform/outbound/outbound.ts";

/**
 * Asks once whether a target is there. `gone`: its owner took it away. `ailing`: it does not
 * work, which servers do for a while. `unknown`: nothing was learned. Whoever asks for a password
 * or sends robots away is alive.
 */
export type Finding = { verdict: "alive" | "gone" | "ailing" | "unknown"; reason: string };

const timeoutMs = 10_000;
const bytesMax = 16 * 1024;
/** Some servers answer HEAD with an error that they would not give a browser. */
const askAgain = new Set([404, 405, 410, 501]);

export async function probe(
  outbound: Outbound,
  url: string,
  userAgent: string,
  signal: AbortSignal,
): Promise<Finding> {
  const headers = { "user-agent": userAgent };
  const request = { url, headers, timeoutMs, bytesMax, truncate: true, signal };
  try {
    let { status } = await outbound.fetch({ ...request, method: "HEAD" });
    if (askAgain.has(status)) ({ status } = await outbound.fetch({ ...request, method: "GET" }));
    const reason = `it answers ${status}`;
    if (status === 404 || status === 410) return { verdict: "gone", reason };
    return { verdict: status >= 500 ? "ailing" : "alive", reason };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { verdict: verdictOf(error), reason: error.message };
  }
}

function verdictOf({ code, reason, cause }: OutboundError): Finding["verdict"] {
  if (code === "outbound.refused" || reason === "aborted") return "unknown";
  const detail = String((cause as { code?: unknown } | undefined)?.code ?? "");
  if (reason === "dns") return detail === "ENOTFOUND" ? "gone" : "unknown";
  if (reason === "connection") {
    if (detail === "ECONNREFUSED") return "gone";
    // The network of this machine rather than theirs.
    return detail === "ENETUNREACH" ? "unknown" : "ailing";
  }
  // An answer that is too large or odd is an answer.
  if (["too_large", "headers_too_large", "encoding"].includes(reason)) return "alive";
  return "ailing";
}
