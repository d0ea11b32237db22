import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ChatReport } from "../../../sdk/conversations.ts";
import { ago, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox, Select } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { banSpans, endOf, type BanSpan } from "./admin-spans.ts";
import { summaryOf } from "./labels.ts";

/** Reported messages, each to be upheld or dismissed once. */
export function MessageReports({ status }: { status: ChatReport["status"] }) {
  const reports = useInfiniteQuery({
    queryKey: ["chat", "reports", status],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.chat.admin.reports({ status }).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  if (reports.isPending) return <Loading />;
  if (reports.isError) {
    return <Failed what="The reports" error={reports.error} retry={() => void reports.refetch()} />;
  }
  const items = reports.data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return (
      <Empty icon="shield" title={status === "open" ? "Nothing to decide" : "None so far"}>
        Every message has “Report” in its menu; what is sent stands here.
      </Empty>
    );
  }
  return (
    <>
      <ul className="card divide-y divide-line">
        {items.map((report) => (
          <ReportRow key={report.id} report={report} />
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

function ReportRow({ report }: { report: ChatReport }) {
  const [upholding, setUpholding] = useState(false);
  const decide = useDecision(report.id);
  const said = summaryOf({ ...report, deleted_at: null }, () => report.sender_name);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-64">
        <p className="flex flex-wrap items-center gap-2 font-semibold">
          {report.sender_name}
          <Badge kind={looks[report.status]}>{report.reason}</Badge>
        </p>
        <blockquote className="my-1 border-l-2 border-line-strong pl-2.5">{said}</blockquote>
        {report.comment && <p className="text-[0.8125rem]">{report.comment}</p>}
        <p className="text-xs text-muted">reported {ago(report.created_at)}</p>
      </div>
      {report.status === "open" && (
        <>
          <Button kind="danger" onClick={() => setUpholding(true)}>
            Uphold
          </Button>
          <Button busy={decide.isPending} onClick={() => decide.mutate({ status: "dismissed" })}>
            Dismiss
          </Button>
        </>
      )}
      {upholding && <Uphold report={report} onClose={() => setUpholding(false)} />}
    </li>
  );
}

type Decision = Parameters<typeof stoa.chat.admin.decide>[1];

function useDecision(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (decision: Decision) => stoa.chat.admin.decide(id, decision),
    onSuccess: (_, { status }) =>
      toast(status === "upheld" ? "The report is upheld" : "The report is dismissed"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["chat"] }),
  });
}

function Uphold({ report, onClose }: { report: ChatReport; onClose: () => void }) {
  const [span, setSpan] = useState<BanSpan | "none">("none");
  const [deletes, setDeletes] = useState(true);
  const decide = useDecision(report.id);
  const submit = () => {
    const ban = span === "none" ? {} : { ban_until: endOf(span) };
    decide.mutate({ status: "upheld", delete_message: deletes, ...ban }, { onSuccess: onClose });
  };
  return (
    <FormDialog
      title="Uphold this report?"
      action="Uphold"
      danger
      busy={decide.isPending}
      error={decide.error}
      onSubmit={submit}
      onClose={onClose}
    >
      <p className="text-muted">
        All open reports of this message are settled. Nobody is told who reported it.
      </p>
      <Checkbox
        label="Delete the message for everybody"
        checked={deletes}
        onChange={(event) => setDeletes(event.target.checked)}
      />
      <Select
        label={`Keep ${report.sender_name} from writing`}
        value={span}
        options={[{ value: "none", label: "No" }, ...banSpans]}
        onChange={setSpan}
      />
    </FormDialog>
  );
}
