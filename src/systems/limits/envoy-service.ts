import { allows, type Authenticate } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import { AppError, errorStatus } from "../../platform/errors/errors.ts";
import { normalAddress } from "../../platform/http/address.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Metrics } from "../../platform/metrics/metrics.ts";
import type { EnvoyLimits } from "./envoy.ts";
import { readTls, tlsReadEveryMs, watchTls } from "./envoy-tls.ts";
import { readRequest, writeResponse } from "./envoy-wire.ts";
import { GrpcError, type GrpcCaller, type GrpcMethod } from "./grpc-call.ts";
import { healthMethod, healthOf } from "./grpc-health.ts";
import { listenForGrpc, type GrpcServer } from "./grpc-server.ts";
import { listOf } from "./lists.ts";

/**
 * Envoy's rate limit service, v3, on a port of its own. Whoever asks sends an administrator's key
 * with the scope `limits:create` as the metadata `authorization: Bearer KEY`, as for the check by
 * HTTP; only addresses that the settings name need none.
 */
const rateLimitService = "envoy.service.ratelimit.v3.RateLimitService";
const rateLimitMethod = `/${rateLimitService}/ShouldRateLimit`;

export type EnvoyServiceOptions = {
  config: Pick<
    Config,
    "host" | "limitGrpcPort" | "limitGrpcTrusted" | "limitGrpcTlsCert" | "limitGrpcTlsKey"
  >;
  limits: EnvoyLimits;
  authenticate: Authenticate;
  /** Whether other processes listen on the same port. */
  shared: boolean;
  /** How soon a certificate that was renewed is served. */
  tlsEveryMs?: number;
  clock: Clock;
  log: Log;
  metrics: Metrics;
};

/** Null where the settings want none. */
export async function listenForEnvoy(options: EnvoyServiceOptions): Promise<GrpcServer | null> {
  const { config, limits, metrics } = options;
  if (config.limitGrpcPort === 0) return null;
  const calls = (outcome: string) =>
    metrics.counter("stoa_limits_envoy_calls_total", "Calls of proxies.", { outcome });
  const [ok, overLimit, failed] = [calls("ok"), calls("over_limit"), calls("failed")];
  const requireAccess = createAccess(options);
  const shouldRateLimit = async (message: Uint8Array, caller: GrpcCaller) => {
    try {
      await requireAccess(caller);
      const response = await limits.shouldRateLimit(readRequest(message));
      (response.allowed ? ok : overLimit).value++;
      return writeResponse(response);
    } catch (error) {
      failed.value++;
      throw grpcErrorOf(error);
    }
  };
  const { host, limitGrpcPort: port } = config;
  const methods = new Map<string, GrpcMethod>([
    [rateLimitMethod, shouldRateLimit],
    [healthMethod, healthOf([rateLimitService])],
  ]);
  const tls = readTls(config);
  const server = await listenForGrpc({ ...options, host, port, tls, methods });
  const help = "Connections of proxies.";
  metrics.gauge("stoa_limits_envoy_connections", help, () => server.connections());
  if (tls === null) return server;
  const unwatch = watchTls({
    ...{ config, log: options.log, current: tls, renew: server.renew },
    everyMs: options.tlsEveryMs ?? tlsReadEveryMs,
  });
  return {
    ...server,
    async stop(deadline) {
      unwatch();
      await server.stop(deadline);
    },
  };
}

function createAccess({ config, authenticate }: EnvoyServiceOptions) {
  const trusted = listOf(config.limitGrpcTrusted);
  return async ({ headers, address: peer }: GrpcCaller): Promise<void> => {
    const address = normalAddress(peer);
    if (trusted?.(null, { parts: {}, address })) return;
    const { authorization } = headers;
    const request = new Request("http://grpc/", {
      headers: authorization === undefined ? {} : { authorization },
    });
    const caller = await authenticate(request, address);
    if (caller === null) {
      throw new GrpcError("unauthenticated", "Send the metadata `authorization: Bearer KEY`.");
    }
    if (caller.role !== "admin" || !allows(caller.scopes, "limits:create")) {
      const wanted = "an administrator's key with the scope limits:create";
      throw new GrpcError("permission_denied", `This needs ${wanted}.`);
    }
  };
}

function grpcErrorOf(error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const status = errorStatus[error.code];
  if (status === 401) return new GrpcError("unauthenticated", error.message);
  return status === 503 ? new GrpcError("unavailable", error.message) : error;
}
