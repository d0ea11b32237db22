import type { ChatMessage } from "./frames.ts";
import type { Answer, Question, Refusal } from "./inputs.ts";
import { applyMembers, applyMessage, noteTop } from "./rooms.ts";
import { takeReceipt } from "./signs.ts";
import { backoff, redraw, setDue, touch, type Machine, type Room } from "./state.ts";
import { repairRefused, takeChanges, takeConversation } from "./sync.ts";
import { takePage } from "./window.ts";

/** What came of the calls that were asked for. */
export function answered(m: Machine, call: number, answer: Answer): void {
  const question = m.calls.get(call);
  if (!m.calls.delete(call) || !question) return;
  const room = m.rooms.get(question.id);
  switch (answer.what) {
    case "changes":
      return takeChanges(m, question.id, answer);
    case "conversation":
      return takeConversation(m, question.id, answer);
    case "members":
      if (room) applyMembers(m, room, answer.items);
      return;
    case "receipts":
      return takeReceipt(m, answer.receipts);
    case "history":
      if (room?.load?.call === call) takeHistory(m, room, question, answer);
      return;
    case "draft":
      if (room && question.what === "draft" && room.draft?.text === question.text) {
        // What was told is what is shown, until the server says otherwise.
        const { text } = question;
        const updated_at = new Date(m.now).toISOString();
        room.own = { ...room.own, draft: text === null ? null : { text, updated_at } };
        room.draft = undefined;
        touch(m, room);
      }
      return;
    default:
  }
}

function takeHistory(
  m: Machine,
  room: Room,
  question: Question,
  answer: Answer & { what: "history" },
): void {
  if (question.what !== "history") return;
  if (takePage(room, question.kind, answer.items)) {
    for (const message of answer.items) applyMessage(m, room, message);
    return touch(m, room);
  }
  // Read before what is known here was written.
  room.load = null;
  setDue(m, `load/${room.id}`, m.now + backoff(m, 0, 1_000, 1_000));
}

export function refused(m: Machine, call: number, refusal: Refusal): void {
  const question = m.calls.get(call);
  if (!m.calls.delete(call) || !question) return;
  const room = m.rooms.get(question.id);
  if (question.what === "changes" || question.what === "conversation") {
    return repairRefused(m, question.id, refusal);
  }
  if (!room) return;
  const passing = refusal.status === 0 || refusal.status === 429 || refusal.status >= 500;
  const wait = (refusal.retry_after_ms ?? 0) + 1_000 + backoff(m, 2, 1_000, 10_000);
  if (question.what === "draft" && passing) setDue(m, `draft/${room.id}`, m.now + wait);
  if (question.what !== "history" || room.load?.call !== call) return;
  room.load = null;
  room.loadError = { code: refusal.code, message: refusal.message };
  // The first page comes by itself; further ones are asked for again by whoever scrolls.
  if (passing && !room.window) setDue(m, `load/${room.id}`, m.now + wait);
  redraw(m, room);
}

/** What the reply to somebody's own call says of a message. */
export function told(m: Machine, message: ChatMessage): void {
  const room = m.rooms.get(message.conversation_id);
  if (!room) return;
  applyMessage(m, room, message);
  // Its frame is on its way; when it does not come, it is fetched.
  noteTop(m, room, message.rev, 1_000);
}
