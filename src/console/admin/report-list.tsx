import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Report } from "../../../sdk/types.ts";
import { ago, messageOf, withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** Reports by visitors, each to be upheld or dismissed once. */
export type Status = "open" | "all";

export function ReportList(props: { status: Status; onLookUp: (text: string) => void }) {
  const reports = useInfiniteQuery({
    queryKey: ["reports", props.status],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.safety.reports({ status: props.status }).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  if (reports.isPending) return <Loading />;
  if (reports.isError) {
    return <Failed what="The reports" error={reports.error} retry={() => void reports.refetch()} />;
  }
  const items = reports.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return (
      <Empty icon="reports" title={props.status === "open" ? "Nothing to decide" : "No reports"}>
        Every preview page and every warning has a form to report a link; what is sent stands here.
      </Empty>
    );
  }
  return (
    <>
      <ul className="card divide-y divide-line">
        {items.map((report) => (
          <Row key={report.id} report={report} onLookUp={props.onLookUp} />
        ))}
      </ul>
      <More
        shown={reports.hasNextPage}
        busy={reports.isFetchingNextPage}
        load={() => void reports.fetchNextPage()}
      />
    </>
  );
}

const looks = { open: "warn", upheld: "danger", dismissed: "plain" } as const;

function Row({ report, onLookUp }: { report: Report; onLookUp: (text: string) => void }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const decide = useMutation({
    mutationFn: (decision: "uphold" | "dismiss") => stoa.safety.decide(report.id, decision),
    onSuccess: (_, decision) =>
      toast(decision === "uphold" ? "The link is stopped" : "The report is dismissed"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: async () => {
      const keys = ["reports", "links", "lookup", "quarantine"];
      await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
    },
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-64">
        <p className="flex flex-wrap items-center gap-2 font-semibold">
          {withoutScheme(report.short_url)}
          <Badge kind={looks[report.status]}>{report.status}</Badge>
          {report.quarantine && report.status !== "upheld" && <Badge kind="danger">stopped</Badge>}
        </p>
        <p className="text-[0.8125rem] text-muted">leads to {withoutScheme(report.url)}</p>
        <p className="mt-1 text-[0.8125rem]">
          {report.reason.replaceAll("_", " ")}
          {report.detail && `: ${report.detail}`}
        </p>
        <p className="text-xs text-muted">
          {ago(report.created_at)}
          {report.contact && ` by ${report.contact}`}
        </p>
      </div>
      {report.status === "open" && (
        <>
          <Button kind="danger" onClick={() => setAsking(true)}>
            Stop the link
          </Button>
          <Button
            busy={decide.isPending && decide.variables === "dismiss"}
            onClick={() => decide.mutate("dismiss")}
          >
            Dismiss
          </Button>
        </>
      )}
      <Button onClick={() => onLookUp(report.short_url)}>Look up</Button>
      {asking && (
        <Confirm
          title={`Stop ${withoutScheme(report.short_url)}?`}
          action="Stop the link"
          keep="Cancel"
          onConfirm={() => decide.mutateAsync("uphold")}
          onClose={() => setAsking(false)}
        >
          Visitors see a warning instead of being sent on, and every open report of this link is
          settled.
        </Confirm>
      )}
    </li>
  );
}
