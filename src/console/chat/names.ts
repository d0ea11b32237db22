import { useEffect, useMemo, useReducer } from "react";
import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import { useAccount } from "../session.tsx";
import type { NameOf } from "./labels.ts";
import { useChat } from "./use-chat.ts";

/** What people are called. Names that were seen once are good for lines of the list as well. */
const seen = new Map<string, string>();

export function knownName(accountId: string): string | undefined {
  return seen.get(accountId);
}

/** `You` for oneself. The same function until somebody's name is news. */
export function useNameOf({ members, summary }: ConversationSnapshot): NameOf {
  const account = useAccount();
  const peer = summary?.peer ?? null;
  const names = useMemo(() => {
    const found = new Map((members ?? []).map((one) => [one.account_id, one.name]));
    if (peer) found.set(peer.account_id, peer.name);
    return found;
  }, [members, peer]);
  useEffect(() => {
    for (const [id, name] of names) seen.set(id, name);
  }, [names]);
  // Who runs a channel is not told to those who follow it: it speaks for itself.
  const unknown = summary?.conversation.kind === "channel" ? summary.title : "Somebody";
  return useMemo(
    () => (id) => (id === account.id ? "You" : (names.get(id) ?? seen.get(id) ?? unknown)),
    [names, account.id, unknown],
  );
}

/** No more conversations are asked for their members at once. */
const askedMax = 20;

/**
 * Asks who is in these conversations where a sender is not known yet, and draws again once that is
 * known. What it returns changes with it.
 */
export function useNamesIn(
  said: readonly { conversation_id: string; sender_id: string }[],
): number {
  const chat = useChat();
  const account = useAccount();
  const [known, learn] = useReducer((count: number) => count + 1, 0);
  const unknown = said.filter((one) => one.sender_id !== account.id && !seen.has(one.sender_id));
  const ids = [...new Set(unknown.map((one) => one.conversation_id))].slice(0, askedMax).join(" ");
  useEffect(() => {
    const rooms = ids === "" ? [] : ids.split(" ").map((id) => chat.conversation(id));
    const stops = rooms.map((room) => {
      const stop = room.subscribe(() => {
        const fresh = (room.getSnapshot().members ?? []).filter((m) => !seen.has(m.account_id));
        for (const member of fresh) seen.set(member.account_id, member.name);
        if (fresh.length > 0) learn();
      });
      room.loadMembers();
      return stop;
    });
    return () => {
      for (const stop of stops) stop();
    };
  }, [chat, ids]);
  return known;
}
