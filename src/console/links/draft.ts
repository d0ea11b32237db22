import type { Link, UpdateLink } from "../../../sdk/types.ts";
import { splitTags } from "./link-text.ts";

/** A link as it stands in the form: text where the wire has numbers, instants and nulls. */
export type Draft = {
  url: string;
  title: string;
  description: string;
  image: string;
  tags: string;
  starts_at: string;
  expires_at: string;
  max_clicks: string;
  expired_url: string;
  redirect: "301" | "302" | "307" | "308";
  password: string;
  remove_password: boolean;
  forward_query: boolean;
  forward_path: boolean;
  robots: Link["robots"];
  rules: Link["rules"];
  split: Link["split"];
};

export function draftOf(link: Link): Draft {
  return {
    url: link.url,
    title: link.title ?? "",
    description: link.description ?? "",
    image: link.image ?? "",
    tags: link.tags.join(", "),
    starts_at: toLocal(link.starts_at),
    expires_at: toLocal(link.expires_at),
    max_clicks: link.max_clicks === null ? "" : String(link.max_clicks),
    expired_url: link.expired_url ?? "",
    redirect: String(link.redirect) as Draft["redirect"],
    password: "",
    remove_password: false,
    forward_query: link.forward_query,
    forward_path: link.forward_path,
    robots: link.robots,
    rules: link.rules,
    split: link.split,
  };
}

/** What differs from the link as it was loaded. */
export function changesOf(draft: Draft, link: Link): UpdateLink {
  const before = draftOf(link);
  const changed = (name: keyof Draft) =>
    JSON.stringify(draft[name]) !== JSON.stringify(before[name]);
  const changes: UpdateLink = {};
  if (changed("url")) changes.url = draft.url.trim();
  for (const name of ["title", "description", "image", "expired_url"] as const) {
    if (changed(name)) changes[name] = draft[name].trim() || null;
  }
  if (changed("tags")) changes.tags = splitTags(draft.tags);
  for (const name of ["starts_at", "expires_at"] as const) {
    if (changed(name)) changes[name] = fromLocal(draft[name]);
  }
  if (changed("max_clicks")) changes.max_clicks = Number(draft.max_clicks) || null;
  if (changed("redirect")) changes.redirect = Number(draft.redirect) as Link["redirect"];
  if (draft.remove_password) changes.password = null;
  else if (draft.password !== "") changes.password = draft.password;
  for (const name of ["forward_query", "forward_path"] as const) {
    if (changed(name)) changes[name] = draft[name];
  }
  if (changed("robots")) changes.robots = draft.robots;
  if (changed("rules")) changes.rules = draft.rules;
  if (changed("split")) changes.split = draft.split;
  return changes;
}

/** `datetime-local` knows neither seconds nor zones: the reader's own zone is meant. */
export function toLocal(iso: string | null | undefined): string {
  if (!iso) return "";
  const at = new Date(iso);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

export function fromLocal(text: string): string | null {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
