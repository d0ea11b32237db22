import type { AddressOf } from "./address.ts";
import type { Head } from "./head.ts";

/** What answers where neither the API nor a system page does. */
export type Front = {
  /** Tried first, for every request: an answer from memory, or null. */
  known(
    request: Request,
    url: string,
    pathStart: number,
    visitor: (request: Request) => string,
  ): Response | null;
  handle(request: Request, visitor: (request: Request) => string): Response | Promise<Response>;
  /** As `known`, from a head that was read at the edge: the text of the whole answer, or null. */
  quick(head: Head, peer: string, addressOf: AddressOf): string | null;
};
