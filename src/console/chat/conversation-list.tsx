import { useState, type ReactNode } from "react";
import type { ChatSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import { Segments } from "../ui/field.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import { useNamesIn } from "./names.ts";
import { useWatchedPresence } from "./use-chat.ts";
import { SearchField } from "../ui/search-field.tsx";
import { FoundMessages } from "./found-messages.tsx";
import { Button } from "../ui/button.tsx";

/** Conversations by their latest message. Words that are looked for are found in all of them. */
const views = [
  { value: "all", label: "All" },
  { value: "unread", label: "Unread" },
  { value: "archived", label: "Archived" },
] as const;
type View = (typeof views)[number]["value"];

/** Further ones are drawn when they are asked for. */
const pageSize = 100;

export function ConversationList(props: {
  snapshot: ChatSnapshot;
  here: string | null;
  onNew: () => void;
}) {
  const { snapshot, here } = props;
  const [view, setView] = useState<View>("all");
  const [search, setSearch] = useState("");
  const [max, setMax] = useState(pageSize);
  const fitting = snapshot.conversations.filter(
    (one) => (view === "unread" && one.id === here) || fits(one, view, search),
  );
  const shown = fitting.slice(0, max);
  useWatchedPresence(shown.flatMap(({ peer }) => (peer ? [peer.account_id] : [])));
  const names = useNamesIn(
    shown.flatMap(({ conversation, last_message: last }) =>
      conversation.kind === "group" && last ? [last] : [],
    ),
  );
  return (
    <>
      <div className="flex flex-col gap-2 px-3 pb-2">
        <div className="flex">
          <SearchField
            label="Search conversations and messages"
            placeholder="Search"
            value={search}
            onChange={setSearch}
          />
        </div>
        <Segments label="Show" value={view} options={views} onChange={setView} />
      </div>
      <nav aria-label="Conversations" className="min-h-0 grow overflow-y-auto px-1.5 pb-4">
        <ul className="flex flex-col gap-0.5">
          {shown.map((summary) => (
            <ConversationRow
              key={summary.id}
              summary={summary}
              presence={summary.peer ? snapshot.presence.get(summary.peer.account_id) : undefined}
              isHere={summary.id === here}
              names={names}
            />
          ))}
        </ul>
        {fitting.length > max && (
          <Button className="mx-2 mt-2" onClick={() => setMax(max + pageSize)}>
            Show more
          </Button>
        )}
        {snapshot.loaded && fitting.length === 0 && search === "" && (
          <Nothing view={view} onNew={props.onNew} />
        )}
        {search !== "" && <FoundMessages q={search} />}
      </nav>
    </>
  );
}

function fits(one: ConversationSummary, view: View, search: string): boolean {
  if (search !== "") return one.title.toLowerCase().includes(search.toLowerCase());
  if (view === "archived") return one.own.archived;
  return !one.own.archived && (view === "all" || one.unread > 0);
}

function Nothing(props: { view: View; onNew: () => void }): ReactNode {
  if (props.view === "archived") {
    return <p className="px-3 py-4 text-muted">Nothing is archived.</p>;
  }
  if (props.view === "unread") return <p className="px-3 py-4 text-muted">You have read it all.</p>;
  return (
    <div className="px-3 py-4 text-muted">
      <p className="mb-3">Nobody has written yet. Find somebody by name and say hello.</p>
      <Button kind="primary" icon="plus" onClick={props.onNew}>
        Start a conversation
      </Button>
    </div>
  );
}
