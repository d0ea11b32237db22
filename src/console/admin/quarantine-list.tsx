import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import type { Quarantined } from "../../../sdk/types.ts";
import { messageOf, withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { More } from "../ui/more.tsx";
import { Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** What is stopped, by a report, a block list or an administrator. */
export type Kind = Quarantined["kind"];

const trees = { link: "links", domain: "domains", owner: "owners" } as const;

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
        Upheld reports and block lists stop links; an owner or a domain is stopped through the API.
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
  const queries = useQueryClient();
  const release = useMutation({
    mutationFn: () => stoa.safety.release(trees[item.kind], item.id),
    onSuccess: () => toast(`${withoutScheme(item.name)} redirects again`),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["quarantine"] }),
  });
  return (
    <li className="flex flex-wrap items-center gap-3 px-4 py-3">
      <div className="min-w-0 grow basis-64">
        <p className="font-semibold">{withoutScheme(item.name)}</p>
        {item.url && <p className="text-[0.8125rem] text-muted">{withoutScheme(item.url)}</p>}
        <p className="text-xs text-muted">{item.reason}</p>
      </div>
      <Button busy={release.isPending} onClick={() => release.mutate()}>
        Release
      </Button>
    </li>
  );
}
