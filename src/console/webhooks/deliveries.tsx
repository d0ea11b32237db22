import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Delivery } from "../../../sdk/types.ts";
import { ago, dateTime, messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Segments } from "../ui/field.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** What was sent, and what came back. */
const refreshMs = 3_000;

const filters = [
  { value: "all", label: "All" },
  { value: "pending", label: "On the way" },
  { value: "delivered", label: "Delivered" },
  { value: "dead", label: "Given up" },
] as const;
type Filter = (typeof filters)[number]["value"];

export function Deliveries(props: { webhookId: string }) {
  const [filter, setFilter] = useState<Filter>("all");
  const status = filter === "all" ? undefined : filter;
  const deliveries = useInfiniteQuery({
    queryKey: ["webhooks", "deliveries", props.webhookId, filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.webhooks.deliveries(props.webhookId, { status }).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: refreshMs,
  });
  const items = deliveries.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section>
      <header className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-sm font-semibold">Deliveries</h2>
        <Segments label="Which" value={filter} options={filters} onChange={setFilter} />
      </header>
      {deliveries.isPending ? (
        <Loading />
      ) : deliveries.isError ? (
        <Failed
          what="The deliveries"
          error={deliveries.error}
          retry={() => void deliveries.refetch()}
        />
      ) : items.length === 0 ? (
        <Empty icon="webhooks" title="Nothing sent yet">
          Send a test to see what a delivery looks like and whether it gets through.
        </Empty>
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((delivery) => (
            <Row key={delivery.id} delivery={delivery} webhookId={props.webhookId} />
          ))}
        </ul>
      )}
      <More
        shown={deliveries.hasNextPage}
        busy={deliveries.isFetchingNextPage}
        load={() => void deliveries.fetchNextPage()}
      />
    </section>
  );
}

const looks = { pending: "warn", delivered: "good", dead: "danger" } as const;
const words = { pending: "on the way", delivered: "delivered", dead: "given up" };

function Row({ delivery, webhookId }: { delivery: Delivery; webhookId: string }) {
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: () => stoa.webhooks.replay(webhookId, delivery.id),
    onSuccess: () => toast("It is being sent again"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  const answer =
    delivery.response_status === null
      ? (delivery.error ?? "no answer yet")
      : `answered ${delivery.response_status}`;
  return (
    <li className="px-4 py-2.5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Badge kind={looks[delivery.status]}>{words[delivery.status]}</Badge>
        <span className="font-mono text-xs">{delivery.event_type}</span>
        <span className="min-w-0 grow text-xs text-muted">
          {plural(delivery.attempts, "attempt")}, {answer}
          {delivery.duration_ms !== null && ` in ${delivery.duration_ms} ms`}
          {delivery.next_attempt_at && delivery.attempts > 0 && (
            <>, next {ago(delivery.next_attempt_at)}</>
          )}
        </span>
        <time
          dateTime={delivery.created_at}
          title={dateTime(delivery.created_at)}
          className="text-xs text-muted"
        >
          {ago(delivery.created_at)}
        </time>
        {delivery.status !== "pending" && (
          <Button icon="retry" busy={replay.isPending} onClick={() => replay.mutate()}>
            Send again
          </Button>
        )}
      </div>
      {delivery.response_body && (
        <details className="mt-1 text-xs">
          <summary className="text-muted">What came back</summary>
          <pre className="code mt-1 whitespace-pre-wrap">{delivery.response_body}</pre>
        </details>
      )}
    </li>
  );
}
