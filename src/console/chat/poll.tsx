import type { MessageView } from "../../../sdk/chat/view.ts";
import { isPast, plural } from "../messages.ts";
import type { MessageActions } from "./actions.ts";

/** A question with its answers so far. Choosing again takes a vote back. */
type PollOf = NonNullable<NonNullable<MessageView["body"]>["poll"]>;

export function isClosed({ poll_closed }: MessageView["extra"], { closes_at }: PollOf): boolean {
  return poll_closed === true || (closes_at !== undefined && isPast(closes_at));
}

export function Poll(props: {
  message: MessageView;
  poll: PollOf;
  me: string;
  onVote: MessageActions["vote"];
}) {
  const { message, poll, me } = props;
  const votes = poll.options.map(
    (_, index) => message.extra.votes?.[index] ?? { count: 0, by: [] as string[] },
  );
  const most = Math.max(1, ...votes.map(({ count }) => count));
  const total = votes.reduce((sum, { count }) => sum + count, 0);
  const own = votes.flatMap(({ by }, index) => (by.includes(me) ? [index] : []));
  const closed = isClosed(message.extra, poll);
  const choose = (index: number) => {
    const without = own.filter((one) => one !== index);
    const adds = without.length === own.length;
    props.onVote(message, poll.several ? (adds ? [...own, index] : without) : adds ? [index] : []);
  };
  return (
    <fieldset className="w-64 max-w-full" disabled={closed || message.seq === null}>
      <legend className="font-medium">{poll.question}</legend>
      <p className="mb-1 text-xs text-muted">
        {closed ? "Closed" : poll.several ? "Choose any number" : "Choose one"} ·{" "}
        {plural(total, "vote")}
      </p>
      {poll.options.map((option, index) => {
        const { count } = votes[index] as { count: number };
        return (
          <button
            key={index}
            type="button"
            aria-pressed={own.includes(index)}
            className="mb-1 flex w-full flex-wrap items-baseline gap-x-2 rounded-md px-2 py-1 text-left aria-pressed:bg-accent/10 enabled:hover:bg-sunken"
            onClick={() => choose(index)}
          >
            <span className="min-w-0 grow basis-1/2">
              {own.includes(index) && <span aria-hidden="true">✓ </span>}
              {option}
            </span>
            <span className="text-xs text-muted tabular-nums">{count}</span>
            <svg className="mt-0.5 block h-1 w-full rounded-full bg-line" aria-hidden="true">
              <rect width={`${(100 * count) / most}%`} height="100%" className="fill-accent" />
            </svg>
          </button>
        );
      })}
    </fieldset>
  );
}
