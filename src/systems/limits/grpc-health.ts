import { GrpcError, type GrpcMethod } from "./grpc-call.ts";
import { fieldsOf, textOf } from "./protobuf.ts";

/**
 * What proxies ask before they send anything: whether a service is there and serves. It serves as
 * long as the port takes calls. Anybody may ask, as an answer says no more than a connection does.
 * Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export const healthMethod = "/grpc.health.v1.Health/Check";

/** The first field, `status`, is 1: SERVING. */
const serving = Uint8Array.of(0x08, 1);

export function healthOf(services: readonly string[]): GrpcMethod {
  return (message) => {
    let service = ""; // the server as a whole
    for (const { field, bytes } of fieldsOf(message)) if (field === 1) service = textOf(bytes);
    if (service === "" || services.includes(service)) return serving;
    throw new GrpcError("not_found", "There is no such service here.");
  };
}
