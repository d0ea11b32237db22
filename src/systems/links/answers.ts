import type { Target } from "./target.ts";

/** Redirects as they stand on the wire, for the edge, which writes them itself. */
export class Answers {
  private readonly heads: Record<number, string>;
  private readonly cacheControl: string;
  private second = -1;
  /** Everything after the target, the date of this second included. */
  private tail = "";

  constructor(cacheControl: string) {
    this.cacheControl = cacheControl;
    const head = (status: string) => `HTTP/1.1 ${status}\r\nlocation: `;
    this.heads = {
      301: head("301 Moved Permanently"),
      302: head("302 Found"),
      307: head("307 Temporary Redirect"),
      308: head("308 Permanent Redirect"),
    };
  }

  /** `now` is milliseconds since 1970. */
  to(target: Target, now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.second) {
      this.second = second;
      this.tail =
        `\r\ncache-control: ${this.cacheControl}\r\n` +
        `date: ${new Date(now).toUTCString()}\r\ncontent-length: 0\r\n\r\n`;
    }
    return this.heads[target.status] + target.url + this.tail;
  }
}
