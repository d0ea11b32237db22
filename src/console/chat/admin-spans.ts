/** For how long somebody may be kept from writing. */
export const banSpans = [
  { value: "1", label: "For a day" },
  { value: "7", label: "For a week" },
  { value: "30", label: "For 30 days" },
  { value: "36500", label: "For good" },
] as const;
export type BanSpan = (typeof banSpans)[number]["value"];

export function endOf(span: BanSpan): string {
  return new Date(Date.now() + Number(span) * 86_400_000).toISOString();
}
