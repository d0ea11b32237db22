import { useState } from "react";
import { Segments } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { QuarantineList, type Kind } from "./quarantine-list.tsx";
import { ReportList, type Status } from "./report-list.tsx";

/** What people reported, and what is stopped. */
const views: { value: `report:${Status}` | `stopped:${Kind}`; label: string }[] = [
  { value: "report:open", label: "To decide" },
  { value: "report:all", label: "All reports" },
  { value: "stopped:link", label: "Stopped links" },
  { value: "stopped:domain", label: "Stopped domains" },
  { value: "stopped:owner", label: "Stopped accounts" },
];

export function ReportsPage() {
  const [view, setView] = useState(views[0]?.value ?? "report:open");
  const [list, which] = view.split(":") as ["report", Status] | ["stopped", Kind];
  return (
    <Page
      title="Reports"
      lead="Links that people reported. An upheld report stops the link: visitors see a warning."
    >
      <div className="mb-4 overflow-x-auto">
        <Segments label="Show" value={view} options={views} onChange={setView} />
      </div>
      {list === "report" ? <ReportList status={which} /> : <QuarantineList kind={which} />}
    </Page>
  );
}
