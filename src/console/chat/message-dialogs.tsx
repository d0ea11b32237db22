import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import { Confirm, Dialog } from "../ui/dialog.tsx";
import { Field, Select, TextArea } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import type { Ask, SentMessage } from "./actions.ts";
import { attempt } from "./attempt.ts";
import { Avatar } from "./avatar.tsx";
import { summaryOf, type NameOf } from "./labels.ts";
import { useChatSnapshot } from "./use-chat.ts";

/** What is asked for before, or shown about, one message. */
type About = {
  room: ConversationClient;
  message: SentMessage;
  nameOf: NameOf;
  onClose: () => void;
};

export function MessageDialog(props: About & { what: Ask }) {
  switch (props.what) {
    case "forward":
      return <Forward {...props} />;
    case "report":
      return <Report {...props} />;
    case "receipts":
      return <ReadBy {...props} />;
    case "close_poll":
      return <ClosePoll {...props} />;
    case "delete":
      return <Delete {...props} />;
  }
}

function Delete({ room, message, onClose }: About) {
  return (
    <Confirm
      title="Delete this message?"
      action="Delete for everybody"
      onClose={onClose}
      onConfirm={async () => {
        if (!(await attempt(room.delete(message.seq), "Deleted"))) throw new Error("not deleted");
      }}
    >
      Everybody sees that a message was deleted, and nobody what it said.
    </Confirm>
  );
}

function ClosePoll({ room, message, onClose }: About) {
  return (
    <Confirm
      title="Close this poll?"
      action="Close the poll"
      keep="Leave it open"
      onClose={onClose}
      onConfirm={async () => {
        if (!(await attempt(room.closePoll(message.seq), "Closed"))) throw new Error("not closed");
      }}
    >
      Nobody votes in it any more. What was voted so far stays for all to see.
    </Confirm>
  );
}

const forwardShownMax = 30;

function Forward({ room, message, nameOf, onClose }: About) {
  const { conversations } = useChatSnapshot();
  const [search, setSearch] = useState("");
  const fitting = conversations
    .filter(({ title }) => title.toLowerCase().includes(search.toLowerCase()))
    .slice(0, forwardShownMax);
  const forward = useMutation({
    mutationFn: (to: string) => room.forward(message.seq, to),
    onSuccess: () => {
      toast("Forwarded");
      onClose();
    },
  });
  return (
    <Dialog title="Forward to" onClose={onClose}>
      <p className="mb-3 line-clamp-2 rounded-md bg-sunken px-3 py-2 text-muted">
        {summaryOf(message, nameOf)}
      </p>
      <Field
        label="Conversation"
        type="search"
        value={search}
        error={forward.error?.message}
        onChange={(event) => setSearch(event.target.value)}
      />
      <ul aria-label="Conversations" className="mt-2 max-h-72 overflow-y-auto">
        {fitting.map((summary) => (
          <li key={summary.id}>
            <button
              type="button"
              className="choice"
              disabled={forward.isPending}
              onClick={() => forward.mutate(summary.id)}
            >
              <Avatar name={summary.title} group={summary.conversation.kind !== "direct"} small />
              <span className="truncate">{summary.title}</span>
            </button>
          </li>
        ))}
        {fitting.length === 0 && <li className="py-2 text-muted">None of that name.</li>}
      </ul>
    </Dialog>
  );
}

const reasons = [
  { value: "spam", label: "Spam" },
  { value: "abuse", label: "Abuse or harassment" },
  { value: "threat", label: "A threat" },
  { value: "sexual", label: "Sexual content" },
  { value: "illegal", label: "Something illegal" },
  { value: "other", label: "Something else" },
] as const;

function Report({ room, message, onClose }: About) {
  const [reason, setReason] = useState<(typeof reasons)[number]["value"]>("spam");
  const [comment, setComment] = useState("");
  const report = useMutation({
    mutationFn: () => room.report(message.seq, { reason, comment: comment.trim() }),
    onSuccess: () => {
      toast("Reported. The administrators will look at it.");
      onClose();
    },
  });
  return (
    <FormDialog
      title="Report this message"
      action="Report"
      danger
      busy={report.isPending}
      error={report.error}
      onSubmit={() => report.mutate()}
      onClose={onClose}
    >
      <Select label="What is wrong" value={reason} options={reasons} onChange={setReason} />
      <TextArea
        label="Anything to add"
        maxLength={1_000}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
    </FormDialog>
  );
}

function ReadBy({ room, message, nameOf, onClose }: About) {
  const receipts = useQuery({
    queryKey: ["chat", "receipts", room.id, message.seq],
    queryFn: () => room.receiptsOf(message.seq),
    staleTime: 0,
  });
  return (
    <Dialog title="Who has read it" onClose={onClose}>
      {receipts.isPending ? (
        <Loading rows={3} />
      ) : receipts.isError ? (
        <Failed what="The receipts" error={receipts.error} retry={() => void receipts.refetch()} />
      ) : (
        <ul className="max-h-96 overflow-y-auto">
          {receipts.data.items.map((one) => (
            <li key={one.account_id} className="flex items-center gap-3 py-1.5">
              <Avatar name={nameOf(one.account_id)} small />
              <span className="min-w-0 grow truncate">{nameOf(one.account_id)}</span>
              <span className={one.read ? "text-accent" : "text-muted"}>
                <Icon name={one.delivered ? "ticks" : "tick"} />
              </span>
              <span className="w-20 text-xs text-muted">
                {one.read ? "Read" : one.delivered ? "Delivered" : "Sent"}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
