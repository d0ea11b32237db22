import type { Principal } from "../auth/principal.ts";
import type { Reply } from "./route.ts";

/**
 * Event streams outlive the check of who asked for them, and must not outlive the credentials
 * they were asked with: signed out, revoked or disabled ends them at once.
 */
export type Watch = (principal: Principal, ended: () => void) => () => void;

export async function whileAllowed(
  request: Request,
  caller: Principal | null,
  watch: Watch | undefined,
  answer: (signal: AbortSignal) => Promise<Reply>,
): Promise<Reply> {
  if (!caller || !watch) return await answer(request.signal);
  const ended = new AbortController();
  const release = watch(caller, () => ended.abort());
  request.signal.addEventListener("abort", release, { once: true });
  let reply: Reply | undefined;
  try {
    reply = await answer(AbortSignal.any([request.signal, ended.signal]));
  } finally {
    if (!(reply instanceof Response && reply.body)) release();
  }
  if (!(reply instanceof Response) || !reply.body) return reply;
  const body = reply.body.pipeThrough(new TransformStream({ flush: () => void release() }));
  return new Response(body, reply);
}
