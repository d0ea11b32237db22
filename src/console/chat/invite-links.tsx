import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import { date, messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { attempt } from "./attempt.ts";

/** Links that let whoever has them join. What is in one is shown when it is made, and only then. */
export function InviteLinks({ room }: { room: ConversationClient }) {
  const queries = useQueryClient();
  const [link, setLink] = useState<string | null>(null);
  const key = ["chat", "invites", room.id];
  const invites = useQuery({ queryKey: key, queryFn: () => stoa.chat.invites(room.id) });
  const refresh = () => queries.invalidateQueries({ queryKey: key });
  const make = useMutation({
    mutationFn: () => room.createInvite(),
    onSuccess: ({ token }) => {
      setLink(`${location.origin}/console/chat/join/${token}`);
      void refresh();
    },
  });
  return (
    <section aria-label="Invite links" className="flex flex-col gap-2">
      <div className="flex items-center justify-between gap-2">
        <h3 className="text-sm font-semibold">Invite links</h3>
        <Button icon="plus" busy={make.isPending} onClick={() => make.mutate()}>
          New link
        </Button>
      </div>
      {make.isError && (
        <p role="alert" className="text-danger">
          {messageOf(make.error)}
        </p>
      )}
      {link && (
        <div className="flex items-center gap-2">
          <code className="code min-w-0 grow">{link}</code>
          <CopyButton text={link} what="Invite link" />
        </div>
      )}
      {invites.isError && (
        <p role="alert" className="text-danger">
          {messageOf(invites.error)}
        </p>
      )}
      <ul>
        {invites.data?.map((invite) => (
          <li key={invite.id} className="flex min-h-11 items-center gap-2 text-[0.8125rem]">
            <span className="min-w-0 grow text-muted">
              Made {date(invite.created_at)}, used {plural(invite.uses, "time")}
            </span>
            <Button
              onClick={async () => {
                await attempt(stoa.chat.revokeInvite(room.id, invite.id), "Revoked");
                await refresh();
              }}
            >
              Revoke
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
