import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink } from "wouter";
import type { Webhook } from "../../../sdk/types.ts";
import { withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { WebhookDialog } from "./webhook-dialog.tsx";

/** URLs that are told what happens. */
export function WebhooksPage() {
  const [creating, setCreating] = useState(false);
  const webhooks = useInfiniteQuery({
    queryKey: ["webhooks", "list"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => stoa.webhooks.list().page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = webhooks.data?.pages.flatMap((page) => page.items) ?? [];
  const create = (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      Add a webhook
    </Button>
  );
  return (
    <Page
      title="Webhooks"
      lead="Stoa posts to your URL when something happens, signs what it sends, and tries again."
      actions={create}
    >
      {webhooks.isPending ? (
        <Loading />
      ) : webhooks.isError ? (
        <Failed what="Your webhooks" error={webhooks.error} retry={() => void webhooks.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="webhooks" title="Be told, instead of asking" action={create}>
          A webhook gets a signed POST when a link is made, edited or deleted, and when its target
          dies. What fails is tried again for days and can be sent again by hand.
        </Empty>
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((webhook) => (
            <Row key={webhook.id} webhook={webhook} />
          ))}
        </ul>
      )}
      <More
        shown={webhooks.hasNextPage}
        busy={webhooks.isFetchingNextPage}
        load={() => void webhooks.fetchNextPage()}
      />
      {creating && <WebhookDialog webhook={null} onClose={() => setCreating(false)} />}
    </Page>
  );
}

function Row({ webhook }: { webhook: Webhook }) {
  return (
    <li className="flex items-center gap-3 px-4 py-3">
      <div className="min-w-0 grow">
        <RouteLink
          href={`/webhooks/${webhook.id}`}
          className="block truncate font-semibold hover:text-accent"
        >
          {withoutScheme(webhook.url)}
        </RouteLink>
        <p className="truncate text-xs text-muted">
          {webhook.description && `${webhook.description} · `}
          {webhook.event_types.join(", ")}
        </p>
      </div>
      <WebhookState webhook={webhook} />
      <Icon name="next" className="size-4 text-muted" />
    </li>
  );
}

export function WebhookState({ webhook }: { webhook: Webhook }) {
  if (webhook.disabled_reason === "gone") return <Badge kind="danger">off: it answered 410</Badge>;
  if (webhook.disabled_reason === "failing") return <Badge kind="danger">off: it failed</Badge>;
  if (!webhook.enabled) return <Badge>off</Badge>;
  if (webhook.failing_since) return <Badge kind="warn">failing</Badge>;
  return <Badge kind="good">on</Badge>;
}
