import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { ChatClient, ConversationClient } from "../../../sdk/chat/client.ts";
import type { ChatSnapshot, ConversationSnapshot } from "../../../sdk/chat/view.ts";
import { createChat } from "../../../sdk/chat/chat.ts";
import { indexedDbStorage } from "../../../sdk/chat/indexed-db.ts";
import { useAccount } from "../session.tsx";
import { getToken, onSessionEnd } from "../stoa.ts";

/**
 * The chat of whoever is signed in. It begins with the first visit of its page and goes on while
 * other pages of the console are shown, so that coming back is instant and the menu can say that
 * there is something new.
 */
let started: { accountId: string; chat: ChatClient } | null = null;
const listeners = new Set<() => void>();

export function useChat(): ChatClient {
  const { id } = useAccount();
  return useMemo(() => chatOf(id), [id]);
}

function chatOf(accountId: string): ChatClient {
  if (started?.accountId === accountId) return started.chat;
  void started?.chat.close();
  // One for each person: nobody is shown for a moment what somebody else saw here.
  const storage = indexedDbStorage(`stoa-chat ${accountId}`);
  const chat = createChat({ getToken, storage, deviceName: "Stoa console" });
  chat.connect();
  set({ accountId, chat });
  return chat;
}

function set(next: typeof started): void {
  started = next;
  // Not while something is being drawn.
  queueMicrotask(() => {
    for (const listener of listeners) listener();
  });
}

/** Whoever signs out leaves nothing here; what one did not come to send outlives the rest. */
onSessionEnd(({ left }) => {
  void started?.chat.close({ forget: left });
  set(null);
});

export function useChatSnapshot(): ChatSnapshot {
  const chat = useChat();
  return useSyncExternalStore(chat.subscribe, chat.getSnapshot);
}

export function useConversation(id: string): [ConversationClient, ConversationSnapshot] {
  const chat = useChat();
  const room = chat.conversation(id);
  return [room, useSyncExternalStore(room.subscribe, room.getSnapshot)];
}

/** For the menu: 0 while the chat was not looked at yet. */
export function useUnreadConversations(): number {
  const chat = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => started?.chat ?? null,
  );
  return useSyncExternalStore(
    (listener) => chat?.subscribe(listener) ?? (() => {}),
    () => chat?.getSnapshot().unread_conversations ?? 0,
  );
}

/** The server bounds how many one may watch. */
const watchedMax = 500;

/** Says whose presence is on the screen. */
export function useWatchedPresence(accountIds: readonly string[]): void {
  const chat = useChat();
  const wanted = [...new Set(accountIds)].slice(0, watchedMax).sort().join(" ");
  useEffect(() => {
    chat.watchPresence(wanted === "" ? [] : wanted.split(" "));
  }, [chat, wanted]);
}
