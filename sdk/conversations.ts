import { segment, type Body, type Caller, type Filter, type Query, type Reply } from "./api.ts";
import type { ChatListed, ChatMessage } from "./chat/frames.ts";
import type { CallOptions } from "./transport.ts";
import type { ChatScheduled } from "./types.ts";

/**
 * What of chat is asked for now and then and is not live, and what administrators decide. What is
 * said and heard goes through `createChat`.
 */
type ItemOf<T> = T extends { items: (infer Item)[] } ? Item : never;

export type ChatReport = ItemOf<Reply<"get_chat_admin_reports">>;
export type ChatBan = ItemOf<Reply<"get_chat_admin_bans">>;
export type ChatFilter = ItemOf<Reply<"get_chat_admin_filters">>;

export function chatOf(api: Caller) {
  const path = (id: string) => `/chat/conversations/${segment(id)}`;
  const items = <T>(of: string, query?: object, options?: CallOptions): Promise<T[]> =>
    api.get<{ items: T[] }>(of, query, options).then((reply) => reply.items);
  return {
    /** Whom one has blocked. */
    blocks: (options?: CallOptions) =>
      api.list<ItemOf<Reply<"get_chat_blocks">>>("/chat/blocks", {}, options),
    /** The message and what was answered to it in its thread, by `seq`. */
    thread: (id: string, seq: number, options?: CallOptions) =>
      items<ChatMessage>(`${path(id)}/messages`, { thread: seq, limit: 100 }, options),
    /** Newest pin first. */
    pins: (id: string, options?: CallOptions) =>
      items<ChatMessage>(`${path(id)}/pins`, undefined, options),
    /** Where a file of a message can be had for a while, by its place among them from 0. */
    file: (
      of: { id: string; seq: number; index: number; thumbnail?: boolean },
      options?: CallOptions,
    ) =>
      api.get<Reply<"get_chat_conversations_id_messages_seq_attachments_n">>(
        `${path(of.id)}/messages/${of.seq}/attachments/${of.index}`,
        { thumbnail: of.thumbnail ? "1" : "0" },
        options,
      ),
    ...messagesOf(api),
    ...ownFiltersOf(api),
    scheduled: scheduledOf(api),
    deleteConversation: (id: string, options?: CallOptions) => api.delete(path(id), options),
    /** Those that are still good. */
    invites: (id: string, options?: CallOptions) =>
      items<ItemOf<Reply<"get_chat_conversations_id_invites">>>(
        `${path(id)}/invites`,
        undefined,
        options,
      ),
    revokeInvite: (id: string, inviteId: string, options?: CallOptions) =>
      api.delete(`${path(id)}/invites/${segment(inviteId)}`, options),
    /** What an invite link is for, before one joins. */
    invited: (token: string, options?: CallOptions) =>
      api.get<Reply<"get_chat_invites_token">>(
        `/chat/invites/${segment(token)}`,
        undefined,
        options,
      ),
    admin: adminOf(api),
  };
}

function adminOf(api: Caller) {
  const admin = "/chat/admin";
  const person = (id: string) => `${admin}/people/${segment(id)}`;
  return {
    reports: (query: Filter<"get_chat_admin_reports"> = {}, options?: CallOptions) =>
      api.list<ChatReport>(`${admin}/reports`, query, options),
    /** Decides all open reports of that message; `ban_until` bans its sender. */
    decide: (
      id: string,
      decision: Body<"post_chat_admin_reports_id_decide">,
      options?: CallOptions,
    ) => api.post<ChatReport>(`${admin}/reports/${segment(id)}/decide`, decision, options),
    bans: (options?: CallOptions) => api.list<ChatBan>(`${admin}/bans`, {}, options),
    ban: (
      accountId: string,
      ban: Body<"put_chat_admin_bans_account_id">,
      options: CallOptions = {},
    ) => {
      const path = `${admin}/bans/${segment(accountId)}`;
      return api.send<ChatBan>({ ...options, method: "PUT", path, body: ban });
    },
    unban: (accountId: string, options?: CallOptions) =>
      api.delete(`${admin}/bans/${segment(accountId)}`, options),
    /** Words that are refused or masked in all conversations. */
    filters: async (options?: CallOptions): Promise<ChatFilter[]> => {
      const path = `${admin}/filters`;
      return (await api.get<{ items: ChatFilter[] }>(path, undefined, options)).items;
    },
    addFilter: (filter: Body<"post_chat_admin_filters">, options?: CallOptions) =>
      api.post<ChatFilter>(`${admin}/filters`, filter, options),
    removeFilter: (id: string, options?: CallOptions) =>
      api.delete(`${admin}/filters/${segment(id)}`, options),
    /** All that chat has of somebody, a line of JSON each; the answer's body can be streamed. */
    export: (accountId: string, options: CallOptions = {}) =>
      api.response({ ...options, method: "GET", path: `${person(accountId)}/export` }),
    /** All that somebody said and did, for good; it is done soon afterwards. */
    erase: (accountId: string, options?: CallOptions) =>
      api.post<void>(`${person(accountId)}/erase`, undefined, options),
    /** Conversations from elsewhere; again with the same ids it adds nothing. */
    import: (conversations: Body<"post_chat_import">["conversations"], options?: CallOptions) =>
      api.create<Reply<"post_chat_import">>("/chat/import", { conversations }, options),
    /** The same as lines of JSON, of any number; what breaks off is sent again as a whole. */
    importLines: (lines: string | Blob, options: CallOptions = {}) => {
      const raw = { body: lines, type: "application/x-ndjson" };
      const path = "/chat/import/lines";
      return api.send<Reply<"post_chat_import_lines">>({ ...options, method: "POST", path, raw });
    },
  };
}

/** For programs that answer calls and keep no connection: a bot that is told by a webhook, say. */
function messagesOf(api: Caller) {
  const path = (id: string) => `/chat/conversations/${segment(id)}`;
  return {
    /** Most recently moved first. */
    conversations: (options?: CallOptions) =>
      api.list<ChatListed>("/chat/conversations", {}, options),
    conversation: (id: string, options?: CallOptions) =>
      api.get<ChatListed>(path(id), undefined, options),
    /** A page before, after or around a `seq`; the newest without. */
    messages: (
      id: string,
      query: Query<"get_chat_conversations_id_messages"> = {},
      options?: CallOptions,
    ) =>
      api.get<Reply<"get_chat_conversations_id_messages">>(`${path(id)}/messages`, query, options),
    message: (id: string, seq: number, options?: CallOptions) =>
      api.get<ChatMessage>(`${path(id)}/messages/${seq}`, undefined, options),
    /** A `client_msg_id` of one's own makes it the same message however often it is sent. */
    send: (
      id: string,
      message: Named<Body<"post_chat_conversations_id_messages">>,
      options?: CallOptions,
    ) =>
      api.create<Reply<"post_chat_conversations_id_messages">>(
        `${path(id)}/messages`,
        { client_msg_id: crypto.randomUUID(), ...message },
        options,
      ),
    /** How far one has got and read; it never goes back. */
    mark: (id: string, far: Body<"post_chat_conversations_id_receipts">, options?: CallOptions) =>
      api.post<void>(`${path(id)}/receipts`, far, options),
    /** Good for one `hello` within half a minute, where a page should not have the token itself. */
    ticket: (options?: CallOptions) =>
      api.post<Reply<"post_chat_tickets">>("/chat/tickets", undefined, options),
  };
}

/** Its id is chosen here where none is given. */
type Named<T extends { client_msg_id: string }> = Omit<T, "client_msg_id"> & {
  client_msg_id?: string;
};

/** Messages to be sent at a time, whether or not anybody is here by then. */
function scheduledOf(api: Caller) {
  const path = "/chat/scheduled";
  const one = (id: string) => `${path}/${segment(id)}`;
  const change = (
    id: string,
    to: Body<"patch_chat_scheduled_id">,
    options?: CallOptions,
  ): Promise<ChatScheduled> => api.patch<ChatScheduled>(one(id), to, options);
  return {
    /** In the order in which they will be sent. `failure` says why one was not. */
    list: async (options?: CallOptions): Promise<ChatScheduled[]> =>
      (await api.get<{ items: ChatScheduled[] }>(path, undefined, options)).items,
    create: (message: Named<Body<"post_chat_scheduled">>, options?: CallOptions) =>
      api.create<ChatScheduled>(path, { client_msg_id: crypto.randomUUID(), ...message }, options),
    /** What is left out stays. One that failed is tried again. */
    change,
    /** By the server's clock, whatever this one says. */
    sendNow: (id: string, options?: CallOptions) =>
      change(id, { send_at: new Date(0).toISOString() }, options),
    cancel: (id: string, options?: CallOptions) => api.delete(one(id), options),
  };
}

/** Words that one conversation refuses or masks, for those who run it. */
function ownFiltersOf(api: Caller) {
  const path = (id: string) => `/chat/conversations/${segment(id)}/filters`;
  return {
    filters: async (id: string, options?: CallOptions): Promise<ChatFilter[]> =>
      (await api.get<{ items: ChatFilter[] }>(path(id), undefined, options)).items,
    addFilter: (id: string, filter: Body<"post_chat_conversations_id_filters">) =>
      api.post<ChatFilter>(path(id), filter),
    removeFilter: (id: string, filterId: string, options?: CallOptions) =>
      api.delete(`${path(id)}/${segment(filterId)}`, options),
  };
}
