import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink, useLocation } from "wouter";
import { NotFoundError } from "../../../sdk/errors.ts";
import type { Link } from "../../../sdk/types.ts";
import { date, messageOf, withoutScheme } from "../messages.ts";
import { StopButton } from "../admin/stop-button.tsx";
import { useAccount } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { EditForm } from "./edit-form.tsx";
import { LatestClicks } from "./latest-clicks.tsx";
import { LiveCount } from "./live-count.tsx";
import { SharePanel } from "./share-panel.tsx";
import { StateBadge } from "./link-row.tsx";
import { Warnings } from "./link-warnings.tsx";
import { StatsPanel } from "./stats-panel.tsx";

/** One link: its clicks, its settings, and ways to share it. */
const tabs = [
  { name: "clicks", label: "Clicks" },
  { name: "edit", label: "Settings" },
  { name: "share", label: "Share" },
];

export function LinkPage(props: { id: string; tab: string }) {
  const link = useQuery({
    queryKey: ["links", "one", props.id],
    queryFn: ({ signal }) => stoa.links.get(props.id, { signal }),
  });
  if (link.isPending) {
    return (
      <Page title="Link">
        <Loading rows={2} height="card" />
      </Page>
    );
  }
  if (link.isError) {
    return (
      <Page title="Link">
        {link.error instanceof NotFoundError ? (
          <Empty icon="links" title="There is no such link">
            It may belong to another account. Your own are under Links.
          </Empty>
        ) : (
          <Failed what="The link" error={link.error} retry={() => void link.refetch()} />
        )}
      </Page>
    );
  }
  return <Loaded link={link.data} tab={props.tab} />;
}

function Loaded({ link, tab }: { link: Link; tab: string }) {
  return (
    <Page
      title={withoutScheme(link.short_url)}
      lead={<Lead link={link} />}
      actions={<Actions link={link} />}
    >
      <Warnings link={link} />
      <Tabs link={link} tab={tab} />
      {tab === "edit" ? (
        <EditForm link={link} />
      ) : tab === "share" ? (
        <SharePanel link={link} />
      ) : (
        <div className="flex flex-col gap-4">
          <StatsPanel
            source={{
              name: link.id,
              read: (query, signal) => stoa.links.stats(link.id, query, { signal }),
            }}
          />
          <LatestClicks linkId={link.id} />
        </div>
      )}
    </Page>
  );
}

function Lead({ link }: { link: Link }) {
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span className="flex max-w-full min-w-0 items-center gap-1">
        <Icon name="next" className="size-3.5 shrink-0" />
        <a href={link.url} target="_blank" rel="noreferrer" className="link max-w-lg truncate">
          {withoutScheme(link.url)}
        </a>
      </span>
      <StateBadge link={link} />
      <span className="text-xs">
        made {date(link.created_at)}
        {link.expires_at && `, ends ${date(link.expires_at)}`}
      </span>
    </span>
  );
}

function Tabs({ link, tab }: { link: Link; tab: string }) {
  return (
    <nav aria-label="Link" className="mb-4 flex items-center gap-1 border-b border-line">
      {tabs.map(({ name, label }) => (
        <RouteLink
          key={name}
          href={name === "clicks" ? `/links/${link.id}` : `/links/${link.id}/${name}`}
          aria-current={tab === name ? "page" : undefined}
          className="tab"
        >
          {label}
        </RouteLink>
      ))}
      <div className="ml-auto hidden sm:block">
        <LiveCount linkId={link.id} />
      </div>
    </nav>
  );
}

function Actions({ link }: { link: Link }) {
  const { role } = useAccount();
  const [confirming, setConfirming] = useState(false);
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const remove = async () => {
    try {
      await stoa.links.delete(link.id);
    } catch (error) {
      toast(messageOf(error), "error");
      throw error;
    }
    toast("Link deleted");
    navigate("/links");
    await queries.invalidateQueries({ queryKey: ["links"] });
  };
  return (
    <>
      <CopyButton text={link.short_url} what="Short link" label="Copy" />
      <a href={link.short_url} target="_blank" rel="noreferrer" className="btn btn-plain">
        <Icon name="external" /> Follow
      </a>
      {role === "admin" && link.state !== "deleted" && (
        <StopButton
          what={{
            ...{ kind: "link", id: link.id, name: withoutScheme(link.short_url) },
            stopped: link.quarantine?.of === "link" ? link.quarantine.reason : null,
          }}
        />
      )}
      {link.state !== "deleted" && (
        <Button kind="danger" icon="trash" onClick={() => setConfirming(true)}>
          Delete
        </Button>
      )}
      {confirming && (
        <Confirm
          title="Delete this link?"
          action="Delete link"
          onConfirm={remove}
          onClose={() => setConfirming(false)}
        >
          Visitors of {withoutScheme(link.short_url)} will be told that it is gone. Its clicks stay
          in your statistics, and its code is never given to another link.
        </Confirm>
      )}
    </>
  );
}
