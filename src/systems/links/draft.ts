import type { Passwords } from "../../platform/auth/password.ts";
import { AppError, type FieldError } from "../../platform/errors/errors.ts";
import { destinations, type Rule, type Split } from "./rules.ts";
import { checkUrl, type UrlPolicy } from "./safety.ts";
import type { LinkRow } from "./store.ts";
import type { UpdateLink } from "./wire.ts";

/**
 * Checks what a caller wants a link to be and puts it into the form it is stored in. Creating
 * and editing both pass through here, so neither can store what the other refuses.
 */
export type Checked = Pick<
  LinkRow,
  | "url"
  | "url_host"
  | "title"
  | "description"
  | "image"
  | "tags"
  | "redirect"
  | "starts_at"
  | "expires_at"
  | "expired_url"
  | "max_clicks"
  | "forward_query"
  | "forward_path"
  | "rules"
  | "split"
  | "robots"
  | "click_retention_days"
  | "flags"
>;

export const blankLink: Omit<Checked, "url" | "url_host"> = {
  title: null,
  description: null,
  image: null,
  tags: [],
  redirect: 302,
  starts_at: null,
  expires_at: null,
  expired_url: null,
  max_clicks: null,
  forward_query: false,
  forward_path: false,
  rules: [],
  split: null,
  robots: "index",
  click_retention_days: null,
  flags: [],
};

/**
 * `base` is the link as it is (or blank); fields absent from `wish` stay as they are there. The
 * password is the caller's matter: it takes long to hash, which must hold no lock.
 */
export function checkLink(
  base: Omit<Checked, "url" | "url_host"> & Partial<Checked>,
  wish: UpdateLink,
  by: { policy: UrlPolicy; now: number },
): Checked {
  const problems: FieldError[] = [];
  const { policy, now } = by;
  const urls = checkUrls(wish, policy, problems);
  const starts = instant(wish.starts_at, base.starts_at);
  const expires = instant(wish.expires_at, base.expires_at);
  if (wish.expires_at && expires && expires.getTime() <= now) {
    problems.push({ field: "expires_at", message: "must be later than now" });
  }
  if (starts && expires && starts.getTime() >= expires.getTime()) {
    problems.push({ field: "starts_at", message: "must be earlier than expires_at" });
  }
  refuse(problems);
  const rules = urls.rules ?? base.rules;
  const split = urls.split === undefined ? base.split : urls.split;
  return {
    url: urls.url ?? (base.url as string),
    url_host: urls.host ?? (base.url_host as string),
    flags: urls.flags ?? base.flags,
    title: text(wish.title, base.title),
    description: text(wish.description, base.description),
    image: urls.image === undefined ? base.image : urls.image,
    tags: wish.tags ? [...new Set(wish.tags)] : Array.from(base.tags),
    redirect: wish.redirect ?? base.redirect,
    starts_at: starts,
    expires_at: expires,
    expired_url: urls.expired === undefined ? base.expired_url : urls.expired,
    max_clicks: wish.max_clicks === undefined ? base.max_clicks : wish.max_clicks,
    forward_query: wish.forward_query ?? base.forward_query,
    forward_path: wish.forward_path ?? base.forward_path,
    rules,
    split,
    robots: wish.robots ?? base.robots,
    click_retention_days:
      wish.click_retention_days === undefined
        ? base.click_retention_days
        : wish.click_retention_days,
  };
}

type CheckedUrls = {
  url?: string;
  host?: string;
  flags?: string[];
  image?: string | null;
  expired?: string | null;
  rules?: Rule[];
  split?: Split | null;
};

/** Every place a visitor may be sent to is checked alike; a hidden one is no exception. */
function checkUrls(wish: UpdateLink, policy: UrlPolicy, problems: FieldError[]): CheckedUrls {
  const out: CheckedUrls = {};
  const check = (field: string, input: string, allowed = policy) => {
    const verdict = checkUrl(input, allowed);
    if (!verdict.ok) problems.push({ field, message: verdict.message });
    return verdict.ok ? verdict : null;
  };
  if (wish.url !== undefined) {
    const verdict = check("url", wish.url);
    if (verdict) Object.assign(out, { url: verdict.url, host: verdict.host, flags: verdict.flags });
  }
  if (wish.expired_url) out.expired = check("expired_url", wish.expired_url)?.url ?? null;
  else if (wish.expired_url === null) out.expired = null;
  const webOnly = { ...policy, schemes: ["http", "https"] };
  if (wish.image) out.image = check("image", wish.image, webOnly)?.url ?? null;
  else if (wish.image === null) out.image = null;
  // What is stored is the form that was judged, never the caller's spelling of it.
  out.rules = wish.rules?.map((rule, i) => {
    const judged = { ...rule };
    for (const key of ["url", "ios_app", "android_app"] as const) {
      const url = rule[key];
      if (url !== undefined) judged[key] = check(`rules[${i}].${key}`, url)?.url ?? url;
    }
    return judged;
  });
  out.split =
    wish.split?.map((arm, i) => ({
      ...arm,
      url: check(`split[${i}].url`, arm.url)?.url ?? arm.url,
    })) ?? (wish.split === null ? null : undefined);
  return out;
}

/** The first of a link's targets that may not be visited, with the reason; for re-checks. */
export function unsafeTarget(
  row: Pick<LinkRow, "url" | "rules" | "split" | "expired_url">,
  policy: UrlPolicy,
): string | null {
  const rules = row.rules as Rule[];
  const all = [row.url, ...destinations(rules, row.split as Split | null)];
  if (row.expired_url) all.push(row.expired_url);
  for (const url of all) {
    const verdict = checkUrl(url, policy);
    if (!verdict.ok) return verdict.message;
  }
  return null;
}

function refuse(problems: FieldError[]): void {
  const first = problems[0];
  if (!first) return;
  const urlish = /url|image|rules|split/.test(first.field);
  throw new AppError(
    urlish ? "links.url_refused" : "links.invalid",
    `${first.field}: ${first.message}`,
    { fields: problems },
  );
}

function instant(wish: string | null | undefined, base: Date | null): Date | null {
  if (wish === undefined) return base;
  return wish === null ? null : new Date(wish);
}

function text(wish: string | null | undefined, base: string | null): string | null {
  if (wish === undefined) return base;
  return wish === null || wish.trim() === "" ? null : wish.trim();
}

/** Undefined leaves the password as it is, null takes it away. */
export async function hashOf(
  wish: string | null | undefined,
  passwords: Passwords,
): Promise<string | null | undefined> {
  return typeof wish === "string" ? await passwords.hash(wish) : wish;
}
