import { AppError } from "../errors/errors.ts";

/** Why a request was not sent: nothing left this process for the hop that was refused. */
export type RefusedReason =
  "url" | "scheme" | "credentials" | "port" | "address" | "method" | "header";
/** Why a request that was allowed has no answer. */
export type FailedReason =
  | "dns"
  | "connection"
  | "tls"
  | "protocol"
  | "timeout"
  | "aborted"
  | "too_large"
  | "headers_too_large"
  | "encoding"
  | "redirects";

/** `message` starts with the reason and names no resolved address: callers may show it. */
export class OutboundError extends AppError {
  readonly reason: RefusedReason | FailedReason;

  constructor(
    code: "outbound.refused" | "outbound.failed",
    reason: RefusedReason | FailedReason,
    text: string,
    cause?: unknown,
  ) {
    super(code, `${reason}: ${text}`, { cause });
    this.name = "OutboundError";
    this.reason = reason;
  }
}

export function refused(reason: RefusedReason, text: string, cause?: unknown): OutboundError {
  return new OutboundError("outbound.refused", reason, text, cause);
}

export function failed(reason: FailedReason, text: string, cause?: unknown): OutboundError {
  return new OutboundError("outbound.failed", reason, text, cause);
}

/** Sorts what the network stack throws into the reasons above. */
export function asFailed(error: unknown, host: string): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  if (code === "HPE_HEADER_OVERFLOW") {
    return failed("headers_too_large", `the headers of ${host} exceed the limit`, error);
  }
  if (code.startsWith("HPE_")) {
    return failed("protocol", `${host} does not answer in HTTP`, error);
  }
  if (/^(Z_|ERR__ERROR|ERR_?_BROTLI)/.test(code)) {
    return failed("encoding", `the body of ${host} cannot be unpacked`, error);
  }
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO|ISSUER|CRL|HOSTNAME/.test(code)) {
    return failed("tls", `the certificate or TLS of ${host} is not acceptable`, error);
  }
  return failed("connection", `the connection to ${host} failed`, error);
}
