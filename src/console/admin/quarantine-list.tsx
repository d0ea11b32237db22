import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Quarantined } from "../../../sdk/types.ts";
import { withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { More } from "../ui/more.tsx";
import { Empty, Failed, Loading } from "../ui/page.tsx";
import { StopButton } from "./stop-button.tsx";

/** What is stopped, by a report, a block list or an administrator. */
export type Kind = Quarantined["kind"];

export function QuarantineList(props: { kind: Kind }) {
  const stopped = useInfiniteQuery({
    queryKey: ["quarantine", props.kind],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.safety.quarantined({ kind: props.kind }).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  if (stopped.isPending) return <Loading />;
  if (stopped.isError) {
    return <Failed what="The list" error={stopped.error} retry={() => void stopped.refetch()} />;
  }
  const items = stopped.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return (
      <Empty icon="reports" title="Nothing is stopped">
        Upheld reports and block lists stop links. Look up a link to stop it, its domain or its
        account by hand.
      </Empty>
    );
  }
  return (
    <>
      <ul className="card divide-y divide-line">
        {items.map((item) => (
          <Row key={item.id} item={item} />
        ))}
      </ul>
      <More
        shown={stopped.hasNextPage}
        busy={stopped.isFetchingNextPage}
        load={() => void stopped.fetchNextPage()}
      />
    </>
  );
}

function Row({ item }: { item: Quarantined }) {
  const name = withoutScheme(item.name);
  const what = { kind: item.kind, id: item.id, name, stopped: item.reason };
  return (
    <li className="flex flex-wrap items-center gap-3 px-4 py-3">
      <div className="min-w-0 grow basis-64">
        <p className="font-semibold break-all">
          {item.kind === "owner" ? <AccountName id={item.id} /> : name}
        </p>
        {item.url && (
          <p className="text-[0.8125rem] break-all text-muted">{withoutScheme(item.url)}</p>
        )}
        <p className="text-xs text-muted">{item.reason}</p>
      </div>
      <StopButton what={what} />
    </li>
  );
}

function AccountName({ id }: { id: string }) {
  const found = useQuery({
    queryKey: ["lookup", `account:${id}`],
    queryFn: ({ signal }) => stoa.safety.lookUp({ owner_id: id }, { signal }),
  });
  const owner = found.data?.owner;
  return owner ? `${owner.name}${owner.email ? `, ${owner.email}` : ""}` : `Account ${id}`;
}
