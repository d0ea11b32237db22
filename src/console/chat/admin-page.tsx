import { useSearchParams } from "wouter";
import { Segments } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { BanList } from "./admin-bans.tsx";
import { MessageReports } from "./admin-reports.tsx";
import { everywhere, FilterList } from "./word-filters.tsx";

/** What people reported in chat, who may not write, and which words nobody reads. */
const views = [
  { value: "open", label: "To decide" },
  { value: "upheld", label: "Upheld" },
  { value: "dismissed", label: "Dismissed" },
  { value: "bans", label: "Bans" },
  { value: "filters", label: "Word filters" },
] as const;

export function ModerationPage() {
  const [params, setParams] = useSearchParams();
  const view = views.find(({ value }) => value === params.get("view"))?.value ?? "open";
  return (
    <Page
      title="Moderation"
      lead="Messages that people reported in chat. Administrators see a message as it was reported, and nothing else of its conversation."
    >
      <div className="mb-4">
        <Segments
          label="Show"
          value={view}
          options={views}
          onChange={(next) => setParams({ view: next })}
        />
      </div>
      {view === "bans" ? (
        <BanList />
      ) : view === "filters" ? (
        <FilterList where={everywhere} />
      ) : (
        <MessageReports status={view} />
      )}
    </Page>
  );
}
