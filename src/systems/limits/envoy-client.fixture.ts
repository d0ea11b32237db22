import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";

/** Envoy's side, by a library that only knows envoy.proto. */
export type AskedOfEnvoy = {
  domain?: string;
  descriptors?: {
    entries: { key: string; value: string }[];
    hits_addend?: { value: number };
    limit?: { requests_per_unit: number; unit: string };
    is_negative_hits?: boolean;
  }[];
  hits_addend?: number;
};
type Code = "UNKNOWN" | "OK" | "OVER_LIMIT";
export type AnswerToEnvoy = {
  overall_code: Code;
  statuses: {
    code: Code;
    current_limit: { requests_per_unit: number; unit: string; name: string } | null;
    limit_remaining: number;
    duration_until_reset: { seconds: number; nanos: number } | null;
  }[];
  response_headers_to_add: { key: string; value: string }[];
};

const loaded = loadSync(join(import.meta.dir, "envoy.proto"), {
  ...{ keepCase: true, enums: String, longs: Number, defaults: true },
});
const service = loaded["envoy.service.ratelimit.v3.RateLimitService"] as unknown as {
  ShouldRateLimit: MethodDefinition<AskedOfEnvoy, AnswerToEnvoy>;
};
export const method = service.ShouldRateLimit;

/** `[k1=v1][k2=v2]` as one descriptor. */
export function descriptor(entries: Record<string, string>, hits?: number) {
  const list = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return { entries: list, ...(hits === undefined ? {} : { hits_addend: { value: hits } }) };
}

export class EnvoyClient {
  private readonly client: grpc.Client;

  /** By TLS where there is a certificate to trust, which is localhost's. */
  constructor(port: number, certificate: string | null = null) {
    // A channel of its own for each client.
    const options = {
      "grpc.use_local_subchannel_pool": 1,
      ...(certificate === null ? {} : { "grpc.ssl_target_name_override": "localhost" }),
    };
    const credentials =
      certificate === null
        ? grpc.credentials.createInsecure()
        : grpc.credentials.createSsl(Buffer.from(certificate));
    this.client = new grpc.Client(`127.0.0.1:${port}`, credentials, options);
  }

  /** Rejects with an error that has gRPC's `code` and `details`. */
  ask(asked: AskedOfEnvoy, key?: string, deadlineMs = 20_000): Promise<AnswerToEnvoy> {
    const metadata = new grpc.Metadata();
    if (key !== undefined) metadata.set("authorization", `Bearer ${key}`);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        asked,
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error, answer) => (error ? reject(error) : resolve(answer as AnswerToEnvoy)),
      );
    });
  }

  /** The status of gRPC's health service, as a number; rejects as `ask` does. */
  health(name: string): Promise<number> {
    const request = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
    const raw = (bytes: Buffer) => bytes;
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        ...(["/grpc.health.v1.Health/Check", raw, raw, request] as const),
        (error, answer) => (error ? reject(error) : resolve(answer?.[1] ?? 0)),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}
