// Made by bin/sdk-frames.ts from the schemas of the chat's frames; do not edit.

export type ChatAttachment = {
  /** Of an upload that the sender made and nobody else used. */
  upload_id: string;
  kind: "image" | "file" | "voice" | "video";
  name?: string;
  /** Filled in by the server from the content itself. */
  type?: string;
  bytes?: number;
  width?: number;
  height?: number;
  duration_ms?: number;
};

export type ChatBody = {
  text: string;
  /** Accounts that are named in the text and told so even when they muted the conversation. */
  mentions?: string[];
  attachments?: ChatAttachment[];
  poll?: {
    question: string;
    options: string[];
    /** Whether one may choose more than one. */
    several: boolean;
    closes_at?: string;
  };
  /** Where a forwarded message came from. Filled in by the server. */
  forwarded_from?: {
    sender_id: string;
    sent_at: string;
  };
  /** A line that Stoa writes: somebody joined, the title changed. Never taken from a client. */
  note?: {
    what: string;
    account_ids?: string[];
    text?: string;
  };
};

export type ChatMessage = {
  conversation_id: string;
  seq: number;
  /** Of its latest change. */
  rev: number;
  id: string;
  sender_id: string;
  client_msg_id: string;
  /** Sent with an API key. */
  by_program: boolean;
  /** Null once it is deleted or has disappeared. */
  body: ChatBody | null;
  reply_to_seq: number | null;
  /** The message whose thread it is in. */
  thread_seq: number | null;
  /** Messages in its thread. */
  reply_count: number;
  extra: {
    /** The first accounts of each emoji are named, for "you reacted" and for who did. */
    reactions?: {
      emoji: string;
      count: number;
      by: string[];
    }[];
    votes?: {
      count: number;
      by: string[];
    }[];
    poll_closed?: boolean;
    preview?: {
      url: string;
      title?: string;
      description?: string;
      site?: string;
    };
  };
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
  pinned_at: string | null;
  expires_at: string | null;
};

export type ChatConversation = {
  id: string;
  kind: "direct" | "group" | "channel";
  /** Empty for a direct conversation, which is called after the other person. */
  title: string;
  description: string;
  created_by: string;
  /** The two of a direct conversation; null otherwise. */
  pair: string[] | null;
  top_seq: number;
  rev: number;
  members_rev: number;
  receipts_rev: number;
  member_count: number;
  send_by: "members" | "admins";
  slow_mode_seconds: number;
  disappear_seconds: number | null;
  publishes_events: boolean;
  last_message_at: string | null;
  created_at: string;
};

export type ChatMember = {
  account_id: string;
  name: string;
  role: "owner" | "admin" | "member";
  joined_at: string;
  /** Set for one who is no member any more. */
  left_at: string | null;
  rev: number;
};

export type ChatOwn = {
  role: "owner" | "admin" | "member";
  from_seq: number;
  delivered_seq: number;
  read_seq: number;
  /** Messages above `read_seq` that are theirs to see: top_seq - max(read_seq, from_seq). */
  unread: number;
  muted_until: string | null;
  archived: boolean;
  draft: {
    text: string;
    updated_at: string;
  } | null;
};

export type ChatListed = {
  conversation: ChatConversation;
  own: ChatOwn;
  /** The other person of a direct conversation. */
  peer: {
    account_id: string;
    name: string;
  } | null;
  last_message: ChatMessage | null;
};

export type ChatReceipts = {
  conversation_id: string;
  receipts_rev: number;
  levels: {
    seq: number;
    delivered: number;
    read: number;
  }[];
  members?: {
    account_id: string;
    delivered_seq: number;
    read_seq: number;
  }[];
};

export type ServerFrame =
  | {
      type: "welcome";
      v: 1;
      account_id: string;
      session_id: string;
      /** When to send `ping` at the latest. */
      heartbeat_ms: number;
      self_rev: number;
      server_time: string;
    }
  | {
      type: "listed";
      items: ChatListed[];
    }
  | {
      type: "ready";
    }
  | {
      type: "ack";
      conversation_id: string;
      client_msg_id: string;
      server_msg_id: string;
      seq: number;
      rev: number;
      created_at: string;
    }
  | {
      type: "message";
      rev: number;
      message: ChatMessage;
    }
  | {
      type: "conversation";
      rev: number;
      conversation: ChatConversation;
      members?: ChatMember[];
    }
  | {
      type: "changes";
      conversation_id: string;
      since: number;
      rev: number;
      frames: unknown[];
    }
  | {
      type: "self";
      since: number;
      self_rev: number;
      /** The new state of these; one that was left is in `gone`. */
      items: ChatListed[];
      gone: string[];
    }
  | {
      type: "receipt";
      conversation_id: string;
      receipts_rev: number;
      levels: {
        seq: number;
        delivered: number;
        read: number;
      }[];
      members?: {
        account_id: string;
        delivered_seq: number;
        read_seq: number;
      }[];
    }
  | {
      type: "typing";
      conversation_id: string;
      account_id: string;
      on: boolean;
    }
  | {
      type: "presence";
      items: {
        account_id: string;
        status: "active" | "away" | "offline";
        last_seen_at: string | null;
      }[];
    }
  | {
      type: "beat";
      self_rev: number;
      tops: [string, number, number, number][];
    }
  | {
      type: "resync";
      self_rev: number;
      tops: [string, number, number, number][];
    }
  | {
      type: "drain";
      delay_ms: number;
    }
  | {
      type: "error";
      code: string;
      message: string;
      field?: string;
      ref?: string;
      retry_after_ms?: number;
    };

export type ClientFrame =
  | {
      type: "hello";
      v: 1;
      /** An access token or API key, or a ticket of `POST /api/v1/chat/tickets`. One of both. */
      token?: string;
      ticket?: string;
      device_id: string;
      device_name?: string;
    }
  | {
      type: "send";
      conversation_id: string;
      /** Chosen by the client, such as a UUID; sent again it is the same message. */
      client_msg_id: string;
      body: {
        text?: string;
        /** Accounts that are named in the text and told so even when they muted the conversation. */
        mentions?: string[];
        attachments?: {
          /** Of an upload that the sender made and nobody else used. */
          upload_id: string;
          kind: "image" | "file" | "voice" | "video";
          name?: string;
          /** Filled in by the server from the content itself. */
          type?: string;
          bytes?: number;
          width?: number;
          height?: number;
          duration_ms?: number;
        }[];
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
    }
  | {
      type: "receipt";
      conversation_id: string;
      delivered_seq?: number;
      read_seq?: number;
    }
  | {
      type: "typing";
      conversation_id: string;
      on: boolean;
    }
  | {
      type: "presence";
      watch?: string[];
      status?: "active" | "away" | "invisible";
    }
  | {
      type: "watch";
      conversation_id: string;
      on: boolean;
    }
  | {
      type: "ping";
    };
