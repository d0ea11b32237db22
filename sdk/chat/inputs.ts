import type {
  ChatListed,
  ChatMember,
  ChatMessage,
  ChatReceipts,
  ClientFrame,
  ServerFrame,
} from "./frames.ts";
import type { NewMessage } from "./view.ts";

/** What the machine is told, and what it wants done. */
export type Input =
  | { type: "connect" }
  | { type: "close" }
  | { type: "loaded"; records: ReadonlyMap<string, unknown> }
  /** The network is back, or the page is looked at again. */
  | { type: "wake" }
  /** The browser thinks that there is no network, which need not be so. */
  | { type: "doubt" }
  /** The time of `nextDue` has come. */
  | { type: "tick" }
  | { type: "opened"; link: number }
  | { type: "received"; link: number; frame: ServerFrame }
  | { type: "closed"; link: number; code: number; reason: string; retry_after_ms?: number }
  | { type: "answered"; call: number; answer: Answer }
  | { type: "refused"; call: number; refusal: Refusal }
  /** What the reply to somebody's own call says of a message; it moves no cursor. */
  | { type: "told"; message: ChatMessage }
  | { type: "told_conversation"; listed: ChatListed }
  | { type: "left"; id: string }
  | Command;

export type Command =
  | { type: "send"; id: string; client_msg_id: string; message: NewMessage }
  | { type: "retry"; client_msg_id: string }
  | { type: "discard"; client_msg_id: string }
  | { type: "look"; id: string; on: boolean }
  | { type: "load"; id: string; kind: LoadKind; seq?: number }
  | { type: "load_members"; id: string }
  | { type: "mark_read"; id: string; seq?: number }
  | { type: "typing"; id: string; on: boolean }
  | { type: "draft"; id: string; text: string | null }
  | { type: "watch_presence"; account_ids: readonly string[] }
  | { type: "status"; status: Status };

export type Status = "active" | "away" | "invisible";
export type LoadKind = "latest" | "older" | "newer" | "around";

export type Effect =
  | { type: "open"; link: number; via: "socket" | "stream"; refresh: boolean }
  | { type: "close"; link: number }
  | { type: "transmit"; link: number; frame: ClientFrame }
  | { type: "ask"; call: number; question: Question }
  | { type: "store"; records: Map<string, unknown> }
  /** What must be drawn again: the list, and these conversations. */
  | { type: "changed"; list: boolean; ids: string[] };

/** Calls to the server besides the link. */
export type Question =
  | { what: "changes"; id: string; since: number; limit: number }
  | {
      what: "history";
      id: string;
      kind: LoadKind;
      before?: number;
      after?: number;
      around?: number;
      limit: number;
    }
  | { what: "conversation"; id: string }
  | { what: "members"; id: string }
  | { what: "receipts"; id: string }
  | { what: "draft"; id: string; text: string | null };

export type Answer =
  | { what: "changes"; frames: ServerFrame[]; rev: number; more: boolean }
  | { what: "history"; items: ChatMessage[] }
  | { what: "conversation"; listed: ChatListed }
  | { what: "members"; items: ChatMember[] }
  | { what: "receipts"; receipts: ChatReceipts }
  | { what: "draft" };

export type Refusal = {
  /** 0 where there was no answer. */
  status: number;
  code: string;
  message: string;
  retry_after_ms?: number;
};

/** The server's frame of a type. */
export type Framed<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;
