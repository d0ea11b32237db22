import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { date, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { useChat } from "./use-chat.ts";

/** Whom one wants to hear nothing from. */
export function BlocksDialog(props: { onClose: () => void }) {
  const chat = useChat();
  const queries = useQueryClient();
  const blocks = useQuery({
    queryKey: ["chat", "blocks"],
    queryFn: () => stoa.chat.blocks().take(1_000),
  });
  const unblock = useMutation({
    mutationFn: (id: string) => chat.unblock(id),
    onSuccess: () => toast("Unblocked"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["chat", "blocks"] }),
  });
  return (
    <Dialog title="Blocked people" onClose={props.onClose}>
      {blocks.isPending ? (
        <Loading rows={2} />
      ) : blocks.isError ? (
        <Failed what="The list" error={blocks.error} retry={() => void blocks.refetch()} />
      ) : blocks.data.length === 0 ? (
        <p className="text-muted">
          Nobody. Block somebody in the settings of your conversation with them.
        </p>
      ) : (
        <ul className="divide-y divide-line">
          {blocks.data.map((person) => (
            <li key={person.account_id} className="flex items-center gap-3 py-2">
              <span className="min-w-0 grow">
                <span className="block truncate font-medium">{person.name}</span>
                <span className="text-xs text-muted">since {date(person.created_at)}</span>
              </span>
              <Button
                aria-label={`Unblock ${person.name}`}
                onClick={() => unblock.mutate(person.account_id)}
              >
                Unblock
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
