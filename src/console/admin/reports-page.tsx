import { useSearchParams } from "wouter";
import { Segments } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { LookUp } from "./look-up.tsx";
import { QuarantineList, type Kind } from "./quarantine-list.tsx";
import { ReportList, type Status } from "./report-list.tsx";

/** What people reported, what is stopped, and finding what should be. */
const views = [
  { value: "report:open", label: "To decide" },
  { value: "report:all", label: "All reports" },
  { value: "lookup", label: "Look up" },
  { value: "stopped:link", label: "Stopped links" },
  { value: "stopped:domain", label: "Stopped domains" },
  { value: "stopped:owner", label: "Stopped accounts" },
] as const;
type View = (typeof views)[number]["value"];

export function ReportsPage() {
  const [params, setParams] = useSearchParams();
  const view = views.find(({ value }) => value === params.get("view"))?.value ?? "report:open";
  const text = params.get("find") ?? "";
  const go = (to: View, find = "") => setParams({ view: to, ...(find ? { find } : {}) });
  const [list, which] = view.split(":") as ["report", Status] | ["stopped", Kind] | ["lookup"];
  const lookUp = (find: string) => go("lookup", find);
  return (
    <Page
      title="Reports"
      lead="Links that people reported. What is stopped shows a warning instead of redirecting."
    >
      <div className="mb-4">
        <Segments label="Show" value={view} options={views} onChange={go} />
      </div>
      {list === "report" && <ReportList status={which} onLookUp={lookUp} />}
      {list === "stopped" && <QuarantineList kind={which} />}
      {list === "lookup" && <LookUp key={text} text={text} onText={lookUp} />}
    </Page>
  );
}
