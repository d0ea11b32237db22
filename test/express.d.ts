/** As much of Express as the tests of its adapter use; the package brings no types of its own. */
declare module "express" {
  import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

  type Handler = (
    request: IncomingMessage & { get(name: string): string | undefined },
    response: ServerResponse & { send(body: string): void },
    next: (error?: unknown) => void,
  ) => unknown;

  export default function express(): RequestListener & {
    set(setting: string, value: string): void;
    use(...handlers: Handler[]): void;
    all(path: string, ...handlers: Handler[]): void;
  };
}
