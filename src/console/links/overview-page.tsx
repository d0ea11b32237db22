import { useQuery } from "@tanstack/react-query";
import { Link as RouteLink } from "wouter";
import { stoa } from "../stoa.ts";
import { Card, Failed, Loading, Page } from "../ui/page.tsx";
import { LinkRow } from "./link-row.tsx";
import { LiveCount } from "./live-count.tsx";
import { QuickCreate } from "./quick-create.tsx";
import { StatsPanel } from "./stats-panel.tsx";

/** Everything at a glance: make a link, what is clicked now, and by whom. */
const topLinks = 5;

export function OverviewPage() {
  return (
    <Page title="Overview" actions={<LiveCount />}>
      <Card className="mb-4">
        <QuickCreate />
      </Card>
      <StatsPanel
        source={{ name: "all", read: (query, signal) => stoa.stats.get(query, { signal }) }}
        between={<TopLinks />}
      />
    </Page>
  );
}

function TopLinks() {
  const links = useQuery({
    queryKey: ["links", "list", "top"],
    queryFn: ({ signal }) => stoa.links.list({ sort: "-clicks", limit: topLinks }).page({ signal }),
  });
  if (links.isPending) return <Loading rows={2} />;
  if (links.isError) {
    return <Failed what="Your links" error={links.error} retry={() => void links.refetch()} />;
  }
  const { items } = links.data;
  if (items.length === 0) {
    return (
      <p className="text-muted">
        Paste a long URL above and press Enter: the short link is then on your clipboard. Clicks on
        it show up below, as they happen. Programs do the same with an{" "}
        <RouteLink href="/keys" className="link">
          API key
        </RouteLink>
        .
      </p>
    );
  }
  return (
    <section>
      <header className="mb-2 flex items-baseline justify-between">
        <h2 className="text-sm font-semibold">Most clicked</h2>
        <RouteLink href="/links" className="link text-xs">
          All links
        </RouteLink>
      </header>
      <ul className="card divide-y divide-line">
        {items.map((link) => (
          <LinkRow key={link.id} link={link} />
        ))}
      </ul>
    </section>
  );
}
