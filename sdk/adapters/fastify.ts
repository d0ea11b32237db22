import { asking, type LimitOptions } from "./ask.ts";
import { overOf, type NodeResponse } from "./node-response.ts";
import { mayReplace, problemType } from "./verdict.ts";

/** Limits for Fastify: `app.get("/search", { onRequest: limit({ client, ... }) }, handler)`. */
type Request = { method: string };
type Reply = {
  raw: NodeResponse;
  getHeader(name: string): unknown;
  header(name: string, value: string): unknown;
  code(status: number): unknown;
  send(body: string): unknown;
};

export function limit<R extends Request>(options: LimitOptions<R>) {
  const ask = asking(options);
  return async (request: R, reply: Reply): Promise<unknown> => {
    const { headers, refusal } = await ask(request, request.method, overOf(reply.raw));
    if (refusal || mayReplace(reply.getHeader("x-ratelimit-remaining"), headers)) {
      for (const [name, value] of Object.entries(headers)) reply.header(name, value);
    }
    if (!refusal) return undefined;
    reply.code(refusal.status);
    reply.header("content-type", problemType);
    reply.send(refusal.body);
    // By this Fastify knows that the answer is given.
    return reply;
  };
}
