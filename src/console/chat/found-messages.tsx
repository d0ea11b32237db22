import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { messageOf } from "../messages.ts";
import { More } from "../ui/more.tsx";
import { momentLabel, summaryOf } from "./labels.ts";
import { knownName, useNamesIn } from "./names.ts";
import { useChat, useChatSnapshot } from "./use-chat.ts";

/** Messages that have these words, in one conversation or in all of one's own. */
export function FoundMessages(props: { q: string; conversationId?: string; onGo?: () => void }) {
  const { q, conversationId: conversation_id } = props;
  const chat = useChat();
  const { conversations, account_id } = useChatSnapshot();
  const found = useInfiniteQuery({
    queryKey: ["chat", "search", conversation_id ?? "all", q],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      chat.search(
        {
          q,
          ...(conversation_id ? { conversation_id } : {}),
          ...(pageParam ? { cursor: pageParam } : {}),
        },
        { signal },
      ),
    getNextPageParam: (page) => page.next_cursor,
    enabled: q.trim() !== "",
  });
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  useNamesIn(items);
  const titles = new Map(conversations.map((one) => [one.id, one.title]));
  const nameOf = (id: string) => (id === account_id ? "You" : (knownName(id) ?? "Somebody"));
  return (
    <section aria-label="Messages found" className="mt-3">
      <h2 className="px-2.5 pb-1 text-xs text-muted" role="status">
        {found.isError
          ? messageOf(found.error)
          : found.isPending
            ? "Searching messages…"
            : items.length === 0
              ? "No message has these words."
              : "Messages"}
      </h2>
      <ul>
        {items.map((message) => (
          <li key={message.id}>
            <Link
              href={`/chat/${message.conversation_id}?at=${message.seq}`}
              onClick={props.onGo}
              className="flex flex-col rounded-lg px-2.5 py-2 hover:bg-sunken"
            >
              <span className="flex items-baseline gap-2 text-xs text-muted">
                <span className="min-w-0 grow truncate">
                  {nameOf(message.sender_id)}
                  {!conversation_id && ` in ${titles.get(message.conversation_id) ?? "a chat"}`}
                </span>
                <span className="shrink-0">{momentLabel(message.created_at)}</span>
              </span>
              <span className="line-clamp-2">{summaryOf(message, nameOf)}</span>
            </Link>
          </li>
        ))}
      </ul>
      <More
        shown={found.hasNextPage}
        busy={found.isFetchingNextPage}
        load={() => void found.fetchNextPage()}
      />
    </section>
  );
}
