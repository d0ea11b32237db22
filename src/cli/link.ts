import type { Link } from "../systems/links/wire.ts";
import { type Call, CommandError, UsageError } from "./call.ts";
import { type LinksApi, withLinks } from "./links-api.ts";
import { tableLines } from "./terminal.ts";

/** `stoa link`: make, find and delete links. Creating prints the short URL and nothing else. */
const path = "/api/v1/links";
const pageRows = 100;
const listedMax = 100_000;
const urlShownMax = 60;

type Page = { items: Link[]; next_cursor: string | null };

export async function createLink(call: Call): Promise<number> {
  const [url] = call.args;
  const ttl = call.text("ttl-days");
  const tags = call.many("tag");
  const wish = {
    ...{ url, alias: call.text("alias"), domain: call.text("domain"), title: call.text("title") },
    ...(tags.length > 0 ? { tags } : {}),
    ...(ttl === undefined ? {} : { ttl_days: wholeNumber("ttl-days", ttl) }),
    ...(call.is("find") ? { find_or_create: true } : {}),
  };
  const link = await withLinks(call, "write", (api) => api.json<Link>("POST", path, wish));
  if (call.is("json")) call.json(link);
  else {
    for (const flag of link.flags) call.say(`Look twice at this host: ${flag}.`);
    call.print(link.short_url);
  }
  return 0;
}

export async function listLinks(call: Call): Promise<number> {
  const limit = wholeNumber("limit", call.text("limit") ?? "100");
  if (limit < 1 || limit > listedMax) throw new UsageError(`--limit: from 1 to ${listedMax}`);
  const links: Link[] = [];
  let more = true;
  await withLinks(call, "read", async (api) => {
    for (let cursor: string | null = null; more && links.length < limit;) {
      const size = Math.min(pageRows, limit - links.length);
      const query = queryOf({ ...filterOf(call), limit: String(size), cursor });
      const page: Page = await api.json<Page>("GET", `${path}?${query}`);
      links.push(...page.items);
      cursor = page.next_cursor;
      more = cursor !== null;
    }
  });
  if (call.is("json")) call.json(links);
  else {
    const rows = links.map(({ short_url, state, clicks, created_at, url }) => [
      ...[short_url, state, String(clicks), created_at.slice(0, 10)],
      url.length > urlShownMax ? `${url.slice(0, urlShownMax - 3)}...` : url,
    ]);
    const head = ["LINK", "STATE", "CLICKS", "MADE", "TARGET"];
    for (const line of tableLines([head, ...rows])) call.print(line);
  }
  if (more) call.say(`There are more; --limit ${limit * 10} shows them.`);
  return 0;
}

export async function showLink(call: Call): Promise<number> {
  const link = await withLinks(call, "read", (api) => findLink(api, call.args[0] ?? ""));
  if (call.is("json")) call.json(link);
  else {
    const fields = Object.entries(link).filter(([, value]) => !isBlank(value));
    const rows = fields.map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    for (const line of tableLines(rows)) call.print(line);
  }
  return 0;
}

export async function deleteLink(call: Call): Promise<number> {
  const link = await withLinks(call, "read", async (api) => {
    const found = await findLink(api, call.args[0] ?? "");
    await api.json("DELETE", `${path}/${found.id}`);
    return found;
  });
  call.say(`Deleted ${link.short_url}; visitors get 410 from now on.`);
  return 0;
}

/** By id, by code or alias, or by the whole short URL. */
async function findLink(api: LinksApi, text: string): Promise<Link> {
  const url = text.includes("/")
    ? URL.parse(text.includes("://") ? text : `https://${text}`)
    : null;
  const code = url ? decodeURIComponent(url.pathname.slice(1)) : text;
  const domain = url ? url.host : undefined;
  for (let cursor: string | null = null; code !== "";) {
    const query = queryOf({ search: code, state: "all", limit: String(pageRows), cursor });
    const page: Page = await api.json<Page>("GET", `${path}?${query}`);
    const found = page.items.find(
      (link) => link.code === code && (domain === undefined || link.domain === domain),
    );
    if (found) return found;
    cursor = page.next_cursor;
    if (cursor === null) break;
  }
  if (/^\d{15,19}$/.test(text)) return await api.json<Link>("GET", `${path}/${text}`);
  throw new CommandError(`there is no link "${text}" of this account; --as names another`);
}

function filterOf(call: Call): Record<string, string | undefined> {
  const state = call.text("state");
  if (state !== undefined && !["live", "ended", "all"].includes(state)) {
    throw new UsageError(`link list: --state is live, ended or all, not "${state}"`);
  }
  return { state, search: call.text("search"), tag: call.text("tag") };
}

function queryOf(fields: Record<string, string | null | undefined>): URLSearchParams {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(given as [string, string][]);
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag}: "${text}" is not a whole number`);
}

function isBlank(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
