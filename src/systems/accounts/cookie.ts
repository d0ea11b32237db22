import { AppError } from "../../platform/errors/errors.ts";

/**
 * The console keeps its refresh token in a cookie that no script can read and that is sent to
 * the session routes alone; the access token lives in the page's memory. Two routes read the
 * cookie, and only for requests that the browser says come from this very origin.
 */
export type RefreshCookie = {
  read(request: Request): string | null;
  set(token: string, expires: Date): string;
  clear(): string;
  /** Throws `auth.forbidden` unless a page of ours sent it. */
  requireSameOrigin(request: Request): void;
};

const path = "/api/v1/sessions";

export function createRefreshCookie(publicUrl: string): RefreshCookie {
  const secure = publicUrl.startsWith("https:");
  // The prefix keeps a page on a plain-HTTP sibling host from planting one.
  const name = secure ? "__Secure-stoa_refresh" : "stoa_refresh";
  const own = publicUrl === "" ? null : new URL(publicUrl).host;
  const write = (value: string, expires: Date) =>
    new Bun.Cookie(name, value, {
      path,
      secure,
      httpOnly: true,
      sameSite: "strict",
      expires,
    }).serialize();
  return {
    read(request) {
      const header = request.headers.get("cookie");
      return header === null ? null : new Bun.CookieMap(header).get(name);
    },
    set: write,
    clear: () => write("", new Date(0)),
    requireSameOrigin(request) {
      const site = request.headers.get("sec-fetch-site");
      const origin = request.headers.get("origin");
      const host = origin !== null && URL.canParse(origin) ? new URL(origin).host : null;
      const sameHost = host !== null && (host === own || host === request.headers.get("host"));
      if ((site === null || site === "same-origin") && (sameHost || (origin === null && site))) {
        return;
      }
      throw new AppError("auth.forbidden", "The session cookie is for Stoa's own pages only.");
    },
  };
}
