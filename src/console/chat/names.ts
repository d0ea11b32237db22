import { useEffect, useMemo } from "react";
import type { ConversationSnapshot } from "../../../sdk/chat/view.ts";
import { useAccount } from "../session.tsx";
import type { NameOf } from "./labels.ts";

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
  return useMemo(
    () => (id) => (id === account.id ? "You" : (names.get(id) ?? seen.get(id) ?? "Somebody")),
    [names, account.id],
  );
}
