import { segment, type Caller } from "../api.ts";
import { StoaError } from "../errors.ts";
import { messageOf } from "./socket.ts";
import type { ChatListed, ChatMember, ChatMessage, ChatReceipts, ServerFrame } from "./frames.ts";
import type { Answer, Question, Refusal } from "./inputs.ts";

/** What the machine asks, as calls. It tries again by itself, so a call is made once. */
const once = { retries: 0 };
const membersMax = 2_000;

export async function answerTo(api: Caller, question: Question): Promise<Answer> {
  const path = `/chat/conversations/${segment(question.id)}`;
  switch (question.what) {
    case "changes": {
      const { since, limit } = question;
      const page = await api.get<{ frames: ServerFrame[]; rev: number; more: boolean }>(
        `${path}/changes`,
        { since, limit },
        once,
      );
      return { what: "changes", ...page };
    }
    case "history": {
      const { before, after, around, limit } = question;
      const query = { before, after, around, limit };
      const page = await api.get<{ items: ChatMessage[] }>(`${path}/messages`, query, once);
      return { what: "history", items: page.items };
    }
    case "conversation":
      return { what: "conversation", listed: await api.get<ChatListed>(path, undefined, once) };
    case "members": {
      const items = await api.list<ChatMember>(`${path}/members`).take(membersMax);
      return { what: "members", items };
    }
    case "receipts": {
      const receipts = await api.get<ChatReceipts>(`${path}/receipts`, undefined, once);
      return { what: "receipts", receipts };
    }
    case "draft":
      await api.send({ method: "PUT", path: `${path}/draft`, body: { text: question.text ?? "" } });
      return { what: "draft" };
  }
}

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof StoaError)) {
    return { status: 0, code: "connection", message: messageOf(error) };
  }
  const { status, code, message, retryAfterSeconds } = error;
  const wait = retryAfterSeconds === undefined ? {} : { retry_after_ms: retryAfterSeconds * 1_000 };
  return { status, code, message, ...wait };
}
