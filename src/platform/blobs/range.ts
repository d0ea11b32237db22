import type { Span } from "./blobs.ts";

/**
 * One range of bytes of RFC 9110, section 14: `bytes=5-9`, `bytes=5-`, `bytes=-5`. Null: all of
 * it, which is what other units, several ranges and nonsense are answered with. "beyond" starts
 * after the end.
 */
export function spanOf(header: string | null, bytes: number): Span | null | "beyond" {
  const match = /^bytes=(?:(\d{1,16})-(\d{0,16})|-(\d{1,16}))$/i.exec(header?.trim() ?? "");
  if (!match) return null;
  const [, from, to, suffix] = match;
  if (suffix !== undefined) {
    if (Number(suffix) === 0 || bytes === 0) return "beyond";
    return { first: Math.max(0, bytes - Number(suffix)), last: bytes - 1 };
  }
  const first = Number(from);
  const last = to === "" || to === undefined ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (to !== "" && to !== undefined && Number(to) < first) return null;
  return first >= bytes ? "beyond" : { first, last };
}
