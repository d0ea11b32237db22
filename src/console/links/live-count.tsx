import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { count } from "../messages.ts";
import { stoa } from "../stoa.ts";

/** Clicks as they happen, by an event stream that is open while this is on the screen. */
const refreshAfterMs = 500;

export function LiveCount(props: { linkId?: string }) {
  const { linkId = null } = props;
  const [clicks, setClicks] = useState<number | null>(0);
  const queries = useQueryClient();
  useEffect(() => {
    const stop = new AbortController();
    const refresh = refresher(queries, linkId ?? "all");
    const heard = (more: number) => {
      setClicks((before) => (before ?? 0) + more);
      refresh.soon();
    };
    // The rest of the page works without it.
    followClicks(linkId, stop.signal, heard).catch(() => setClicks(null));
    return () => {
      stop.abort();
      refresh.cancel();
    };
  }, [linkId, queries]);
  if (clicks === null) return null;
  return (
    <p className="flex items-center gap-2 text-xs text-muted" data-live={clicks}>
      <span className="relative flex size-2" aria-hidden="true">
        <span className="absolute inset-0 animate-ping rounded-full bg-accent opacity-60" />
        <span className="relative size-2 rounded-full bg-accent" />
      </span>
      <span>
        Live: <b className="text-ink tabular-nums">{count(clicks)}</b> since you opened this
      </span>
    </p>
  );
}

/** Loads the numbers on the page again; whatever comes while it waits is shown by it too. */
function refresher(queries: QueryClient, name: string) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    soon(): void {
      timer ??= setTimeout(() => {
        timer = undefined;
        void queries.invalidateQueries({ queryKey: ["stats", name] });
        void queries.invalidateQueries({ queryKey: ["links"] });
      }, refreshAfterMs);
    },
    cancel: () => clearTimeout(timer),
  };
}

/** Ends quietly when aborted. */
async function followClicks(
  linkId: string | null,
  signal: AbortSignal,
  heard: (clicks: number) => void,
): Promise<void> {
  try {
    for await (const live of stoa.stats.live({ signal })) {
      const own = linkId === null ? live : live.links.find(({ id }) => id === linkId);
      if (own) heard(own.clicks);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
