import { asking, type LimitOptions } from "./ask.ts";
import { mayReplace, problemType } from "./verdict.ts";

/** Limits for Hono: `app.use("/search", limit({ client, rule: "search", key: ... }))`. */
type Context = {
  req: { method: string; raw: { signal: AbortSignal } };
  get res(): Response;
  set res(response: Response | undefined);
  header(name: string, value?: string): void;
};

export function limit<C extends Context>(options: LimitOptions<C>) {
  const ask = asking(options);
  return async (context: C, next: () => Promise<void>): Promise<Response | void> => {
    const { method, raw } = context.req;
    const over = new AbortController();
    const end = () => over.abort();
    const { headers, refusal, holds } = await ask(context, method, over.signal);
    if (refusal) {
      const { status, body } = refusal;
      return new Response(body, { status, headers: { ...headers, "content-type": problemType } });
    }
    if (holds) {
      if (raw.signal.aborted) end();
      else raw.signal.addEventListener("abort", end, { once: true });
    }
    let sending = false;
    try {
      await next();
      // Only now: an answer that a handler makes by itself would come without them.
      if (mayReplace(context.res.headers.get("x-ratelimit-remaining"), headers)) {
        for (const [name, value] of Object.entries(headers)) context.header(name, value);
      }
      const { body } = context.res;
      // Of what answers HEAD the body is never read.
      if (!holds || body === null || method === "HEAD") return;
      const told = new Response(tellingOfEnd(body, end), context.res);
      // Else Hono would merge the headers of both.
      context.res = undefined;
      context.res = told;
      sending = true;
    } finally {
      if (!sending) end();
    }
  };
}

/** The same bytes at the same pace; `end` is called when the last was read or none is wanted. */
function tellingOfEnd(
  body: ReadableStream<Uint8Array>,
  end: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
