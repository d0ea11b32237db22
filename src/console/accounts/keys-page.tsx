import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ApiKey } from "../../../sdk/types.ts";
import { ago, date, isPast, messageOf } from "../messages.ts";
import { More } from "../ui/more.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Badge, Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { KeyDialog } from "./key-dialog.tsx";

/** Keys by which programs act for one. */
export function KeysPage() {
  const [creating, setCreating] = useState(false);
  const keys = useInfiniteQuery({
    queryKey: ["keys"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => stoa.keys.list().page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const create = (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      Create a key
    </Button>
  );
  return (
    <Page
      title="API keys"
      lead="A program sends its key as a bearer token. Give each program its own, with only what it needs."
      actions={create}
    >
      {keys.isPending ? (
        <Loading />
      ) : keys.isError ? (
        <Failed what="Your keys" error={keys.error} retry={() => void keys.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="keys" title="Let a program make links" action={create}>
          With a key, a script, a shop or a newsletter tool shortens links by one request. The{" "}
          <a href="/docs" className="link">
            API reference
          </a>{" "}
          shows which.
        </Empty>
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((key) => (
            <KeyRow key={key.id} apiKey={key} />
          ))}
        </ul>
      )}
      <More
        shown={keys.hasNextPage}
        busy={keys.isFetchingNextPage}
        load={() => void keys.fetchNextPage()}
      />
      {creating && <KeyDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const queries = useQueryClient();
  const [revoking, setRevoking] = useState(false);
  const expired = apiKey.expires_at !== null && isPast(apiKey.expires_at);
  const revoke = async () => {
    try {
      await stoa.keys.revoke(apiKey.id);
    } catch (error) {
      toast(messageOf(error), "error");
      throw error;
    }
    toast(`${apiKey.name} is revoked`);
    await queries.invalidateQueries({ queryKey: ["keys"] });
  };
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-60">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          {apiKey.name}
          {expired && <Badge kind="warn">expired</Badge>}
        </p>
        <p className="text-xs text-muted">
          <span className="font-mono">{apiKey.prefix}…</span> · made {date(apiKey.created_at)} ·{" "}
          {apiKey.last_used_at ? `used ${ago(apiKey.last_used_at)}` : "never used"}
          {apiKey.expires_at && !expired && ` · ends ${ago(apiKey.expires_at)}`}
        </p>
      </div>
      <div className="flex flex-wrap gap-1">
        {apiKey.scopes.map((scope) => (
          <span key={scope} className="chip font-mono">
            {scope === "*" ? "everything" : scope}
          </span>
        ))}
      </div>
      <Button kind="danger" onClick={() => setRevoking(true)}>
        Revoke
      </Button>
      {revoking && (
        <Confirm
          title={`Revoke ${apiKey.name}?`}
          action="Revoke key"
          onConfirm={revoke}
          onClose={() => setRevoking(false)}
        >
          Programs that use it are refused from now on. This cannot be undone.
        </Confirm>
      )}
    </li>
  );
}
