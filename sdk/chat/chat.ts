import { segment, type Reply } from "../api.ts";
import type { Page } from "../listing.ts";
import type { ChatClient, ChatOptions, ConversationClient } from "./client.ts";
import { conversationOf } from "./conversation.ts";
import type { ChatConversation, ChatMessage } from "./frames.ts";
import { Runtime } from "./runtime.ts";
import { upload } from "./upload.ts";

export function createChat(options: ChatOptions): ChatClient {
  const runtime = new Runtime(options);
  const { api } = runtime;
  const rooms = new Map<string, ConversationClient>();

  function conversation(id: string): ConversationClient {
    const room = rooms.get(id) ?? conversationOf(runtime, id);
    rooms.set(id, room);
    return room;
  }

  /** Its frame is on its way; whoever has the id may look at it at once. */
  async function known({ id }: ChatConversation): Promise<string> {
    if (!runtime.isKnown(id)) await conversation(id).refresh();
    return id;
  }

  return {
    subscribe: (listener) => runtime.listen(null, listener),
    getSnapshot: () => runtime.views.chat(),
    connect: () => runtime.connect(),
    close: (how) => runtime.close(how),
    conversation,
    async openDirect(account_id) {
      const body = { kind: "direct", account_id };
      return await known(await api.create<ChatConversation>("/chat/conversations", body));
    },
    async createConversation(of, callOptions) {
      const made = await api.create<ChatConversation>("/chat/conversations", of, callOptions);
      return await known(made);
    },
    async join(token) {
      const path = `/chat/invites/${segment(token)}/join`;
      return await known(await api.post<ChatConversation>(path));
    },
    async findPeople(q, callOptions) {
      const reply = await api.get<Reply<"get_chat_people">>("/chat/people", { q }, callOptions);
      return reply.items;
    },
    search: ({ cursor: before, ...query }, callOptions) =>
      api.get<Page<ChatMessage>>("/chat/search", { ...query, before }, callOptions),
    watchPresence: (account_ids) => runtime.tell({ type: "watch_presence", account_ids }),
    setStatus: (status) => runtime.tell({ type: "status", status }),
    block: (id) => api.send<void>({ method: "PUT", path: `/chat/blocks/${segment(id)}` }),
    unblock: (id) => api.delete(`/chat/blocks/${segment(id)}`),
    upload: (file, about) => upload({ api, baseUrl: options.baseUrl }, file, about),
  };
}
