import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "wouter";
import type { ListLinks } from "../../../sdk/types.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Segments, Select } from "../ui/field.tsx";
import { More } from "../ui/more.tsx";
import { Card, Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { SearchField } from "../ui/search-field.tsx";
import { LinkList } from "./link-list.tsx";
import { LinkRow } from "./link-row.tsx";
import { QuickCreate } from "./quick-create.tsx";
import { TagFilter } from "./tag-filter.tsx";

/** All links of the caller: search, filter, sort, and more as one scrolls. */
type State = NonNullable<ListLinks["state"]>;
type Sort = NonNullable<ListLinks["sort"]>;

const states: { value: State; label: string }[] = [
  { value: "live", label: "Live" },
  { value: "ended", label: "Ended" },
  { value: "all", label: "All" },
];
const sorts: { value: Sort; label: string }[] = [
  { value: "-created_at", label: "Newest first" },
  { value: "created_at", label: "Oldest first" },
  { value: "-clicks", label: "Most clicks" },
  { value: "expires_at", label: "Ends soonest" },
];
const pageSize = 50;

/** Kept in the address, so that a filtered list can be sent to somebody, or gone back to. */
function useFilters() {
  const [params, setParams] = useSearchParams();
  const known = <T extends string>(options: { value: T }[], name: string, fallback: T) =>
    options.find(({ value }) => value === params.get(name))?.value ?? fallback;
  return {
    search: params.get("search") ?? "",
    tag: params.get("tag") ?? "",
    state: known(states, "state", "live"),
    sort: known(sorts, "sort", "-created_at"),
    focus: params.has("focus"),
    change: (name: string, value: string) =>
      setParams(
        (before) => {
          if (value === "") before.delete(name);
          else before.set(name, value);
          before.delete("focus");
          return before;
        },
        { replace: true },
      ),
    reset: () => setParams({}, { replace: true }),
  };
}

type Filters = ReturnType<typeof useFilters>;

export function LinksPage() {
  const filters = useFilters();
  const [newest, setNewest] = useState("");
  return (
    <Page title="Links">
      <Card className="mb-5">
        <QuickCreate onCreated={(link) => setNewest(link.id)} />
      </Card>
      <FilterBar {...filters} />
      <Results filters={filters} newest={newest} />
    </Page>
  );
}

function FilterBar({ search, focus, state, sort, tag, change }: Filters) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <SearchField
        label="Search links"
        placeholder="Search in codes, URLs, titles and tags"
        value={search}
        focus={focus}
        onChange={(value) => change("search", value)}
      />
      <Segments
        label="State"
        value={state}
        options={states}
        onChange={(value) => change("state", value)}
      />
      <Select
        label="Order"
        hideLabel
        value={sort}
        options={sorts}
        onChange={(value) => change("sort", value)}
      />
      <TagFilter tag={tag} onTag={(value) => change("tag", value)} />
    </div>
  );
}

function Results({ filters, newest }: { filters: Filters; newest: string }) {
  const { search, tag, state, sort, change, reset } = filters;
  const links = useInfiniteQuery({
    queryKey: ["links", "list", { search, tag, state, sort }],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.links
        .list({ search, tag, state, sort, limit: pageSize })
        .page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
  if (links.isPending) return <Loading rows={6} />;
  if (links.isError) {
    return <Failed what="Your links" error={links.error} retry={() => void links.refetch()} />;
  }
  const items = links.data.pages.flatMap((page) => page.items);
  const filtered = search !== "" || tag !== "" || state !== "live";
  // A page may be short, or empty, and not be the last: the rest is loaded on.
  if (items.length === 0 && !links.hasNextPage) {
    return <NoLinks filtered={filtered} onReset={reset} />;
  }
  return (
    <>
      {items.length === 0 ? (
        <p role="status" className="py-6 text-center text-muted">
          Nothing matches so far. Looking further…
        </p>
      ) : (
        <LinkList>
          {items.map((link) => (
            <LinkRow
              key={link.id}
              link={link}
              fresh={link.id === newest}
              onTag={(value) => change("tag", value)}
            />
          ))}
        </LinkList>
      )}
      <More
        shown={links.hasNextPage}
        busy={links.isFetchingNextPage}
        load={() => void links.fetchNextPage()}
      />
    </>
  );
}

function NoLinks(props: { filtered: boolean; onReset: () => void }) {
  if (props.filtered) {
    return (
      <Empty
        icon="search"
        title="Nothing matches"
        action={<Button onClick={props.onReset}>Show all live links</Button>}
      >
        Try fewer letters, or another state: expired and deleted links are under Ended.
      </Empty>
    );
  }
  return (
    <Empty icon="links" title="Your first short link">
      Paste any long URL into the field above and press Enter. The short link is then on your
      clipboard, and everybody who follows it shows up here.
    </Empty>
  );
}
