import { segment, type Body, type Caller, type Filter, type Reply } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type { Account, ApiKey, AuditEntry, Session, SignedIn } from "./types.ts";

export function sessionsOf(api: Caller) {
  const post = <T>(path: string, body: unknown, options: CallOptions = {}) =>
    api.send<T>({ ...options, method: "POST", path, body, anonymous: true });
  return {
    /** With `cookie: true`, for pages of Stoa's own origin, the refresh token stays in a cookie. */
    signIn: (credentials: Body<"post_sessions">, options?: CallOptions) =>
      post<SignedIn>("/sessions", credentials, options),
    /** Each refresh token is good once; keep the one that is answered. */
    refresh: (refreshToken?: string, options?: CallOptions) => {
      const body = refreshToken === undefined ? {} : { refresh_token: refreshToken };
      return post<SignedIn>("/sessions/refresh", body, options);
    },
    list: (options?: CallOptions) => api.get<{ items: Session[] }>("/sessions", undefined, options),
    /** Signs out this session. */
    end: (options?: CallOptions) => api.delete("/sessions/current", options),
    endOne: (id: string, options?: CallOptions) => api.delete(`/sessions/${segment(id)}`, options),
    endAll: (options?: CallOptions) => api.delete("/sessions", options),
  };
}

export function accountOf(api: Caller) {
  return {
    get: (options?: CallOptions) => api.get<Account>("/account", undefined, options),
    update: (change: Body<"patch_account">, options?: CallOptions) =>
      api.patch<Account>("/account", change, options),
    /** For good, with all that it owns; every session and key ends with it. */
    delete: (currentPassword: string, options?: CallOptions) =>
      api.post<void>("/account/delete", { current_password: currentPassword }, options),
  };
}

export function accountsOf(api: Caller) {
  return {
    /** Where signing up is open; needs no credentials. */
    signUp: (account: Body<"post_accounts">, options: CallOptions = {}) =>
      api.send<Account>({
        ...options,
        method: "POST",
        path: "/accounts",
        body: account,
        idempotent: true,
        anonymous: true,
      }),
    /** By an administrator; the password is a temporary one. */
    create: (account: Body<"post_accounts">, options?: CallOptions) =>
      api.create<Account>("/accounts", account, options),
    list: (query: Filter<"get_accounts"> = {}, options?: CallOptions) =>
      api.list<Account>("/accounts", query, options),
    update: (id: string, change: Body<"patch_accounts_id">, options?: CallOptions) =>
      api.patch<Account>(`/accounts/${segment(id)}`, change, options),
    /** What it owned goes to another account; null erases it. */
    delete: (id: string, transferTo: string | null, options?: CallOptions) =>
      api.post<void>(`/accounts/${segment(id)}/delete`, { transfer_to: transferTo }, options),
  };
}

export function keysOf(api: Caller) {
  return {
    /** `key` in the answer is shown this once; so the call is never sent twice by itself. */
    create: (key: Body<"post_keys">, options?: CallOptions) =>
      api.post<Reply<"post_keys">>("/keys", key, options),
    list: (query: Filter<"get_keys"> = {}, options?: CallOptions) =>
      api.list<ApiKey>("/keys", query, options),
    rename: (id: string, name: string, options?: CallOptions) =>
      api.patch<ApiKey>(`/keys/${segment(id)}`, { name }, options),
    revoke: (id: string, options?: CallOptions) => api.delete(`/keys/${segment(id)}`, options),
  };
}

export function auditOf(api: Caller) {
  return {
    list: (query: Filter<"get_audit"> = {}, options?: CallOptions) =>
      api.list<AuditEntry>("/audit", query, options),
  };
}

export function healthOf(api: Caller) {
  return {
    /** How the server's process is doing; for administrators. */
    get: (options?: CallOptions) =>
      api.get<Reply<"get_admin_health">>("/admin/health", undefined, options),
  };
}
