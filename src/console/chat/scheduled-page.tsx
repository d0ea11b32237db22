import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { ChatSnapshot } from "../../../sdk/chat/view.ts";
import type { ChatScheduled } from "../../../sdk/types.ts";
import { dateTime, plural, withLocalTimes } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { Empty, Failed, Loading } from "../ui/page.tsx";
import { attempt } from "./attempt.ts";
import { BackToList } from "./back-to-list.tsx";
import { knownName } from "./names.ts";
import { ScheduleDialog, type Later } from "./schedule-dialog.tsx";
import { isOnItsWay, useScheduled, useScheduledAgain } from "./use-scheduled.ts";

/** Everything of one's own that waits to be sent, wherever it goes, the next one first. */
export function ScheduledPage({ snapshot }: { snapshot: ChatSnapshot }) {
  const scheduled = useScheduled();
  const titles = new Map(snapshot.conversations.map(({ id, title }) => [id, title]));
  useEffect(() => {
    document.title = "Scheduled messages · Stoa";
  }, []);
  return (
    <section aria-label="Scheduled messages" className="flex min-h-0 min-w-0 flex-col">
      <header className="flex min-h-14 items-center gap-2 border-b border-line px-2 py-1.5 md:px-4">
        <BackToList />
        <h1 tabIndex={-1} className="text-[0.9375rem] font-semibold">
          Scheduled messages
        </h1>
      </header>
      <div className="min-h-0 grow overflow-y-auto p-4">
        {scheduled.isPending ? (
          <Loading rows={3} />
        ) : scheduled.isError ? (
          <Failed
            what="What is scheduled"
            error={scheduled.error}
            retry={() => void scheduled.refetch()}
          />
        ) : scheduled.data.length === 0 ? (
          <Empty icon="clock" title="Nothing is scheduled">
            Write a message, and choose “Send later” beside it. It is sent at its time, whether or
            not you are here.
          </Empty>
        ) : (
          <ul className="card mx-auto max-w-2xl divide-y divide-line">
            {scheduled.data.map((message) => (
              <Waiting
                key={message.id}
                message={message}
                title={titles.get(message.conversation_id)}
              />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function Waiting({ message, title }: { message: ChatScheduled; title: string | undefined }) {
  const { body, send_at, failure } = message;
  const sending = isOnItsWay(message);
  const along = alongOf(body);
  return (
    <li className="flex flex-col gap-2 px-4 py-3">
      <p className="flex flex-wrap items-baseline gap-x-2 text-xs text-muted">
        {title === undefined ? (
          <span>A conversation that is no longer yours</span>
        ) : (
          <Link href={`/chat/${message.conversation_id}`} className="link min-w-0 truncate">
            {title}
          </Link>
        )}
        <time dateTime={send_at}>{sending ? "Being sent…" : dateTime(send_at)}</time>
      </p>
      {body.text && <p className="line-clamp-4 whitespace-pre-wrap">{body.text}</p>}
      {along && (
        <p className="flex items-center gap-1.5 text-[0.8125rem] text-muted">
          <Icon name={body.poll ? "poll" : "file"} />
          {along}
        </p>
      )}
      {failure && (
        <p role="alert" className="text-[0.8125rem] text-danger">
          Not sent. {withLocalTimes(failure.replace(/^[\w.]+: /, ""))}
        </p>
      )}
      {!sending && <Choices message={message} />}
    </li>
  );
}

function Choices({ message }: { message: ChatScheduled }) {
  const { id, body, send_at, failure } = message;
  const again = useScheduledAgain();
  const [asked, setAsked] = useState<"edit" | "cancel" | null>(null);
  const close = () => setAsked(null);
  const act = async (deed: Promise<unknown>, done: string) => {
    const isDone = await attempt(deed, done);
    await again();
    return isDone;
  };
  const save = async ({ text, send_at: at }: Later) => {
    const mentions = (body.mentions ?? []).filter((who) => isStillNamed(text, who));
    await stoa.chat.scheduled.change(id, { text, send_at: at, mentions });
    await again();
  };
  const cancel = async () => {
    const isDone = await act(stoa.chat.scheduled.cancel(id), "It will not be sent");
    if (!isDone) throw new Error("not cancelled");
  };
  return (
    <div className="flex flex-wrap gap-2">
      <Button icon="edit" onClick={() => setAsked("edit")}>
        Change
      </Button>
      <Button
        icon={failure ? "retry" : "send"}
        onClick={() => act(stoa.chat.scheduled.sendNow(id), "On its way")}
      >
        {failure ? "Try again now" : "Send now"}
      </Button>
      <Button icon="trash" kind="danger" onClick={() => setAsked("cancel")}>
        Cancel it
      </Button>
      {asked === "edit" && (
        <ScheduleDialog
          title="Change what is sent later"
          action="Save"
          text={body.text ?? ""}
          {...(failure === null ? { sendAt: send_at } : {})}
          along={alongOf(body)}
          onSubmit={save}
          onClose={close}
        />
      )}
      {asked === "cancel" && (
        <Confirm title="Cancel this message?" action="Cancel it" onClose={close} onConfirm={cancel}>
          It is not sent, and what it says is gone.
        </Confirm>
      )}
    </div>
  );
}

/** Whose name is not known here stays named, as nobody can tell. */
function isStillNamed(text: string, accountId: string): boolean {
  const name = knownName(accountId);
  return name === undefined || text.includes(`@${name}`);
}

function alongOf({ attachments, poll }: ChatScheduled["body"]): string | null {
  if (poll) return `a poll: ${poll.question}`;
  return attachments?.length ? plural(attachments.length, "file") : null;
}
