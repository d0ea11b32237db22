import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import type { ListModel } from "./list-model.ts";

/** What the list of messages does by itself: finds, follows, keeps the focus. */
const flashMs = 1_500;
/** More is loaded when less than this is left above or below. */
const aheadPx = 2_500;

/** `seq` null: whatever is the newest. */
type Target = { seq: number | null; flash: boolean };

/** Brings a message into sight, loading the ones around it where it is not here. */
export function useReveal(options: {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  model: ListModel;
  first: number | null;
}) {
  const { room, snapshot, model, first } = options;
  const { messages, loading, has_newer: hasNewer } = snapshot;
  const [target, setTarget] = useState<Target | null>(() =>
    first === null ? null : { seq: first, flash: false },
  );
  const done = useRef<Target>(null);
  const asked = useRef<Target>(null);
  const isKnown = snapshot.summary !== null;
  useLayoutEffect(() => {
    if (!target || done.current === target || !isKnown) return;
    const { seq } = target;
    const found = messages.find((message) => message.seq === seq);
    if (seq === null ? !hasNewer : found) {
      done.current = target;
      if (found) model.reveal(found.key);
      else model.toEnd();
      setTimeout(() => setTarget((now) => (now === target ? null : now)), flashMs);
    } else if (loading === null && asked.current !== target) {
      asked.current = target;
      model.away(true);
      if (seq === null) room.loadLatest();
      else room.loadAround(seq);
    } else if (loading === null) {
      // It could not be loaded, which the list says by itself.
      done.current = target;
      model.away(false);
    }
  }, [target, messages, loading, hasNewer, isKnown, room, model]);
  const reveal = useCallback((seq: number) => setTarget({ seq, flash: true }), []);
  const toLatest = useCallback(() => setTarget({ seq: null, flash: false }), []);
  return { flashed: target?.flash ? target.seq : null, reveal, toLatest };
}

/** Loads what comes next before one gets there, and says how far one has read. */
export function useFollow(
  room: ConversationClient,
  snapshot: ConversationSnapshot,
  model: ListModel,
): () => void {
  const latest = useRef(snapshot);
  const follow = useCallback(() => {
    loadAhead(room, latest.current, model);
    readOn(room, latest.current, model);
  }, [room, model]);
  useEffect(() => {
    latest.current = snapshot;
    follow();
  }, [snapshot, follow]);
  useEffect(() => {
    addEventListener("focus", follow);
    document.addEventListener("visibilitychange", follow);
    return () => {
      removeEventListener("focus", follow);
      document.removeEventListener("visibilitychange", follow);
    };
  }, [follow]);
  return follow;
}

function loadAhead(room: ConversationClient, snapshot: ConversationSnapshot, model: ListModel) {
  const { messages, has_older, has_newer, loading, error } = snapshot;
  if (messages.length === 0 || loading !== null || error !== null) return;
  const seen = model.look();
  if (!seen) return;
  if (has_older && seen.above < aheadPx) room.loadOlder();
  else if (has_newer && seen.below < aheadPx) room.loadNewer();
}

/** Only what was on the screen of somebody who looks at it was read. */
function readOn(room: ConversationClient, snapshot: ConversationSnapshot, model: ListModel) {
  if (document.visibilityState !== "visible" || !document.hasFocus()) return;
  const { messages } = snapshot;
  const last = model.look()?.last ?? -1;
  const seen = messages.slice(0, last + 1).findLast(({ seq }) => seq !== null)?.seq ?? null;
  if (seen !== null) room.markRead(seen);
}

/** A message that had the focus and was scrolled away leaves it to the list. */
export function useKeptFocus(active: string | null): RefObject<HTMLDivElement | null> {
  const frame = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (active === null || document.activeElement !== document.body) return;
    if (frame.current?.querySelector(`[data-key="${CSS.escape(active)}"]`)) return;
    frame.current?.querySelector<HTMLElement>("[role=log]")?.focus({ preventScroll: true });
  });
  return frame;
}
