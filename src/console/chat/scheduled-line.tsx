import { Link } from "wouter";
import { dateTime, plural } from "../messages.ts";
import { Icon } from "../ui/icons.tsx";
import { isOnItsWay, useScheduled } from "./use-scheduled.ts";

/** Says beside where one writes what will be said here later, and what could not be. */
export function ScheduledLine({ id }: { id: string }) {
  const { data = [] } = useScheduled();
  const here = data.filter((one) => one.conversation_id === id);
  const waiting = here.filter((one) => one.failure === null && !isOnItsWay(one));
  const [next] = waiting;
  const failed = here.filter((one) => one.failure !== null).length;
  if (!next && failed === 0) return null;
  return (
    <p className="flex items-center gap-1.5 border-t border-line px-4 py-1.5 text-xs text-muted">
      <Icon name="clock" className="size-3.5 shrink-0" />
      <Link href="/chat/scheduled" className="link min-w-0 truncate">
        {failed > 0
          ? `${plural(failed, "scheduled message")} could not be sent`
          : `${plural(waiting.length, "message")} scheduled, next ${dateTime(next?.send_at ?? "")}`}
      </Link>
    </p>
  );
}
