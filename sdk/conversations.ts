import { segment, type Body, type Caller, type Filter, type Reply } from "./api.ts";
import type { ChatMessage } from "./chat/frames.ts";
import type { CallOptions } from "./transport.ts";

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
  };
}
