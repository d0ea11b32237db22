import { int, list, oneOf, text } from "./setting.ts";

/** The settings of rate limits; `settings` in config.ts has them among all others. */
export const limitSettings = {
  // Limits
  limitHeaders: oneOf(
    "STOA_LIMIT_HEADERS",
    "all",
    ["all", "x", "draft-11", "draft-7", "none"],
    "How answers tell what a limit has left: X-RateLimit-*, the IETF's RateLimit fields as of " +
      "one of their drafts, or `all`, which is X-RateLimit-* and draft-11.",
  ),
  limitKeysMax: int(
    "STOA_LIMIT_KEYS_MAX",
    1_000_000,
    { min: 1_000, max: 100_000_000 },
    "Keys whose counts one process holds in memory; above it those nearest to a full allowance " +
      "are forgotten.",
  ),
  leaseRedisUrls: list(
    "STOA_LEASE_REDIS_URLS",
    [],
    "Further Redis servers, over which the sub-keys of leased rules are spread so that one busy " +
      "key may use several cores. The same ones in the same order for every process; with other " +
      "ones what was counted there begins anew. Empty: sub-keys lie on REDIS_URL.",
    { secret: true },
  ),
  limitGrpcPort: int(
    "STOA_LIMIT_GRPC_PORT",
    0,
    { min: 0, max: 65535 },
    "TCP port of Envoy's rate limit service, by gRPC. 0: none.",
  ),
  limitGrpcTrusted: list(
    "STOA_LIMIT_GRPC_TRUSTED",
    [],
    "Addresses or CIDR ranges of proxies that may ask on STOA_LIMIT_GRPC_PORT without an API " +
      "key. Empty: nobody.",
  ),
  limitGrpcTlsCert: text(
    "STOA_LIMIT_GRPC_TLS_CERT",
    "",
    "File with the certificate, and what leads to its root, in PEM, for STOA_LIMIT_GRPC_PORT. It " +
      "is read again every 10 s, with its key. Empty: without TLS.",
  ),
  limitGrpcTlsKey: text(
    "STOA_LIMIT_GRPC_TLS_KEY",
    "",
    "File with the private key of STOA_LIMIT_GRPC_TLS_CERT, in PEM.",
  ),
};
