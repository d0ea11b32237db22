import { useMutation, useQuery } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Card, Failed, Loading, Page } from "../ui/page.tsx";
import { useChat } from "./use-chat.ts";

/** Where an invite link leads: what it is for, before one is in it. */
export function JoinPage({ token }: { token: string }) {
  const chat = useChat();
  const [, navigate] = useLocation();
  const invited = useQuery({
    queryKey: ["chat", "invite", token],
    queryFn: ({ signal }) => stoa.chat.invited(token, { signal }),
  });
  const join = useMutation({
    mutationFn: () => chat.join(token),
    onSuccess: (id) => navigate(`/chat/${id}`, { replace: true }),
  });
  return (
    <Page title="Invitation">
      {invited.isPending ? (
        <Loading rows={1} height="card" />
      ) : invited.isError ? (
        <Failed what="The invitation" error={invited.error} />
      ) : (
        <Card title={invited.data.title}>
          {invited.data.description && <p className="mb-2">{invited.data.description}</p>}
          <p className="mb-4 text-muted">
            A {invited.data.kind} of {plural(invited.data.member_count, "member")}.
          </p>
          {join.isError && (
            <p role="alert" className="mb-3 text-danger">
              {messageOf(join.error)}
            </p>
          )}
          <Button kind="primary" busy={join.isPending} onClick={() => join.mutate()}>
            Join
          </Button>
        </Card>
      )}
    </Page>
  );
}
