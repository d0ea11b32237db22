import { segment, type Body, type Query } from "../api.ts";
import type { ConversationClient, MessageReceipts } from "./client.ts";
import type { ChatListed, ChatMember, ChatMessage } from "./frames.ts";
import type { Runtime } from "./runtime.ts";

/** One conversation of a client: what is shown of it, and what one does in it. */
export function conversationOf(runtime: Runtime, id: string): ConversationClient {
  const { api } = runtime;
  const path = `/chat/conversations/${segment(id)}`;
  const load = (kind: "latest" | "older" | "newer" | "around", seq?: number) =>
    runtime.tell({ type: "load", id, kind, ...(seq === undefined ? {} : { seq }) });

  const account = (accountId: string) => `${path}/members/${segment(accountId)}`;

  return {
    id,
    subscribe: (listener) => runtime.listen(id, listener),
    getSnapshot: () => runtime.views.conversation(id),
    open() {
      runtime.tell({ type: "look", id, on: true });
      let open = true;
      return () => {
        if (open) runtime.tell({ type: "look", id, on: false });
        open = false;
      };
    },
    loadOlder: () => load("older"),
    loadNewer: () => load("newer"),
    loadLatest: () => load("latest"),
    loadAround: (seq) => load("around", seq),

    send(message) {
      const client_msg_id = crypto.randomUUID();
      runtime.tell({ type: "send", id, client_msg_id, message });
      return client_msg_id;
    },
    retry: (client_msg_id) => runtime.tell({ type: "retry", client_msg_id }),
    discard: (client_msg_id) => runtime.tell({ type: "discard", client_msg_id }),

    ...changesOf(runtime, path),
    report: (seq, about: Body<"post_chat_conversations_id_messages_seq_report">) =>
      api.post<void>(`${path}/messages/${seq}/report`, about),
    receiptsOf: (seq, query: Query<"get_chat_conversations_id_messages_seq_receipts"> = {}) =>
      api.get<MessageReceipts>(`${path}/messages/${seq}/receipts`, query),

    markRead: (seq) =>
      runtime.tell({ type: "mark_read", id, ...(seq === undefined ? {} : { seq }) }),
    setTyping: (on) => runtime.tell({ type: "typing", id, on }),
    setDraft: (text) => runtime.tell({ type: "draft", id, text }),

    loadMembers: () => runtime.tell({ type: "load_members", id }),
    addMembers: (account_ids) => api.post<void>(`${path}/members`, { account_ids }),
    removeMember: (accountId) => api.delete(account(accountId)),
    setRole: (accountId, role: ChatMember["role"]) => api.patch<void>(account(accountId), { role }),
    async leave() {
      await api.post<void>(`${path}/leave`);
      runtime.tell({ type: "left", id });
    },
    createInvite: (terms = {}) => api.post(`${path}/invites`, terms),
    async update(settings) {
      await api.patch<unknown>(path, settings);
    },
    mute: (until) => api.patch<void>(`${path}/own`, { muted_until: until && until.toISOString() }),
    archive: (archived) => api.patch<void>(`${path}/own`, { archived }),
    async refresh() {
      const listed = await api.get<ChatListed>(path);
      runtime.tell({ type: "told_conversation", listed });
      return listed;
    },
  };
}

type Changes = Pick<
  ConversationClient,
  "edit" | "delete" | "react" | "unreact" | "pin" | "unpin" | "vote" | "closePoll" | "forward"
>;

function changesOf(runtime: Runtime, path: string): Changes {
  const { api } = runtime;
  /** The reply is the message as it is now; its frame comes as well, sooner or later. */
  async function change(method: "PUT" | "PATCH" | "POST" | "DELETE", at: string, body?: unknown) {
    const message = await api.send<ChatMessage | undefined>({ method, path: path + at, body });
    if (message?.seq !== undefined) runtime.tell({ type: "told", message });
  }
  const reaction = (seq: number, emoji: string) => `/messages/${seq}/reactions/${segment(emoji)}`;
  return {
    edit: (seq, text, mentions) => change("PATCH", `/messages/${seq}`, { text, mentions }),
    delete: (seq) => change("DELETE", `/messages/${seq}`),
    react: (seq, emoji) => change("PUT", reaction(seq, emoji)),
    unreact: (seq, emoji) => change("DELETE", reaction(seq, emoji)),
    pin: (seq) => change("PUT", `/messages/${seq}/pin`),
    unpin: (seq) => change("DELETE", `/messages/${seq}/pin`),
    vote: (seq, options) => change("PUT", `/messages/${seq}/votes`, { options }),
    closePoll: (seq) => change("POST", `/messages/${seq}/poll/close`),
    async forward(seq, conversation_id) {
      const to = { conversation_id, client_msg_id: crypto.randomUUID() };
      await api.create<unknown>(`${path}/messages/${seq}/forward`, to);
    },
  };
}
