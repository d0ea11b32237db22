import type { ServerFrame } from "./frames.ts";
import type { Command } from "./inputs.ts";
import { startLoad } from "./pages.ts";
import { applyMessage, noteTop } from "./rooms.ts";
import { backoff, isOnline, setDue, transmit, type Machine, type Unsent } from "./state.ts";

/**
 * Messages on their way. Each conversation sends one at a time and the next after its ack, so
 * that they stand in the order they were written in whatever breaks between; what was not
 * acknowledged is sent again under the same `client_msg_id`, which the server takes once.
 */
const ackMsMax = 15_000;
/** A message without an ack for so long is a reason to ask whether there is anybody. */
const lateMs = 2_000;
const retryFirstMs = 1_000;
const retryMsMax = 60_000;
/** Codes that say nothing about the message: it is tried again. */
const passing = /^(server\.|request\.(rate_limited|timeout)$|chat\.slow_mode$)/;
/** Nobody waits longer for its ack before the message is sent again. */
const messageDelayMs = 1_000;

export function compose(m: Machine, { id, client_msg_id, message }: Command & { type: "send" }) {
  const { reply_to_seq, thread_seq, ...body } = message;
  const orders = [...m.outbox.values()].map((unsent) => unsent.order);
  const unsent: Unsent = {
    client_msg_id,
    conversation_id: id,
    body,
    ...(reply_to_seq === undefined ? {} : { reply_to_seq }),
    ...(thread_seq === undefined ? {} : { thread_seq }),
    created_at: new Date(m.now).toISOString(),
    order: Math.max(m.now, 1 + Math.max(0, ...orders)),
    state: "waiting",
    tries: 0,
    notBefore: 0,
    error: null,
  };
  m.outbox.set(client_msg_id, unsent);
  keep(m, unsent);
  const room = m.rooms.get(id);
  // One's own message is always shown, so the newest messages are.
  if (room?.window && !room.window.live) startLoad(m, room, "latest");
  flush(m, id);
}

export function retry(m: Machine, clientMsgId: string): void {
  const unsent = m.outbox.get(clientMsgId);
  if (unsent?.state !== "failed") return;
  Object.assign(unsent, { state: "waiting", tries: 0, notBefore: 0, error: null });
  keep(m, unsent);
  flush(m, unsent.conversation_id);
}

export function discard(m: Machine, clientMsgId: string): void {
  const unsent = m.outbox.get(clientMsgId);
  if (!unsent) return;
  m.outbox.delete(clientMsgId);
  keep(m, unsent);
  flush(m, unsent.conversation_id);
}

/** In the order they were written. */
export function unsentOf(m: Machine, id: string): Unsent[] {
  const own = [...m.outbox.values()].filter((unsent) => unsent.conversation_id === id);
  return own.toSorted((a, b) => a.order - b.order);
}

export function flush(m: Machine, id: string): void {
  if (!isOnline(m)) return;
  const head = unsentOf(m, id).find((unsent) => unsent.state !== "failed");
  if (!head || head.state === "flying") return;
  if (head.notBefore > m.now) return setDue(m, `send/${id}`, head.notBefore);
  const { client_msg_id, body, reply_to_seq, thread_seq } = head;
  head.state = "flying";
  head.tries++;
  transmit(m, {
    type: "send",
    conversation_id: id,
    client_msg_id,
    body,
    ...(reply_to_seq === undefined ? {} : { reply_to_seq }),
    ...(thread_seq === undefined ? {} : { thread_seq }),
  });
  setDue(m, `late/${id}`, m.now + lateMs);
  setDue(m, `ack/${id}`, m.now + ackMsMax);
}

export function isFlying(m: Machine, id: string): boolean {
  return unsentOf(m, id).some((unsent) => unsent.state === "flying");
}

export function flushAll(m: Machine): void {
  const ids = new Set([...m.outbox.values()].map((unsent) => unsent.conversation_id));
  for (const id of ids) flush(m, id);
}

/** The link is gone: whether the server has them is unknown, so they are sent again. */
export function land(m: Machine): void {
  for (const unsent of m.outbox.values()) {
    if (unsent.state === "flying") unsent.state = "waiting";
    m.due.delete(`ack/${unsent.conversation_id}`);
    m.due.delete(`late/${unsent.conversation_id}`);
  }
}

/** True when the link seems to swallow what it is given. */
export function ackMissing(m: Machine, id: string): boolean {
  const flying = unsentOf(m, id).find((unsent) => unsent.state === "flying");
  if (!flying) return false;
  flying.state = "waiting";
  if (flying.tries % 3 === 0) return true;
  flush(m, id);
  return false;
}

export function takeAck(m: Machine, ack: Extract<ServerFrame, { type: "ack" }>): void {
  const unsent = m.outbox.get(ack.client_msg_id);
  if (unsent?.conversation_id !== ack.conversation_id) return;
  m.outbox.delete(ack.client_msg_id);
  keep(m, unsent);
  const room = m.rooms.get(ack.conversation_id);
  if (room && m.accountId !== null) {
    const { body, reply_to_seq = null, thread_seq = null } = unsent;
    const { poll } = body;
    const message = {
      ...{ conversation_id: room.id, seq: ack.seq, rev: ack.rev, id: ack.server_msg_id },
      ...{ sender_id: m.accountId, client_msg_id: ack.client_msg_id, by_program: false },
      body: { ...body, text: body.text ?? "", poll: poll && { ...poll, several: !!poll.several } },
      ...{ reply_to_seq, thread_seq, reply_count: 0, extra: {}, created_at: ack.created_at },
      ...{ edited_at: null, deleted_at: null, pinned_at: null, expires_at: null },
    };
    applyMessage(m, room, message, true);
    noteTop(m, room, ack.rev, messageDelayMs);
  }
  flush(m, ack.conversation_id);
}

/** An `error` frame about a message; false when it is about none. */
export function takeError(m: Machine, error: Extract<ServerFrame, { type: "error" }>): boolean {
  const unsent = m.outbox.get(error.ref ?? "");
  if (!unsent) return false;
  if (unsent.state !== "flying") return true;
  const { code, message } = error;
  unsent.error = { code, message };
  const id = unsent.conversation_id;
  m.due.delete(`ack/${id}`);
  if (error.retry_after_ms !== undefined || passing.test(code)) {
    unsent.state = "waiting";
    const wait = backoff(m, unsent.tries, retryFirstMs, retryMsMax);
    unsent.notBefore = m.now + (error.retry_after_ms ?? 0) + wait;
  } else unsent.state = "failed";
  keep(m, unsent);
  flush(m, id);
  return true;
}

function keep(m: Machine, unsent: Unsent): void {
  m.stored.outbox.add(unsent.client_msg_id);
  // At once: what was written is not lost with the page.
  setDue(m, "store", m.now, true);
  m.changed.ids.add(unsent.conversation_id);
  m.changed.list = true;
}
