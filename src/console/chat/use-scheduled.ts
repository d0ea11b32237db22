import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ChatScheduled } from "../../../sdk/types.ts";
import { stoa } from "../stoa.ts";

/**
 * What waits to be sent. Nobody tells when it was, so it is asked for again when the next one is
 * due, and while one is on its way.
 */
const key = ["chat", "scheduled"];
const askMsMax = 60_000;
const askMsMin = 1_500;
const sendingMsMax = 30_000;

export function useScheduled() {
  return useQuery({
    queryKey: key,
    queryFn: ({ signal }) => stoa.chat.scheduled.list({ signal }),
    staleTime: askMsMin,
    refetchInterval: ({ state }) => untilNext(state.data ?? []),
  });
}

/** To be called after each change. */
export function useScheduledAgain(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: key });
}

/**
 * Its time has come just now, and nothing was said against it. What is still here later waits to be
 * tried again, for slow mode say, and may be changed meanwhile.
 */
export function isOnItsWay({ send_at, failure }: ChatScheduled): boolean {
  const late = Date.now() - Date.parse(send_at);
  return failure === null && late >= 0 && late < sendingMsMax;
}

function untilNext(items: readonly ChatScheduled[]): number {
  const waits = items
    .filter(({ failure }) => failure === null)
    .map(({ send_at }) => Date.parse(send_at) - Date.now() + askMsMin)
    .filter((wait) => wait > -sendingMsMax);
  return Math.max(askMsMin, Math.min(askMsMax, ...waits));
}
