import { useEffect, useState, useSyncExternalStore } from "react";
import type { ChatSnapshot } from "../../../sdk/chat/view.ts";
import { plural } from "../messages.ts";
import { Button, Spinner } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { useChat } from "./use-chat.ts";

/** Says plainly when what is shown may be old, and what becomes of what one writes meanwhile. */
const patienceMs = 1_500;

export function ConnectionBanner({ snapshot }: { snapshot: ChatSnapshot }) {
  const { error } = snapshot.connection;
  const state = useStateOf(snapshot);
  const chat = useChat();
  const isSettled = useSettled(state === "online");
  const waiting = snapshot.conversations.reduce((sum, one) => sum + one.unsent, 0);
  const queue = waiting > 0 ? ` ${plural(waiting, "message")} will be sent then.` : "";
  const text = textOf(state, isSettled);
  return (
    <div role="status" data-connection={snapshot.connection.state}>
      {text && (
        <div className="flex items-center gap-2 border-b border-line bg-warn-soft px-3 py-1.5 text-[0.8125rem] text-warn">
          {state === "connecting" ? <Spinner /> : <Icon name="warning" />}
          <span className="min-w-0 grow">
            {state === "stopped" && error ? error.message : text}
            {state === "offline" && queue}
          </span>
          {(state === "offline" || state === "stopped") && (
            <Button onClick={() => chat.connect()}>Try now</Button>
          )}
        </div>
      )}
    </div>
  );
}

function textOf(state: ChatSnapshot["connection"]["state"], isSettled: boolean): string | null {
  if (state === "offline") return "You are offline. This comes back by itself.";
  if (state === "stopped") return "You are not connected.";
  if (state === "connecting" && isSettled) return "Connecting…";
  return null;
}

/** The browser knows of a line that is down before the client misses an answer. */
function useStateOf({ connection }: ChatSnapshot): ChatSnapshot["connection"]["state"] {
  const hasLine = useSyncExternalStore(
    (listener) => {
      for (const name of ["online", "offline"]) addEventListener(name, listener);
      return () => {
        for (const name of ["online", "offline"]) removeEventListener(name, listener);
      };
    },
    () => navigator.onLine,
  );
  return hasLine || connection.state === "stopped" ? connection.state : "offline";
}

/** A short wait is not worth a word. */
function useSettled(online: boolean): boolean {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    if (online) return;
    const timer = setTimeout(() => setSettled(true), patienceMs);
    return () => {
      clearTimeout(timer);
      setSettled(false);
    };
  }, [online]);
  return settled;
}
