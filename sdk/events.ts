import { textOf } from "./body-text.ts";
import { StoaConnectionError, StoaError } from "./errors.ts";
import { pause, type Call, type Transport } from "./transport.ts";

/**
 * Server-sent events by `fetch`, because `EventSource` cannot send credentials in a header.
 * Comes back after every break, until the caller stops iterating or aborts.
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export type ServerEvent = { id: string; event: string; data: string };

const reconnectMs = 1_000;
const reconnectMsMax = 30_000;
/** A line longer than this is not an event stream. */
const bufferCharactersMax = 1_000_000;

export async function* follow(transport: Transport, call: Call): AsyncGenerator<ServerEvent, void> {
  let failures = 0;
  for (;;) {
    try {
      const response = await transport.response({ ...call, retries: 0 });
      for await (const event of parseEvents(response)) {
        call.signal?.throwIfAborted();
        failures = 0;
        yield event;
      }
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof StoaError && error.status < 500 && error.status !== 429) throw error;
    }
    const ceiling = Math.min(reconnectMsMax, reconnectMs * 2 ** failures++);
    await pause(reconnectMs / 2 + Math.random() * ceiling, call.signal);
  }
}

export async function* parseEvents(response: Response): AsyncGenerator<ServerEvent, void> {
  let buffer = "";
  for await (const text of textOf(response)) {
    buffer += text;
    if (buffer.length > bufferCharactersMax) {
      throw new StoaConnectionError("Not an event stream.");
    }
    const blocks = buffer.split(/\r?\n\r?\n/);
    buffer = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
}

function eventOf(block: string): ServerEvent | null {
  const event: ServerEvent = { id: "", event: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "id") event.id = value;
    else if (field === "event") event.event = value;
  }
  if (data.length === 0) return null;
  event.data = data.join("\n");
  return event;
}
