import type { Principal } from "../auth/principal.ts";
import type { Clock } from "../clock/clock.ts";
import type { AppError } from "../errors/errors.ts";
import type { Route } from "./route.ts";

/**
 * What stands in front of every route: asked once it is known who calls, before anything of the
 * body is read. Who that is may be null, also for credentials that were refused.
 */
export type Guard = (call: GuardedCall) => Passage | null | Promise<Passage | null>;

export type GuardedCall = {
  route: Route;
  request: Request;
  address: string;
  caller: Principal | null;
};

/** What the guard says of one call; null where it has nothing to say. */
export type Passage = {
  /** Added to whatever is answered. */
  headers: Record<string, string>;
  /** Answered instead of going on. */
  refusal: AppError | null;
  /** The route begins so much later. */
  delayMs: number;
  /** Called once, when the last byte of the answer is handed over or the client has gone. */
  release: (() => void) | null;
};

/** Runs `work` behind a passage. `failed` turns an error into an answer, which gets its headers. */
export async function behind(
  passage: Passage,
  options: {
    clock: Clock;
    signal: AbortSignal;
    work(): Promise<Response>;
    failed(error: unknown): Response;
  },
): Promise<Response> {
  const { release, delayMs } = passage;
  let response: Response;
  try {
    if (passage.refusal) throw passage.refusal;
    if (delayMs > 0) await options.clock.sleep(delayMs, options.signal);
    response = await options.work();
  } catch (error) {
    response = options.failed(error);
  }
  for (const [name, value] of Object.entries(passage.headers)) response.headers.set(name, value);
  return release === null ? response : releasing(response, options.signal, release);
}

/** A stream holds its place until it ends, however it does; a whole body is as good as sent. */
function releasing(response: Response, signal: AbortSignal, release: () => void): Response {
  const type = response.headers.get("content-type") ?? "";
  if (!response.body || !isStreamed(type)) {
    release();
    return response;
  }
  let held = true;
  const end = () => {
    if (!held) return;
    held = false;
    release();
  };
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
        controller.close();
      } catch (error) {
        end();
        throw error;
      }
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  });
  return new Response(body, response);
}

/** Everything but what was made at once, as JSON is. */
function isStreamed(type: string): boolean {
  return !/^application\/(problem\+)?json\b/.test(type);
}
