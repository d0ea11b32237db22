// Made by bin/sdk-types.ts from the OpenAPI document; do not edit.
import type { Page } from "./listing.ts";
import type {
  ChatAttachment,
  ChatBody,
  ChatMessage,
  ChatConversation,
  ChatMember,
  ChatListed,
  ChatReceipts,
  ServerFrame,
} from "./chat/frames.ts";

export type Link = {
  id: string;
  code: string;
  domain: string;
  short_url: string;
  url: string;
  state: "active" | "scheduled" | "expired" | "used_up" | "deleted" | "quarantined";
  /** Set while visitors are not sent on because something was stopped. */
  quarantine: Quarantine | null;
  title: string | null;
  description: string | null;
  image: string | null;
  tags: string[];
  redirect: 301 | 302 | 307 | 308;
  starts_at: string | null;
  expires_at: string | null;
  expired_url: string | null;
  max_clicks: number | null;
  /** Of `max_clicks`. */
  clicks_used: number;
  has_password: boolean;
  forward_query: boolean;
  forward_path: boolean;
  rules: Rule[];
  split: SplitTarget[] | null;
  robots: "index" | "noindex";
  click_retention_days: number | null;
  /** Why a link to this host deserves a second look: `mixed_script`, `look_alike`. */
  flags: string[];
  /** Set since when the daily check found the target gone. */
  dead_since: string | null;
  /** All but those of the latest seconds. */
  clicks: number;
  created_at: string;
  updated_at: string;
};

export type Quarantine = {
  of: "link" | "domain" | "owner";
  reason: string;
};

export type SplitTarget = {
  url: string;
  weight: number;
};

export type CreateLink = {
  /** Where it leads: http, https or one of the app schemes in the config. */
  url: string;
  /** When it ends; null is never. */
  expires_at?: string | null;
  /** Until then its code is as unknown. */
  starts_at?: string | null;
  /** How many visitors are sent on before it is used up, exact to the click. */
  max_clicks?: number | null;
  /** Where it leads once it ended, instead of a 410. */
  expired_url?: string | null;
  /** The status of the redirect. 302 where nothing is said. */
  redirect?: 301 | 302 | 307 | 308;
  /** For you, and for previews of the link. */
  title?: string | null;
  /** For previews of the link. */
  description?: string | null;
  /** For previews of the link, in place of the target's own. */
  image?: string | null;
  tags?: string[];
  /** Asked of every visitor. */
  password?: string | null;
  /** Add the visitor's query string to that of the target. */
  forward_query?: boolean;
  /** Add what follows the code to the path of the target. */
  forward_path?: boolean;
  /** Other targets for some visitors; the first that matches counts. */
  rules?: Rule[];
  /** Targets by weight, for visitors whom no rule matches; each keeps theirs. */
  split?: SplitTarget[] | null;
  /** Whether search engines may list the short link. */
  robots?: "index" | "noindex";
  /** Days that this link's raw clicks are kept; null is the configured term. */
  click_retention_days?: number | null;
  /** A code of your own: letters, digits, - and _. Made up where it is absent. */
  alias?: string;
  /** Host of a verified domain; Stoa's own where it is absent. */
  domain?: string;
  /** Days to live, instead of `expires_at`; 0 is for ever. */
  ttl_days?: number;
  /** Answer the caller's live link to the same URL and domain, where there is one. */
  find_or_create?: boolean;
};

export type UpdateLink = {
  /** Where it leads: http, https or one of the app schemes in the config. */
  url?: string;
  /** When it ends; null is never. */
  expires_at?: string | null;
  /** Until then its code is as unknown. */
  starts_at?: string | null;
  /** How many visitors are sent on before it is used up, exact to the click. */
  max_clicks?: number | null;
  /** Where it leads once it ended, instead of a 410. */
  expired_url?: string | null;
  /** The status of the redirect. 302 where nothing is said. */
  redirect?: 301 | 302 | 307 | 308;
  /** For you, and for previews of the link. */
  title?: string | null;
  /** For previews of the link. */
  description?: string | null;
  /** For previews of the link, in place of the target's own. */
  image?: string | null;
  tags?: string[];
  /** Asked of every visitor. */
  password?: string | null;
  /** Add the visitor's query string to that of the target. */
  forward_query?: boolean;
  /** Add what follows the code to the path of the target. */
  forward_path?: boolean;
  /** Other targets for some visitors; the first that matches counts. */
  rules?: Rule[];
  /** Targets by weight, for visitors whom no rule matches; each keeps theirs. */
  split?: SplitTarget[] | null;
  /** Whether search engines may list the short link. */
  robots?: "index" | "noindex";
  /** Days that this link's raw clicks are kept; null is the configured term. */
  click_retention_days?: number | null;
};

export type ListLinks = {
  /** `next_cursor` of the page before. */
  cursor?: string;
  limit?: number;
  /** Words in code, URL, title or tags. */
  search?: string;
  tag?: string;
  domain?: string;
  state?: "live" | "ended" | "all";
  sort?: "-created_at" | "created_at" | "-clicks" | "expires_at";
};

export type Rule = {
  /** All that is said must hold; of a list, one is enough. */
  if: {
    device?: ("mobile" | "tablet" | "desktop")[];
    os?: ("ios" | "android" | "windows" | "macos" | "linux" | "chromeos" | "other")[];
    /** `de` matches de-CH too; `de-CH` matches only itself and what is below it. */
    language?: string[];
    country?: string[];
    /** Compared without case and accents. */
    city?: string[];
    /** Every one must be in the query string; without `value`, any value will do. */
    query?: {
      name: string;
      value?: string;
    }[];
    address?: string[];
    from?: string;
    /** The first instant that is no longer matched. */
    until?: string;
  };
  /** Where those lead whom it concerns. */
  url: string;
  /** Opened on iOS instead; `url` remains the fallback. */
  ios_app?: string;
  /** Opened on Android instead; `url` is the fallback. */
  android_app?: string;
};

export type BulkResult =
  | {
      status: 201;
      link: Link;
    }
  | {
      status: number;
      code: string;
      detail: string;
      errors?: {
        field: string;
        message: string;
      }[];
    };

export type PageQuery = {
  cursor?: string;
  limit?: number;
};

export type TagCount = {
  tag: string;
  links: number;
};

export type Domain = {
  id: string;
  host: string;
  /** Put this in a TXT record of `_stoa.<host>`, or serve it at the well-known path. */
  verification: {
    txt_name: string;
    txt_value: string;
    well_known_url: string;
  };
  /** Null until its proof was found. */
  verified_at: string | null;
  /** Set while the domain or its owner is stopped: none of its links redirects. */
  quarantine: Quarantine | null;
  /** `people` codes are case-insensitive, free of look-alikes and tell a typo. */
  alphabet: "base62" | "people";
  /** Where the bare host leads. */
  root_url: string | null;
  /** Where unknown codes lead. */
  not_found_url: string | null;
  created_at: string;
};

export type Stats = {
  from: string;
  to: string;
  interval: StatsInterval;
  group_by: StatsGroup;
  /** Clicks up to this instant are in the numbers. */
  as_of: string;
  totals: {
    clicks: number;
    humans: number;
    bots: number;
    unfurlers: number;
    prefetches: number;
    /** HyperLogLog estimate; a person counts once a day. */
    unique_visitors: number;
    new_visitors: number;
  };
  /** `key` is an instant for `time`, else the value; "" is unknown. */
  rows: {
    key: string;
    clicks: number;
    unique_visitors: number | null;
  }[];
};

export type StatsQuery = {
  /** Thirty days ago where it is absent. */
  from?: string;
  /** Now where it is absent. */
  to?: string;
  interval?: StatsInterval;
  /** `time` gives the curve, the others the top. */
  group_by?: StatsGroup;
  /** Whose clicks count: people only, or everything that asked. */
  traffic?: "human" | "all";
  limit?: number;
};

export type StatsInterval = "hour" | "day" | "week" | "month";

export type StatsGroup =
  | "time"
  | "country"
  | "city"
  | "referrer"
  | "device"
  | "browser"
  | "os"
  | "utm_source"
  | "utm_medium"
  | "utm_campaign"
  | "kind";

export type Click = {
  at: string;
  kind: "human" | "bot" | "unfurler" | "prefetch";
  /** What gave it away: `slack`, `program:curl`, `browser`. "" where it is not kept. */
  reason: string;
  /** Of this link, today. */
  new_visitor: boolean;
  /** Asked for by `DNT` or `Sec-GPC`: only time and kind are kept. */
  do_not_track: boolean;
  /** ISO 3166-1, two letters; "" is unknown, here and below. */
  country: string;
  city: string;
  device: string;
  browser: string;
  os: string;
  app: string;
  referrer: string;
  utm_source: string;
  utm_medium: string;
  utm_campaign: string;
  utm_term: string;
  utm_content: string;
};

export type Webhook = {
  id: string;
  url: string;
  description: string;
  event_types: string[];
  enabled: boolean;
  /** `gone`: it answered 410. `failing`: no success for three days. Null: not by itself. */
  disabled_reason: "gone" | "failing" | null;
  /** Since when every attempt has failed; null after a success. */
  failing_since: string | null;
  created_at: string;
  updated_at: string;
};

export type WebhookWithSecret = {
  id: string;
  url: string;
  description: string;
  event_types: string[];
  enabled: boolean;
  /** `gone`: it answered 410. `failing`: no success for three days. Null: not by itself. */
  disabled_reason: "gone" | "failing" | null;
  /** Since when every attempt has failed; null after a success. */
  failing_since: string | null;
  created_at: string;
  updated_at: string;
  /** Signs what is sent; shown here and never again. */
  secret: string;
};

export type Delivery = {
  id: string;
  event_id: string;
  event_type: string;
  status: "pending" | "delivered" | "dead";
  attempts: number;
  next_attempt_at: string | null;
  last_attempt_at: string | null;
  duration_ms: number | null;
  response_status: number | null;
  /** The first 2 KB. */
  response_body: string | null;
  error: string | null;
  created_at: string;
};

export type Report = {
  id: string;
  link_id: string;
  owner_id: string;
  short_url: string;
  url: string;
  /** What is stopped already, and why; null where nothing is. */
  quarantine: Quarantine | null;
  reason: ReportReason;
  detail: string;
  contact: string;
  status: "open" | "upheld" | "dismissed";
  created_at: string;
  decided_at: string | null;
  decided_by: string | null;
};

export type ReportReason = "phishing" | "malware" | "spam" | "illegal" | "other";

export type StopReason = {
  reason: string;
};

export type Lookup = {
  /** Null where a host or an account was asked for. */
  link: Link | null;
  /** Null on Stoa's own host, which cannot be stopped, and where an account was asked for. */
  domain: {
    id: string;
    host: string;
    stopped: string | null;
  } | null;
  /** Null where the account is deleted. */
  owner: {
    id: string;
    name: string;
    email: string | null;
    stopped: string | null;
  } | null;
};

export type Quarantined = {
  kind: "link" | "owner" | "domain";
  id: string;
  owner_id: string;
  /** Short URL, host or account id. */
  name: string;
  url: string | null;
  reason: string;
};

export type Account = {
  id: string;
  email: string | null;
  name: string;
  role: "admin" | "member";
  /** What rules of rate limits may tell apart. */
  tier: string;
  /** While it is so, only routes of accounts are open. */
  must_change_password: boolean;
  disabled_at: string | null;
  created_at: string;
};

export type SignedIn = {
  access_token: string;
  token_type: "Bearer";
  /** Seconds. */
  expires_in: number;
  /** Null when it was set as a cookie. */
  refresh_token: string | null;
  account: Account;
};

export type Session = {
  id: string;
  user_agent: string;
  address: string;
  /** Whether it is the one asking. */
  current: boolean;
  created_at: string;
  /** When it last refreshed. */
  rotated_at: string;
  expires_at: string;
};

export type ApiKey = {
  id: string;
  name: string;
  /** The first characters, to tell keys apart. */
  prefix: string;
  scopes: string[];
  expires_at: string | null;
  /** To the minute. */
  last_used_at: string | null;
  created_at: string;
};

export type AuditEntry = {
  id: string;
  account_id: string | null;
  actor_id: string | null;
  actor_kind: "session" | "key" | "outside" | "system";
  credential_id: string | null;
  action: string;
  target: string;
  detail: Record<string, unknown>;
  address: string | null;
  request_id: string | null;
  occurred_at: string;
};

export type LimitRule = {
  id: string;
  /** What programs ask by; what stands before a dot is its policy. */
  name: string;
  description: string;
  enabled: boolean;
  /** `shadow` refuses nobody and counts what it would have refused. */
  mode: LimitMode;
  /** Only asked for by name, never by the guard in front of routes. */
  service: boolean;
  /** Whom it concerns, by the tier of the account. Empty: all. */
  tiers: string[];
  /** Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all. */
  routes: string[];
  /** Empty: all. */
  methods: LimitMethod[];
  /** `list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule. */
  algorithm: LimitAlgorithm;
  /** Units in each window, or places at once for `concurrency`. */
  limit: number;
  /** Of a `quota` none: it is a month. Of `concurrency`: the longest hold. */
  window_ms: number;
  /** Of a token bucket: units at once. Null: `limit`. */
  burst: number | null;
  /** Units that a request takes which does not say. */
  cost: number;
  /** What is counted for itself: `api_key`, `user`, `ip`, `tier`, `route`, `global`. */
  key: string[];
  /** Used where a part of `key` is not known of a caller. */
  key_fallback: string[];
  /** With Redis: every unit asked there, blocks of units held here, or told afterwards. */
  accuracy: LimitAccuracy;
  /** Of a leased rule: in how many parts it is kept, each on a core of Redis. Null: in one. */
  sub_keys: number | null;
  /** Null: closed for what changes something, open for what reads. */
  on_failure: LimitFailure | null;
  /** How long a refused key is blocked. */
  penalty_ms: number;
  /** Of a leaky bucket: the longest that a request is made to wait. */
  wait_ms_max: number;
  /** Of a leaky bucket: how many may wait. */
  queue_max: number;
  /** Keys, parts such as `user:42`, addresses and CIDR ranges. */
  allow: string[];
  deny: string[];
  /** Stoa itself asks for it: it keeps its name, and can be disabled but not removed. */
  preset: boolean;
  version: number;
  updated_at: string;
  /** Null: Stoa itself. */
  updated_by: string | null;
};

export type LimitMode = "enforce" | "shadow";

export type LimitMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export type LimitAlgorithm =
  | "fixed_window"
  | "sliding_log"
  | "sliding_window"
  | "token_bucket"
  | "leaky_bucket"
  | "quota"
  | "concurrency"
  | "list";

export type LimitAccuracy = "strict" | "leased" | "local";

export type LimitFailure = "open" | "closed";

export type CreateLimitRule = {
  /** What programs ask by; what stands before a dot is its policy. */
  name: string;
  /** `list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule. */
  algorithm: LimitAlgorithm;
  description?: string;
  enabled?: boolean;
  /** `shadow` refuses nobody and counts what it would have refused. */
  mode?: LimitMode;
  /** Only asked for by name, never by the guard in front of routes. */
  service?: boolean;
  /** Whom it concerns, by the tier of the account. Empty: all. */
  tiers?: string[];
  /** Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all. */
  routes?: string[];
  /** Empty: all. */
  methods?: LimitMethod[];
  /** Units in each window, or places at once for `concurrency`. */
  limit?: number;
  /** Of a `quota` none: it is a month. Of `concurrency`: the longest hold. */
  window_ms?: number;
  /** Of a token bucket: units at once. Null: `limit`. */
  burst?: number | null;
  /** Units that a request takes which does not say. */
  cost?: number;
  /** What is counted for itself: `api_key`, `user`, `ip`, `tier`, `route`, `global`. */
  key?: string[];
  /** Used where a part of `key` is not known of a caller. */
  key_fallback?: string[];
  /** With Redis: every unit asked there, blocks of units held here, or told afterwards. */
  accuracy?: LimitAccuracy;
  /** Of a leased rule: in how many parts it is kept, each on a core of Redis. Null: in one. */
  sub_keys?: number | null;
  /** Null: closed for what changes something, open for what reads. */
  on_failure?: LimitFailure | null;
  /** How long a refused key is blocked. */
  penalty_ms?: number;
  /** Of a leaky bucket: the longest that a request is made to wait. */
  wait_ms_max?: number;
  /** Of a leaky bucket: how many may wait. */
  queue_max?: number;
  /** Keys, parts such as `user:42`, addresses and CIDR ranges. */
  allow?: string[];
  deny?: string[];
};

export type UpdateLimitRule = {
  /** What programs ask by; what stands before a dot is its policy. */
  name?: string;
  description?: string;
  enabled?: boolean;
  /** `shadow` refuses nobody and counts what it would have refused. */
  mode?: LimitMode;
  /** Only asked for by name, never by the guard in front of routes. */
  service?: boolean;
  /** Whom it concerns, by the tier of the account. Empty: all. */
  tiers?: string[];
  /** Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all. */
  routes?: string[];
  /** Empty: all. */
  methods?: LimitMethod[];
  /** `list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule. */
  algorithm?: LimitAlgorithm;
  /** Units in each window, or places at once for `concurrency`. */
  limit?: number;
  /** Of a `quota` none: it is a month. Of `concurrency`: the longest hold. */
  window_ms?: number;
  /** Of a token bucket: units at once. Null: `limit`. */
  burst?: number | null;
  /** Units that a request takes which does not say. */
  cost?: number;
  /** What is counted for itself: `api_key`, `user`, `ip`, `tier`, `route`, `global`. */
  key?: string[];
  /** Used where a part of `key` is not known of a caller. */
  key_fallback?: string[];
  /** With Redis: every unit asked there, blocks of units held here, or told afterwards. */
  accuracy?: LimitAccuracy;
  /** Of a leased rule: in how many parts it is kept, each on a core of Redis. Null: in one. */
  sub_keys?: number | null;
  /** Null: closed for what changes something, open for what reads. */
  on_failure?: LimitFailure | null;
  /** How long a refused key is blocked. */
  penalty_ms?: number;
  /** Of a leaky bucket: the longest that a request is made to wait. */
  wait_ms_max?: number;
  /** Of a leaky bucket: how many may wait. */
  queue_max?: number;
  /** Keys, parts such as `user:42`, addresses and CIDR ranges. */
  allow?: string[];
  deny?: string[];
  /** The version that was read; another one by now answers 412. `If-Match` says the same. */
  version?: number;
};

export type LimitRuleVersion = {
  rule_id: string;
  version: number;
  change: "created" | "updated" | "removed";
  name: string;
  /** The rule as it was from then on; of a removed one as it was at last. */
  definition: {
    /** What programs ask by; what stands before a dot is its policy. */
    name: string;
    description: string;
    enabled: boolean;
    /** `shadow` refuses nobody and counts what it would have refused. */
    mode: LimitMode;
    /** Only asked for by name, never by the guard in front of routes. */
    service: boolean;
    /** Whom it concerns, by the tier of the account. Empty: all. */
    tiers: string[];
    /** Patterns such as `/api/v1/links`, `/api/v1/links/*` and `/{code}`. Empty: all. */
    routes: string[];
    /** Empty: all. */
    methods: LimitMethod[];
    /** `list` counts nothing: it refuses `deny`, and exempts `allow` from every other rule. */
    algorithm: LimitAlgorithm;
    /** Units in each window, or places at once for `concurrency`. */
    limit: number;
    /** Of a `quota` none: it is a month. Of `concurrency`: the longest hold. */
    window_ms: number;
    /** Of a token bucket: units at once. Null: `limit`. */
    burst: number | null;
    /** Units that a request takes which does not say. */
    cost: number;
    /** What is counted for itself: `api_key`, `user`, `ip`, `tier`, `route`, `global`. */
    key: string[];
    /** Used where a part of `key` is not known of a caller. */
    key_fallback: string[];
    /** With Redis: every unit asked there, blocks of units held here, or told afterwards. */
    accuracy: LimitAccuracy;
    /** Of a leased rule: in how many parts it is kept, each on a core of Redis. Null: in one. */
    sub_keys: number | null;
    /** Null: closed for what changes something, open for what reads. */
    on_failure: LimitFailure | null;
    /** How long a refused key is blocked. */
    penalty_ms: number;
    /** Of a leaky bucket: the longest that a request is made to wait. */
    wait_ms_max: number;
    /** Of a leaky bucket: how many may wait. */
    queue_max: number;
    /** Keys, parts such as `user:42`, addresses and CIDR ranges. */
    allow: string[];
    deny: string[];
  };
  changed_at: string;
  /** Null: Stoa itself. */
  changed_by: string | null;
};

export type LimitQuestion = {
  /** One rule by its name, whatever its tiers. */
  rule?: string;
  /** Or all rules called `<policy>` or `<policy>.something`, those of the tier. */
  policy?: string;
  /** The key itself, or its parts by name, of which each rule takes those that it names. */
  key: string | Record<string, string>;
  /** Of whoever is asked about. */
  tier?: string;
  /** Units that it takes; those of the rule where it is absent. */
  cost?: number;
};

export type LimitReport = {
  /** One rule by its name, whatever its tiers. */
  rule?: string;
  /** Or all rules called `<policy>` or `<policy>.something`, those of the tier. */
  policy?: string;
  /** The key itself, or its parts by name, of which each rule takes those that it names. */
  key: string | Record<string, string>;
  /** Of whoever is asked about. */
  tier?: string;
  /** Units that it takes. */
  cost: number;
};

export type LimitKey = {
  /** One rule by its name, whatever its tiers. */
  rule?: string;
  /** Or all rules called `<policy>` or `<policy>.something`, those of the tier. */
  policy?: string;
  /** The key itself, or its parts by name, of which each rule takes those that it names. */
  key: string | Record<string, string>;
  /** Of whoever is asked about. */
  tier?: string;
};

export type LimitAnswer = {
  allowed: boolean;
  /** The rule nearest to refusing, or that refused; null where none concerns the key. */
  rule: string | null;
  limit: number | null;
  remaining: number | null;
  reset_at: string | null;
  /** 0 when allowed; null on a deny list, where waiting is of no use. */
  retry_after_ms: number | null;
  /** How long a leaky bucket asks to wait before going on. */
  delay_ms: number;
};

export type LimitExplanation = {
  /** As the table of routes has it; null where nothing answers the path. */
  route: string | null;
  tier: string;
  allowed: boolean;
  /** All that are enabled, in the order that they are asked in. */
  rules: {
    rule: string;
    mode: LimitMode;
    /** Whether it is asked about this request. */
    applies: boolean;
    why: string;
    key: string | null;
    /** How it is counted; a list is not. */
    accuracy: LimitAccuracy | null;
    sub_keys: number | null;
    /** What it would say now; null where it is not asked. */
    state: LimitAnswer | null;
  }[];
};

export type Refusals = {
  /** Most refused first. Counts may be a little high, never low; shadow rules' are not in them. */
  keys: {
    rule: string;
    key: string;
    refused: number;
  }[];
  /** By step, rule and route; oldest first. */
  series: {
    at: string;
    rule: string;
    route: string;
    shadow: boolean;
    refused: number;
  }[];
  /** Where the last five minutes refused far more than the hour before would let expect. */
  rises: {
    rule: string;
    route: string;
    refused: number;
    expected: number;
  }[];
};

export type Arrival = {
  at_ms: number;
  cost?: number;
};

export type ChatScheduled = {
  id: string;
  conversation_id: string;
  client_msg_id: string;
  body: ChatBody;
  reply_to_seq: number | null;
  thread_seq: number | null;
  send_at: string;
  created_at: string;
  /** Why it was not sent: a code and what it says. Null while it waits. */
  failure: string | null;
};

export type Simulation = {
  fixed_window: SimulatedOutcome[];
  sliding_log: SimulatedOutcome[];
  sliding_window: SimulatedOutcome[];
  token_bucket: SimulatedOutcome[];
  leaky_bucket: SimulatedOutcome[];
};

export type SimulatedOutcome = {
  at_ms: number;
  cost: number;
  allowed: boolean;
  delay_ms: number;
  remaining: number;
  /** Null when it would never pass. */
  retry_after_ms: number | null;
};

export interface Operations {
  /** Lift a ban */
  delete_chat_admin_bans_account_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Allow a word again */
  delete_chat_admin_filters_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Unblock somebody */
  delete_chat_blocks_account_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Delete a group or channel for everybody; its owners may */
  delete_chat_conversations_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Allow a word in a conversation again */
  delete_chat_conversations_id_filters_filter_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Revoke an invite link */
  delete_chat_conversations_id_invites_invite_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Send a member away, who hears nothing from then on */
  delete_chat_conversations_id_members_account_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Delete a message for everybody: one's own for a while, as an admin any */
  delete_chat_conversations_id_messages_seq: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Unpin a message */
  delete_chat_conversations_id_messages_seq_pin: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Take a reaction back */
  delete_chat_conversations_id_messages_seq_reactions_emoji: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Call a message off that was to be sent later */
  delete_chat_scheduled_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Remove a domain that has no links */
  delete_domains_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Revoke an API key at once and for good */
  delete_keys_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Remove a rule; its versions stay */
  delete_limits_rules_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Remove a link; visitors get 410, its history stays */
  delete_links_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Sign out everywhere */
  delete_sessions: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Sign out: the session of the access token, of the cookie, or both */
  delete_sessions_current: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Sign out one device */
  delete_sessions_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Delete a webhook with its deliveries */
  delete_webhooks_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** The account that is calling */
  get_account: {
    query: undefined;
    body: undefined;
    reply: Account;
  };
  /** All accounts, newest first */
  get_accounts: {
    query: {
      cursor?: string;
      limit?: number;
      /** Part of an e-mail address or a name. */
      search?: string;
    };
    body: undefined;
    reply: Page<Account>;
  };
  /** Jobs that failed for good, newest first */
  get_admin_dead_letters: {
    query: {
      cursor?: string;
      limit?: number;
      kind?: string;
    };
    body: undefined;
    reply: Page<{
      id: string;
      kind: string;
      payload: unknown;
      attempts: number;
      error: string;
      died_at: string;
    }>;
  };
  /** Events of the last days, newest first */
  get_admin_events: {
    query: {
      cursor?: string;
      limit?: number;
      type?: string;
      owner_id?: string;
    };
    body: undefined;
    reply: Page<{
      id: string;
      type: string;
      owner_id: string | null;
      data: unknown;
      occurred_at: string;
    }>;
  };
  /** The state of the process that answers: its database, its age and its metrics */
  get_admin_health: {
    query: undefined;
    body: undefined;
    reply: {
      version: string;
      started_at: string;
      ready: boolean;
      /** Null when the database did not answer in time. */
      database_ms: number | null;
      /** In the Prometheus text format, as `/metrics` answers. */
      metrics: string;
    };
  };
  /** Find what may have to be stopped, by a short URL, a host or an account's id */
  get_admin_lookup: {
    query: {
      short_url?: string;
      host?: string;
      owner_id?: string;
    };
    body: undefined;
    reply: Lookup;
  };
  /** List the links, owners or domains that are stopped */
  get_admin_quarantine: {
    query: {
      cursor?: string;
      limit?: number;
      kind?: "link" | "owner" | "domain";
    };
    body: undefined;
    reply: Page<Quarantined>;
  };
  /** List what people reported, newest first */
  get_admin_reports: {
    query: {
      cursor?: string;
      limit?: number;
      status?: "open" | "upheld" | "dismissed" | "all";
    };
    body: undefined;
    reply: Page<Report>;
  };
  /** The audit log, newest first: one's own, or as an administrator anybody's */
  get_audit: {
    query: {
      cursor?: string;
      limit?: number;
      action?: string;
      account_id?: string;
    };
    body: undefined;
    reply: Page<AuditEntry>;
  };
  /** Who is banned or was, until when and why */
  get_chat_admin_bans: {
    query: PageQuery;
    body: undefined;
    reply: Page<{
      account_id: string;
      name: string;
      banned_until: string;
      ban_reason: string | null;
      banned_at: string;
      banned_by: string;
    }>;
  };
  /** The words that are refused or masked everywhere */
  get_chat_admin_filters: {
    query: undefined;
    body: undefined;
    reply: {
      items: {
        id: string;
        text: string;
        /** Refuse the message, or store it with the word covered by asterisks. */
        action: "refuse" | "mask";
        /** Also within words, and in scripts that put no space between them. */
        anywhere: boolean;
      }[];
    };
  };
  /** All that chat has of one person, as lines of JSON; the audit log says so */
  get_chat_admin_people_account_id_export: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Reported messages, newest first */
  get_chat_admin_reports: {
    query: {
      cursor?: string;
      limit?: number;
      status?: "open" | "upheld" | "dismissed";
    };
    body: undefined;
    reply: Page<{
      id: string;
      conversation_id: string;
      seq: number;
      sender_id: string;
      sender_name: string;
      reporter_id: string;
      reason: "spam" | "abuse" | "threat" | "sexual" | "illegal" | "other";
      comment: string;
      /** What the message said when it was reported. */
      body: ChatBody | null;
      status: "open" | "upheld" | "dismissed";
      created_at: string;
      decided_at: string | null;
      decided_by: string | null;
    }>;
  };
  /** Whom the caller blocked; clients mark or hide by it what they write in groups */
  get_chat_blocks: {
    query: PageQuery;
    body: undefined;
    reply: Page<{
      account_id: string;
      name: string;
      created_at: string;
    }>;
  };
  /** The caller's conversations, most recently moved first */
  get_chat_conversations: {
    query: PageQuery;
    body: undefined;
    reply: Page<ChatListed>;
  };
  /** A conversation, and what it is to the caller */
  get_chat_conversations_id: {
    query: undefined;
    body: undefined;
    reply: ChatListed;
  };
  /** What changed after a rev, in pages, as the frames that told it */
  get_chat_conversations_id_changes: {
    query: {
      since: number;
      limit?: number;
    };
    body: undefined;
    reply: {
      frames: ServerFrame[];
      rev: number;
      more: boolean;
    };
  };
  /** The words that a conversation refuses or masks, for who runs it */
  get_chat_conversations_id_filters: {
    query: undefined;
    body: undefined;
    reply: {
      items: {
        id: string;
        text: string;
        /** Refuse the message, or store it with the word covered by asterisks. */
        action: "refuse" | "mask";
        /** Also within words, and in scripts that put no space between them. */
        anywhere: boolean;
      }[];
    };
  };
  /** The invite links that are still good, newest first */
  get_chat_conversations_id_invites: {
    query: undefined;
    body: undefined;
    reply: {
      items: {
        id: string;
        conversation_id: string;
        created_by: string;
        created_at: string;
        expires_at: string | null;
        uses_max: number | null;
        uses: number;
      }[];
    };
  };
  /** The members of a conversation; those of a channel for who runs it */
  get_chat_conversations_id_members: {
    query: PageQuery;
    body: undefined;
    reply: Page<ChatMember>;
  };
  /** Messages around any message, by their order; also up to where somebody left */
  get_chat_conversations_id_messages: {
    query: {
      before?: number;
      after?: number;
      around?: number;
      /** Only the replies of the thread of this message, oldest first, after `after`. */
      thread?: number;
      limit?: number;
    };
    body: undefined;
    reply: {
      items: ChatMessage[];
      more_before: boolean;
      more_after: boolean;
    };
  };
  /** A message */
  get_chat_conversations_id_messages_seq: {
    query: undefined;
    body: undefined;
    reply: ChatMessage;
  };
  /** A link to a file of a message, or to its thumbnail, good for a quarter of an hour */
  get_chat_conversations_id_messages_seq_attachments_n: {
    query: {
      thumbnail?: "0" | "1";
    };
    body: undefined;
    reply: {
      url: string;
      expires_at: string;
    };
  };
  /** Whom a message reached and who read it */
  get_chat_conversations_id_messages_seq_receipts: {
    query: PageQuery;
    body: undefined;
    reply: Page<{
      account_id: string;
      delivered: boolean;
      read: boolean;
    }>;
  };
  /** The pinned messages, latest pinned first */
  get_chat_conversations_id_pins: {
    query: undefined;
    body: undefined;
    reply: {
      items: ChatMessage[];
    };
  };
  /** How far the messages of a direct conversation or group got */
  get_chat_conversations_id_receipts: {
    query: undefined;
    body: undefined;
    reply: ChatReceipts;
  };
  /** The frames of the chat as an event stream, for networks that block WebSockets */
  get_chat_events: {
    query: {
      device_id: string;
    };
    body: undefined;
    reply: void;
  };
  /** Where an invite link leads to, before one follows it */
  get_chat_invites_token: {
    query: undefined;
    body: undefined;
    reply: {
      kind: "direct" | "group" | "channel";
      /** Empty for a direct conversation, which is called after the other person. */
      title: string;
      description: string;
      member_count: number;
    };
  };
  /** Find people by name, however it is typed, or by the whole e-mail address */
  get_chat_people: {
    query: {
      q: string;
    };
    body: undefined;
    reply: {
      items: {
        account_id: string;
        name: string;
      }[];
    };
  };
  /** Messages that wait to be sent, and those that could not be */
  get_chat_scheduled: {
    query: undefined;
    body: undefined;
    reply: {
      items: ChatScheduled[];
    };
  };
  /** Messages with all of these words, the last of which may be its beginning */
  get_chat_search: {
    query: {
      q: string;
      conversation_id?: string;
      sender?: string;
      /** `next_cursor` of the page before: the id of a message. */
      before?: string;
      limit?: number;
    };
    body: undefined;
    reply: Page<ChatMessage>;
  };
  /** Get a file by a link to it, whole or in part */
  get_chat_uploads_upload_id: {
    query: {
      variant: "whole" | "thumbnail";
      name?: string;
      /** Milliseconds since 1970. */
      expires: number;
      signature: string;
    };
    body: undefined;
    reply: void;
  };
  /** List your domains */
  get_domains: {
    query: undefined;
    body: undefined;
    reply: {
      items: Domain[];
    };
  };
  /** Whether a certificate may be had for a host (Caddy on-demand TLS) */
  get_domains_ask: {
    query: {
      domain: string;
    };
    body: undefined;
    reply: void;
  };
  /** One's API keys, newest first */
  get_keys: {
    query: PageQuery;
    body: undefined;
    reply: Page<ApiKey>;
  };
  /** Which rules concern a request, in what order, with what state, and why */
  get_limits_explain: {
    query: {
      method?: LimitMethod;
      /** As it is asked for, such as `/api/v1/links/123`, without host and query. */
      path: string;
      address?: string;
      account_id?: string;
      api_key_id?: string;
      tier?: string;
    };
    body: undefined;
    reply: LimitExplanation;
  };
  /** The most refused keys, refusals by rule and route over time, and sudden rises */
  get_limits_refusals: {
    query: {
      since?: string;
      until?: string;
      rule?: string;
      step?: "minute" | "hour" | "day";
    };
    body: undefined;
    reply: Refusals;
  };
  /** All rules, by name, and the tiers that they may tell apart */
  get_limits_rules: {
    query: undefined;
    body: undefined;
    reply: {
      items: LimitRule[];
      tiers: string[];
    };
  };
  /** One rule */
  get_limits_rules_id: {
    query: undefined;
    body: undefined;
    reply: LimitRule;
  };
  /** Every state of a rule, newest first, with who changed it; of a removed one too */
  get_limits_rules_id_versions: {
    query: {
      cursor?: number;
      limit?: number;
    };
    body: undefined;
    reply: Page<LimitRuleVersion>;
  };
  /** List links, newest first */
  get_links: {
    query: ListLinks;
    body: undefined;
    reply: Page<Link>;
  };
  /** All of one's links as CSV, which an import reads back */
  get_links_export: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Read a link */
  get_links_id: {
    query: undefined;
    body: undefined;
    reply: Link;
  };
  /** The latest clicks of a link, one by one */
  get_links_id_clicks: {
    query: PageQuery;
    body: undefined;
    reply: Page<Click>;
  };
  /** The QR code of a link as SVG or PNG */
  get_links_id_qr: {
    query: {
      format?: "svg" | "png";
      /** Pixels a side. */
      size?: number;
      /** Modules around it; readers want four. */
      margin?: number;
      dark?: string;
      light?: string;
      /** Of error correction, least first. */
      level?: "L" | "M" | "Q" | "H";
    };
    body: undefined;
    reply: void;
  };
  /** Clicks of a link over time or by country, referrer, device and more */
  get_links_id_stats: {
    query: StatsQuery;
    body: undefined;
    reply: Stats;
  };
  /** List your tags and how many links carry them */
  get_links_tags: {
    query: {
      /** `next_cursor` of the page before. */
      cursor?: string;
      limit?: number;
      /** What the tags begin with. */
      prefix?: string;
    };
    body: undefined;
    reply: Page<TagCount>;
  };
  /** Clicks on codes that nobody has made, newest first */
  get_orphans: {
    query: PageQuery;
    body: undefined;
    reply: Page<{
      at: string;
      code: string;
      kind: string;
      reason: string;
      country: string;
      referrer: string;
    }>;
  };
  /** The devices that are signed in, the last active first */
  get_sessions: {
    query: undefined;
    body: undefined;
    reply: {
      items: Session[];
    };
  };
  /** Clicks of all your links together */
  get_stats: {
    query: StatsQuery;
    body: undefined;
    reply: Stats;
  };
  /** Clicks of all your links as they happen: an event stream */
  get_stats_live: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Your webhooks, newest first */
  get_webhooks: {
    query: PageQuery;
    body: undefined;
    reply: Page<Webhook>;
  };
  /** One of your webhooks */
  get_webhooks_id: {
    query: undefined;
    body: undefined;
    reply: Webhook;
  };
  /** What was sent to a webhook and what came back, newest first */
  get_webhooks_id_deliveries: {
    query: {
      cursor?: string;
      limit?: number;
      status?: "pending" | "delivered" | "dead";
    };
    body: undefined;
    reply: Page<Delivery>;
  };
  /** Change one's name, or one's password (signs out every other session) */
  patch_account: {
    query: undefined;
    body: {
      name?: string;
      password?: string;
      current_password?: string;
    };
    reply: Account;
  };
  /** Change an account's role or plan, disable or enable it, or give it another password */
  patch_accounts_id: {
    query: undefined;
    body: {
      role?: "admin" | "member";
      tier?: string;
      disabled?: boolean;
      password?: string;
    };
    reply: Account;
  };
  /** Change how a conversation is set up; of a direct one only how long messages stay */
  patch_chat_conversations_id: {
    query: undefined;
    body: {
      title?: string;
      description?: string;
      /** `admins`: only owners and admins send. */
      send_by?: "members" | "admins";
      /** Between two messages of one member; 0 is none. */
      slow_mode_seconds?: number;
      /** How long messages that are sent from now on stay; null is for ever. */
      disappear_seconds?: number | null;
      publishes_events?: boolean;
    };
    reply: ChatConversation;
  };
  /** Give a member another role; owners may */
  patch_chat_conversations_id_members_account_id: {
    query: undefined;
    body: {
      role: "owner" | "admin" | "member";
    };
    reply: void;
  };
  /** Change the text of one's own message, for a while after it was sent */
  patch_chat_conversations_id_messages_seq: {
    query: undefined;
    body: {
      text: string;
      /** All that the new text names. */
      mentions?: string[];
    };
    reply: ChatMessage;
  };
  /** Mute or archive a conversation, for oneself and on all devices */
  patch_chat_conversations_id_own: {
    query: undefined;
    body: {
      /** Null: not muted. */
      muted_until?: string | null;
      archived?: boolean;
    };
    reply: void;
  };
  /** Change what is sent later, or when; also of one that could not be sent */
  patch_chat_scheduled_id: {
    query: undefined;
    body: {
      text?: string;
      /** All that the new text names. */
      mentions?: string[];
      send_at?: string;
    };
    reply: ChatScheduled;
  };
  /** Change a domain's alphabet and its root and not-found redirects */
  patch_domains_id: {
    query: undefined;
    body: {
      alphabet?: "base62" | "people";
      root_url?: string | null;
      not_found_url?: string | null;
    };
    reply: Domain;
  };
  /** Rename an API key; what it may do cannot be changed */
  patch_keys_id: {
    query: undefined;
    body: {
      name: string;
    };
    reply: ApiKey;
  };
  /** Change a rule; new numbers apply to what was used already */
  patch_limits_rules_id: {
    query: undefined;
    body: UpdateLimitRule;
    reply: LimitRule;
  };
  /** Change a link; the next visitor gets the new one */
  patch_links_id: {
    query: undefined;
    body: UpdateLink;
    reply: Link;
  };
  /** Rename a tag on all your links, or take it off them; done soon after the answer */
  patch_links_tags: {
    query: undefined;
    body: {
      tag: string;
      /** The new name; one that exists already takes the links of both. Null: none. */
      to: string | null;
    };
    reply: void;
  };
  /** Change a webhook; enabling it again forgets its failures */
  patch_webhooks_id: {
    query: undefined;
    body: {
      url?: string;
      description?: string;
      /** What is sent: `links.created`, `links.*`, or `*` for everything. */
      event_types?: string[];
      enabled?: boolean;
    };
    reply: Webhook;
  };
  /** Delete one's account and all that it owns; needs the password again */
  post_account_delete: {
    query: undefined;
    body: {
      current_password: string;
    };
    reply: void;
  };
  /** Sign up; or, as an administrator, create an account with a temporary password */
  post_accounts: {
    query: undefined;
    body: {
      email: string;
      password: string;
      name?: string;
    };
    reply: Account;
  };
  /** Delete an account; what it owns goes to `transfer_to`, or is erased where that is null */
  post_accounts_id_delete: {
    query: undefined;
    body: {
      transfer_to: string | null;
    };
    reply: void;
  };
  /** Put a dead job back into the queue */
  post_admin_dead_letters_id_replay: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Stop one of the domains: visitors see a warning */
  post_admin_domains_id_quarantine: {
    query: undefined;
    body: StopReason;
    reply: void;
  };
  /** Let one of the domains that was stopped redirect again */
  post_admin_domains_id_release: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Hand an event out again, to one subscription or to all of its type */
  post_admin_events_id_replay: {
    query: undefined;
    body: {
      subscription?: string;
    };
    reply: {
      deliveries: number;
    };
  };
  /** Stop one of the links: visitors see a warning */
  post_admin_links_id_quarantine: {
    query: undefined;
    body: StopReason;
    reply: void;
  };
  /** Let one of the links that was stopped redirect again */
  post_admin_links_id_release: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Stop one of the owners: visitors see a warning */
  post_admin_owners_id_quarantine: {
    query: undefined;
    body: StopReason;
    reply: void;
  };
  /** Let one of the owners that was stopped redirect again */
  post_admin_owners_id_release: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Uphold a report, which stops the link, or dismiss it */
  post_admin_reports_id_decide: {
    query: undefined;
    body: {
      decision: "uphold" | "dismiss";
    };
    reply: void;
  };
  /** Refuse or mask a word everywhere, from the next message on */
  post_chat_admin_filters: {
    query: undefined;
    body: {
      text: string;
      /** Refuse the message, or store it with the word covered by asterisks. */
      action: "refuse" | "mask";
      /** Also within words, and in scripts that put no space between them. */
      anywhere?: boolean;
    };
    reply: {
      id: string;
      text: string;
      /** Refuse the message, or store it with the word covered by asterisks. */
      action: "refuse" | "mask";
      /** Also within words, and in scripts that put no space between them. */
      anywhere: boolean;
    };
  };
  /** Erase all that one person said and did in chat, for good; done soon afterwards */
  post_chat_admin_people_account_id_erase: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Decide a report, and with it all open ones of that message; maybe ban its sender */
  post_chat_admin_reports_id_decide: {
    query: undefined;
    body: {
      status: "upheld" | "dismissed";
      /** Deletes the message, for everybody. */
      delete_message?: boolean;
      /** Bans the sender until then. */
      ban_until?: string;
    };
    reply: {
      id: string;
      conversation_id: string;
      seq: number;
      sender_id: string;
      sender_name: string;
      reporter_id: string;
      reason: "spam" | "abuse" | "threat" | "sexual" | "illegal" | "other";
      comment: string;
      /** What the message said when it was reported. */
      body: ChatBody | null;
      status: "open" | "upheld" | "dismissed";
      created_at: string;
      decided_at: string | null;
      decided_by: string | null;
    };
  };
  /** Open the direct conversation with somebody (200 when it is there), or make a group */
  post_chat_conversations: {
    query: undefined;
    body: {
      kind: "direct" | "group" | "channel";
      /** Of a direct conversation: the other person. */
      account_id?: string;
      /** Of a group or channel. */
      title?: string;
      description?: string;
      /** Who is in it from the beginning, besides the caller. */
      account_ids?: string[];
    };
    reply: ChatConversation;
  };
  /** Refuse or mask a word in a conversation, from the next message on */
  post_chat_conversations_id_filters: {
    query: undefined;
    body: {
      text: string;
      /** Refuse the message, or store it with the word covered by asterisks. */
      action: "refuse" | "mask";
      /** Also within words, and in scripts that put no space between them. */
      anywhere?: boolean;
    };
    reply: {
      id: string;
      text: string;
      /** Refuse the message, or store it with the word covered by asterisks. */
      action: "refuse" | "mask";
      /** Also within words, and in scripts that put no space between them. */
      anywhere: boolean;
    };
  };
  /** Make an invite link; its token is in this answer only */
  post_chat_conversations_id_invites: {
    query: undefined;
    body: {
      expires_at?: string;
      uses_max?: number;
    };
    reply: {
      id: string;
      conversation_id: string;
      created_by: string;
      created_at: string;
      expires_at: string | null;
      uses_max: number | null;
      uses: number;
      token: string;
    };
  };
  /** Leave a group or channel; what its last owner leaves is handed over */
  post_chat_conversations_id_leave: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Add people; those who are in already stay as they are */
  post_chat_conversations_id_members: {
    query: undefined;
    body: {
      account_ids: string[];
    };
    reply: void;
  };
  /** Send a message; again with the same client_msg_id it is the same message */
  post_chat_conversations_id_messages: {
    query: undefined;
    body: {
      /** Chosen by the client, such as a UUID; sent again it is the same message. */
      client_msg_id: string;
      body: {
        text?: string;
        /**
         * Accounts that are named in the text and told so even when they muted the
         * conversation.
         */
        mentions?: string[];
        attachments?: ChatAttachment[];
        poll?: {
          question: string;
          options: string[];
          /** Whether one may choose more than one. */
          several?: boolean;
          closes_at?: string;
        };
      };
      /** The message that it answers, which is shown with it. */
      reply_to_seq?: number;
      /** The message whose thread it goes to. */
      thread_seq?: number;
    };
    reply: {
      type: "ack";
      conversation_id: string;
      client_msg_id: string;
      server_msg_id: string;
      seq: number;
      rev: number;
      created_at: string;
    };
  };
  /** Send a message on to another conversation; its files are shared, not copied */
  post_chat_conversations_id_messages_seq_forward: {
    query: undefined;
    body: {
      conversation_id: string;
      /** Chosen by the client, such as a UUID; sent again it is the same message. */
      client_msg_id: string;
    };
    reply: {
      type: "ack";
      conversation_id: string;
      client_msg_id: string;
      server_msg_id: string;
      seq: number;
      rev: number;
      created_at: string;
    };
  };
  /** Close a poll */
  post_chat_conversations_id_messages_seq_poll_close: {
    query: undefined;
    body: undefined;
    reply: ChatMessage;
  };
  /** Report a message to the administrators */
  post_chat_conversations_id_messages_seq_report: {
    query: undefined;
    body: {
      reason: "spam" | "abuse" | "threat" | "sexual" | "illegal" | "other";
      comment?: string;
    };
    reply: void;
  };
  /** Say how far a device got, and how far its person read; it never goes back */
  post_chat_conversations_id_receipts: {
    query: undefined;
    body: {
      delivered_seq?: number;
      read_seq?: number;
      device_id?: string;
    };
    reply: void;
  };
  /** What a client sends beside an event stream; answered are acks and errors, in order */
  post_chat_frames: {
    query: undefined;
    body: {
      device_id: string;
      /** Of the stream that `presence` and `watch` are about. */
      session_id?: string;
      /** As on the socket, in `docs/chat-protocol.md`. */
      frames: unknown[];
    };
    reply: {
      frames: ServerFrame[];
    };
  };
  /** Bring conversations over from elsewhere; again with the same ids it adds nothing */
  post_chat_import: {
    query: undefined;
    body: {
      conversations: {
        ref: string;
        kind: "direct" | "group" | "channel";
        title?: string;
        description?: string;
        created_at: string;
        members: {
          account_id: string;
          role?: "owner" | "admin" | "member";
        }[];
        messages?: {
          /** What makes it the same message in the next import. */
          client_msg_id: string;
          sender_id: string;
          sent_at: string;
          text?: string;
          /** `client_msg_id` of one that it answers. */
          reply_to?: string;
          /** `client_msg_id` of any one in the thread that it belongs to. */
          thread?: string;
          edited_at?: string;
          /** Only that there was something is left of it. */
          deleted_at?: string;
          reactions?: {
            emoji: string;
            account_ids: string[];
          }[];
          /** Uploads that whoever imports has made, and nobody used. */
          attachments?: {
            upload_id: string;
            kind: "image" | "file" | "voice" | "video";
            name?: string;
            duration_ms?: number;
          }[];
        }[];
      }[];
    };
    reply: {
      conversations: {
        ref: string;
        id: string;
        /** Those that were there already are counted in `known`. */
        added: number;
        known: number;
      }[];
    };
  };
  /** The same as lines of JSON, of any number, each refused or added by itself */
  post_chat_import_lines: {
    query: undefined;
    body: undefined;
    reply: {
      lines: number;
      added: number;
      known: number;
      /** Lines that nothing came of. */
      failed: number;
      /** The first of them, and of those that were added without something that they named. */
      problems: {
        line: number;
        code: string;
        message: string;
        added: boolean;
      }[];
    };
  };
  /** Join by an invite link */
  post_chat_invites_token_join: {
    query: undefined;
    body: undefined;
    reply: ChatConversation;
  };
  /** Have a message sent later, if one may by then */
  post_chat_scheduled: {
    query: undefined;
    body: {
      /** Chosen by the client, such as a UUID; sent again it is the same message. */
      client_msg_id: string;
      body: {
        text?: string;
        /**
         * Accounts that are named in the text and told so even when they muted the
         * conversation.
         */
        mentions?: string[];
        attachments?: ChatAttachment[];
        poll?: {
          question: string;
          options: string[];
          /** Whether one may choose more than one. */
          several?: boolean;
          closes_at?: string;
        };
      };
      /** The message that it answers, which is shown with it. */
      reply_to_seq?: number;
      /** The message whose thread it goes to. */
      thread_seq?: number;
      conversation_id: string;
      send_at: string;
    };
    reply: ChatScheduled;
  };
  /** A ticket for one `hello` within half a minute, in the place of the token */
  post_chat_tickets: {
    query: undefined;
    body: undefined;
    reply: {
      ticket: string;
      expires_at: string;
    };
  };
  /** Get a URL to send a file to, which a message can then have attached */
  post_chat_uploads: {
    query: undefined;
    body: {
      kind: "image" | "file" | "voice" | "video";
    };
    reply: {
      upload_id: string;
      method: "PUT";
      url: string;
      bytes_max: number;
      types: string[];
      expires_at: string;
    };
  };
  /** Add a domain; the answer says how to prove it */
  post_domains: {
    query: undefined;
    body: {
      /** Such as `go.example.com`. Yours once its proof was found. */
      host: string;
      alphabet?: "base62" | "people";
      root_url?: string | null;
      not_found_url?: string | null;
    };
    reply: Domain;
  };
  /** Look for the proof now */
  post_domains_id_verify: {
    query: undefined;
    body: undefined;
    reply: Domain;
  };
  /** Create an API key; its plaintext is in this answer and nowhere else */
  post_keys: {
    query: undefined;
    body: {
      name: string;
      scopes: string[];
      expires_at?: string | null;
    };
    reply: {
      id: string;
      name: string;
      /** The first characters, to tell keys apart. */
      prefix: string;
      scopes: string[];
      expires_at: string | null;
      /** To the minute. */
      last_used_at: string | null;
      created_at: string;
      key: string;
    };
  };
  /** May this key do this now? Charges it if so */
  post_limits_check: {
    query: undefined;
    body: LimitQuestion;
    reply: LimitAnswer;
  };
  /** Many checks in one call, each decided for itself and in this order */
  post_limits_checks: {
    query: undefined;
    body: {
      checks: LimitQuestion[];
    };
    reply: {
      results: LimitAnswer[];
    };
  };
  /** What a check would say; charges nothing */
  post_limits_peek: {
    query: undefined;
    body: LimitQuestion;
    reply: LimitAnswer;
  };
  /** Refuse a key for a while, whatever it has left */
  post_limits_penalize: {
    query: undefined;
    body: {
      /** One rule by its name, whatever its tiers. */
      rule?: string;
      /** Or all rules called `<policy>` or `<policy>.something`, those of the tier. */
      policy?: string;
      /** The key itself, or its parts by name, of which each rule takes those that it names. */
      key: string | Record<string, string>;
      /** Of whoever is asked about. */
      tier?: string;
      ms: number;
    };
    reply: void;
  };
  /** Give back what was charged and not used, or the place of a concurrency limit */
  post_limits_refund: {
    query: undefined;
    body: LimitQuestion;
    reply: void;
  };
  /** Charge a cost that is known only afterwards, whether it fits or not */
  post_limits_report: {
    query: undefined;
    body: LimitReport;
    reply: LimitAnswer;
  };
  /** Forget all that a key has used, and what blocks it */
  post_limits_reset: {
    query: undefined;
    body: LimitKey;
    reply: void;
  };
  /** Make a rule; it holds from this answer on */
  post_limits_rules: {
    query: undefined;
    body: CreateLimitRule;
    reply: LimitRule;
  };
  /** What each algorithm would let through of some traffic; nothing is kept of it */
  post_limits_simulate: {
    query: undefined;
    body: {
      limit: number;
      window_ms: number;
      burst?: number | null;
      wait_ms_max?: number;
      queue_max?: number;
      penalty_ms?: number;
      arrivals: Arrival[];
    };
    reply: Simulation;
  };
  /** Make a short link */
  post_links: {
    query: undefined;
    body: CreateLink;
    reply: Link;
  };
  /** Make up to 1,000 links, each with its own result */
  post_links_bulk: {
    query: undefined;
    body: {
      /** Each as the body of `POST /api/v1/links`, and judged for itself. */
      links: unknown[];
    };
    reply: {
      created: number;
      failed: number;
      /** In the order of the request. */
      results: BulkResult[];
    };
  };
  /** Make links of the CSV that Stoa, Bitly, Kutt, YOURLS or Shlink exported */
  post_links_import: {
    query: {
      format?: "auto" | "stoa" | "bitly" | "kutt" | "yourls" | "shlink";
      dry_run?: string;
      domain?: string;
    };
    body: undefined;
    reply: {
      format: "stoa" | "bitly" | "kutt" | "yourls" | "shlink";
      rows: number;
      created: number;
      /** Rows whose link was there already. */
      skipped: number;
      errors: {
        row: number;
        field: string;
        message: string;
      }[];
    };
  };
  /** Report a link that harms */
  post_reports: {
    query: undefined;
    body: {
      /** Or `code`, with `domain` unless it is Stoa's own. */
      short_url?: string;
      code?: string;
      domain?: string;
      reason: ReportReason;
      detail?: string;
      contact?: string;
    };
    reply: void;
  };
  /** Sign in; `cookie: true` puts the refresh token into an HttpOnly cookie */
  post_sessions: {
    query: undefined;
    body: {
      email: string;
      password: string;
      cookie?: boolean;
    };
    reply: SignedIn;
  };
  /** A new access token for a refresh token, which is replaced; without one, the cookie's */
  post_sessions_refresh: {
    query: undefined;
    body: {
      refresh_token?: string;
    };
    reply: SignedIn;
  };
  /** Subscribe a URL to events; the signing secret is in this answer only */
  post_webhooks: {
    query: undefined;
    body: {
      url: string;
      description?: string;
      /** What is sent: `links.created`, `links.*`, or `*` for everything. */
      event_types: string[];
      enabled?: boolean;
    };
    reply: WebhookWithSecret;
  };
  /** Send a delivery again, with the same id, from its first attempt on */
  post_webhooks_id_deliveries_delivery_id_replay: {
    query: undefined;
    body: undefined;
    reply: Delivery;
  };
  /** Make a new signing secret; the old one signs too for 24 hours */
  post_webhooks_id_rotate_secret: {
    query: undefined;
    body: undefined;
    reply: WebhookWithSecret;
  };
  /** Send a webhooks.test event to this webhook */
  post_webhooks_id_test: {
    query: undefined;
    body: undefined;
    reply: Delivery;
  };
  /** Ban somebody from saying anything until a time */
  put_chat_admin_bans_account_id: {
    query: undefined;
    body: {
      until: string;
      reason?: string;
    };
    reply: {
      account_id: string;
      name: string;
      banned_until: string;
      ban_reason: string | null;
      banned_at: string;
      banned_by: string;
    };
  };
  /** Block somebody: neither writes to the other alone, nor adds them to a group */
  put_chat_blocks_account_id: {
    query: undefined;
    body: undefined;
    reply: void;
  };
  /** Keep what one began to write, for all of one's devices; an empty text ends it */
  put_chat_conversations_id_draft: {
    query: undefined;
    body: {
      text: string;
    };
    reply: void;
  };
  /** Pin a message for everybody */
  put_chat_conversations_id_messages_seq_pin: {
    query: undefined;
    body: undefined;
    reply: ChatMessage;
  };
  /** React to a message with an emoji */
  put_chat_conversations_id_messages_seq_reactions_emoji: {
    query: undefined;
    body: undefined;
    reply: ChatMessage;
  };
  /** Vote in a poll, in place of what one voted before */
  put_chat_conversations_id_messages_seq_votes: {
    query: undefined;
    body: {
      /** Counted from 0; none takes the vote back. */
      options: number[];
    };
    reply: ChatMessage;
  };
  /** Send the bytes of an upload to the URL that was offered for them */
  put_chat_uploads_upload_id: {
    query: {
      owner: string;
      bytes_max: number;
      types: string;
      /** Milliseconds since 1970. */
      expires: number;
      signature: string;
    };
    body: undefined;
    reply: {
      upload_id: string;
      type: string;
      bytes: number;
      sha256: string;
      width: number | null;
      height: number | null;
      /**
       * Null where there is none: of HEIC, films, sounds and documents none is made, nor
       * of a picture that cannot be read; one that takes long comes later.
       */
      thumbnail: {
        width: number;
        height: number;
      } | null;
    };
  };
}
