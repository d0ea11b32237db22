import { asking, mayReplace, problemType, type LimitOptions } from "./ask.ts";

/** Limits for Hono: `app.use("/search", limit({ client, rule: "search", key: ... }))`. */
type Context = {
  req: { method: string };
  res: { headers: Headers };
  header(name: string, value?: string): void;
};

export function limit<C extends Context>(options: LimitOptions<C>) {
  const ask = asking(options);
  return async (context: C, next: () => Promise<void>): Promise<Response | void> => {
    const { headers, refusal } = await ask(context, context.req.method);
    if (refusal) {
      const { status, body } = refusal;
      return new Response(body, { status, headers: { ...headers, "content-type": problemType } });
    }
    await next();
    // Only now: an answer that a handler makes by itself would come without them.
    if (!mayReplace(context.res.headers.get("x-ratelimit-remaining"), headers)) return;
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
  };
}
