import { segment, type Body, type Caller, type Filter, type Reply } from "./api.ts";
import { importLinks, type ImportOptions } from "./import.ts";
import type { CallOptions } from "./transport.ts";
import type {
  Click,
  CreateLink,
  Domain,
  Link,
  ListLinks,
  Operations,
  Stats,
  StatsQuery,
  TagCount,
  UpdateLink,
} from "./types.ts";

type QrOptions = Operations["get_links_id_qr"]["query"];

export function linksOf(api: Caller) {
  return {
    create: (link: CreateLink, options?: CallOptions) => api.create<Link>("/links", link, options),
    get: (id: string, options?: CallOptions) =>
      api.get<Link>(`/links/${segment(id)}`, undefined, options),
    list: (query: Omit<ListLinks, "cursor"> = {}, options?: CallOptions) =>
      api.list<Link>("/links", query, options),
    update: (id: string, change: UpdateLink, options?: CallOptions) =>
      api.patch<Link>(`/links/${segment(id)}`, change, options),
    delete: (id: string, options?: CallOptions) => api.delete(`/links/${segment(id)}`, options),
    /** By name; `prefix` is what they begin with. */
    tags: (query: Filter<"get_links_tags"> = {}, options?: CallOptions) =>
      api.list<TagCount>("/links/tags", query, options),
    /** On all links, soon after the answer; `null` takes the tag off them. */
    renameTag: (tag: string, to: string | null, options?: CallOptions) =>
      api.patch<void>("/links/tags", { tag, to }, options),
    /** Up to 1,000 at once; each has its own result, in the order given. */
    bulk: (links: CreateLink[], options?: CallOptions) =>
      api.create<Reply<"post_links_bulk">>("/links/bulk", { links }, options),
    /** What Stoa, Bitly, Kutt, YOURLS or Shlink exported. Done again, it skips what is there. */
    import: (csv: string | Blob, options: ImportOptions = {}) => importLinks(api, csv, options),
    /** All links as CSV; the answer's body can be streamed. */
    export: (options: CallOptions = {}) =>
      api.response({ ...options, method: "GET", path: "/links/export" }),
    async qr(id: string, query: QrOptions = {}, options: CallOptions = {}): Promise<Blob> {
      const path = `/links/${segment(id)}/qr`;
      const response = await api.response({ ...options, method: "GET", path, query });
      return await response.blob();
    },
    stats: (id: string, query: StatsQuery = {}, options?: CallOptions) =>
      api.get<Stats>(`/links/${segment(id)}/stats`, query, options),
    /** One by one, the latest first, as long as they are kept. */
    clicks: (id: string, query: { limit?: number } = {}, options?: CallOptions) =>
      api.list<Click>(`/links/${segment(id)}/clicks`, query, options),
  };
}

export function domainsOf(api: Caller) {
  const path = (id: string) => `/domains/${segment(id)}`;
  return {
    list: (options?: CallOptions) => api.get<Reply<"get_domains">>("/domains", undefined, options),
    create: (domain: Body<"post_domains">, options?: CallOptions) =>
      api.create<Domain>("/domains", domain, options),
    update: (id: string, change: Body<"patch_domains_id">, options?: CallOptions) =>
      api.patch<Domain>(path(id), change, options),
    delete: (id: string, options?: CallOptions) => api.delete(path(id), options),
    /** Looks for the proof now. */
    verify: (id: string, options?: CallOptions) =>
      api.post<Domain>(`${path(id)}/verify`, undefined, options),
  };
}

/** Clicks that were just counted, over all links of the caller. */
export type LiveClicks = {
  at: string;
  clicks: number;
  humans: number;
  /** The links they were on; at most 20, the busiest first. */
  links: { id: string; clicks: number; humans: number }[];
};

export function statsOf(api: Caller) {
  return {
    /** Over all of the caller's links. */
    get: (query: StatsQuery = {}, options?: CallOptions) =>
      api.get<Stats>("/stats", query, options),
    /** Clicks as they happen; reconnects by itself, and ends when the loop is left or aborted. */
    async *live(options: CallOptions = {}): AsyncGenerator<LiveClicks, void> {
      for await (const { event, data } of api.events("/stats/live", options)) {
        if (event !== "clicks") continue;
        const clicks = JSON.parse(data) as LiveClicks;
        yield { ...clicks, links: clicks.links ?? [] };
      }
    },
  };
}
