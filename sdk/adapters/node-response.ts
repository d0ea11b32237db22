/** Of a response of Node's `http`, which Express and Fastify build upon. */
export type NodeResponse = {
  destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
};

/** Aborts when all was sent or the connection is gone, whichever is first. */
export function overOf(response: NodeResponse): AbortSignal {
  const over = new AbortController();
  if (response.destroyed) over.abort();
  else response.once("close", () => over.abort());
  return over.signal;
}
