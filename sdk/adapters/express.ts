import { asking, type LimitOptions } from "./ask.ts";
import { overOf, type NodeResponse } from "./node-response.ts";
import { mayReplace, problemType, type Verdict } from "./verdict.ts";

/**
 * Limits for Express and what is built like it:
 * `app.use("/search", limit({ client, rule: "search", key: ... }))`.
 */
type Request = { method?: string };
type Response = NodeResponse & {
  statusCode: number;
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
};

export function limit<R extends Request>(options: LimitOptions<R>) {
  const ask = asking(options);
  return async (request: R, response: Response, next: (error?: unknown) => void): Promise<void> => {
    let verdict: Verdict;
    try {
      verdict = await ask(request, request.method ?? "GET", overOf(response));
    } catch (error) {
      return next(error);
    }
    const { headers, refusal } = verdict;
    if (refusal || mayReplace(response.getHeader("x-ratelimit-remaining"), headers)) {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    }
    if (!refusal) return next();
    response.statusCode = refusal.status;
    response.setHeader("content-type", problemType);
    response.end(refusal.body);
  };
}
