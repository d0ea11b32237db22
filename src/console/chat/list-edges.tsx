import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import { Button, Spinner } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";

/** What stands at the upper end of the messages: that there are no more, or that some are missing. */
export function ListEdge(props: { snapshot: ConversationSnapshot; onRetry: () => void }) {
  const { messages, has_older, loading, error, summary } = props.snapshot;
  if (messages.length === 0 && loading !== null) {
    return (
      <p role="status" className="flex items-center justify-center gap-2 py-8 text-muted">
        <Spinner /> Loading messages…
      </p>
    );
  }
  return (
    <div className="flex min-h-10 items-center justify-center gap-2 py-2 text-xs text-muted">
      {error && has_older ? (
        <>
          <span>Older messages could not be loaded.</span>
          <Button icon="retry" onClick={props.onRetry}>
            Try again
          </Button>
        </>
      ) : has_older ? (
        <Spinner />
      ) : messages.length === 0 ? (
        <span>Nothing was said here yet.</span>
      ) : summary && summary.own.from_seq > 0 ? (
        <span>You see what was said since you came.</span>
      ) : (
        <span>This is the beginning.</span>
      )}
    </div>
  );
}

export function LatestButton(props: { unread: number; onClick: () => void }) {
  const { unread } = props;
  return (
    <button
      type="button"
      aria-label={unread > 0 ? `Jump to the latest, ${unread} new` : "Jump to the latest"}
      className="absolute right-4 bottom-3 z-10 flex min-h-10 min-w-10 items-center justify-center gap-1 rounded-full border border-line bg-surface px-2 shadow-card hover:border-line-strong"
      onClick={props.onClick}
    >
      {unread > 0 && <span className="pl-1 text-xs font-medium tabular-nums">{unread}</span>}
      <Icon name="down" />
    </button>
  );
}
