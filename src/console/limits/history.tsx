import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { LimitRuleVersion } from "../../../sdk/types.ts";
import { ago, dateTime } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { More } from "../ui/more.tsx";
import { Failed, Loading } from "../ui/page.tsx";

/** Every state of a rule, newest first: what changed, when, and by whom. */
export function History({ id }: { id: string }) {
  const versions = useInfiniteQuery({
    queryKey: ["limits", "versions", id],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.limits.rules.versions(id).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  if (versions.isPending) return <Loading />;
  if (versions.isError) {
    const retry = () => void versions.refetch();
    return <Failed what="The history" error={versions.error} retry={retry} />;
  }
  const items = versions.data.pages.flatMap((page) => page.items);
  return (
    <>
      <ol className="card divide-y divide-line" aria-label="Versions">
        {items.map((version, i) => (
          <Entry key={version.version} version={version} before={items[i + 1]} />
        ))}
      </ol>
      <More
        shown={versions.hasNextPage}
        busy={versions.isFetchingNextPage}
        load={() => void versions.fetchNextPage()}
      />
    </>
  );
}

function Entry(props: { version: LimitRuleVersion; before: LimitRuleVersion | undefined }) {
  const { version, before } = props;
  const changes = before ? changesOf(version.definition, before.definition) : [];
  return (
    <li className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-3">
      <p className="min-w-40 font-medium">
        {version.version}. {version.change === "created" ? "Made" : capital(version.change)}
      </p>
      <div className="min-w-0 grow basis-72 text-[0.8125rem]">
        {changes.length > 0 && (
          <ul>
            {changes.map(([name, from, to]) => (
              <li key={name}>
                {name.replaceAll("_", " ")}: <del className="text-muted">{from}</del>{" "}
                <span aria-hidden="true">→</span>{" "}
                <ins className="font-medium no-underline">{to}</ins>
              </li>
            ))}
          </ul>
        )}
        <p className="text-muted">
          by <Who id={version.changed_by} />
        </p>
      </div>
      <time dateTime={version.changed_at} title={dateTime(version.changed_at)} className="hint">
        {ago(version.changed_at)}
      </time>
    </li>
  );
}

function Who({ id }: { id: string | null }) {
  const own = useAccount().id;
  const found = useQuery({
    queryKey: ["lookup", `account:${id}`],
    queryFn: ({ signal }) => stoa.safety.lookUp({ owner_id: id ?? "" }, { signal }),
    enabled: id !== null && id !== own,
  });
  if (id === null) return "Stoa";
  if (id === own) return "you";
  return found.data?.owner?.name ?? `account ${id}`;
}

type Definition = LimitRuleVersion["definition"];

function changesOf(now: Definition, before: Definition): [string, string, string][] {
  return (Object.keys(now) as (keyof Definition)[]).flatMap((name) => {
    const [from, to] = [shown(before[name]), shown(now[name])];
    return from === to ? [] : [[name, from, to] as [string, string, string]];
  });
}

function shown(value: Definition[keyof Definition]): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  return value === null || value === "" ? "none" : String(value);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
