import { expect } from "bun:test";
import type { Person } from "../../../../test/world.ts";
import { openChat, type Answer, type Chat } from "../conversations/chat.fixture.ts";
import type { Body, Message } from "../shapes.ts";

/** The whole program, and messages to do something with. */
export type Features = Chat & {
  say(as: Person, id: string, body: string | Partial<Body>): Promise<Message>;
  message(as: Person, id: string, seq: number): Promise<Message>;
  /** Runs a job as if it were due. */
  run(kind: string, payload?: unknown): Promise<void>;
  /** As if the message had been sent so long ago. */
  age(message: Message, seconds: number): Promise<void>;
};

let count = 0;
export const newClientId = () => `of-a-test-${++count}`;

export async function openFeatures(env: Record<string, string> = {}): Promise<Features> {
  const world = await openChat(env);
  const { chat, db } = world;

  async function message(as: Person, id: string, seq: number): Promise<Message> {
    return (await chat<Message>(as, "GET", `/conversations/${id}/messages/${seq}`)).body;
  }

  return {
    ...world,
    message,
    async say(as, id, given) {
      const body = typeof given === "string" ? { text: given } : given;
      const sent = await chat<{ seq: number }>(as, "POST", `/conversations/${id}/messages`, {
        ...{ client_msg_id: newClientId(), body },
      });
      expect(sent).toMatchObject({ status: 201 });
      return await message(as, id, sent.body.seq);
    },
    async run(kind, payload = { asked: ++count }) {
      const jobId = String(Date.now()) + String(++count).padStart(4, "0");
      await db.write(
        (tx) => tx.run`
          INSERT INTO platform.jobs (id, kind, payload, run_at)
          VALUES (${jobId}, ${kind}, ${tx.json(payload)}, now())`,
      );
      await world.settle();
    },
    async age({ conversation_id, seq }, seconds) {
      await db.write(
        (tx) => tx.run`
          UPDATE chat.messages SET created_at = created_at - ${seconds} * interval '1 second'
          WHERE conversation_id = ${conversation_id} AND seq = ${seq}`,
      );
    },
  };
}

/** A route under a conversation: how it is called, and how wrongly. */
export type Tried = {
  method: string;
  rest: string;
  body?: object;
  /** A path or a body that is refused with 400. */
  bad?: { rest?: string; body?: object };
};

/** Strangers learn nothing, those who left are told so, and nobody gets in without a scope. */
export async function tryRefusals(chat: Chat, id: string, left: Person, routes: Tried[]) {
  const path = (of: string, rest: string) => `/api/v1/chat/conversations/${of}${rest}`;
  for (const { method, rest, body, bad } of routes) {
    const call = (as: Person | string | null, at: string, sent: object | undefined = body) =>
      chat.call(method, at, { as, ...(sent && { body: sent }) });
    const stranger = await call(chat.admin, path(id, rest));
    const unknown = await call(chat.admin, path("7", rest));
    const told = ({ status, body: { code, detail } }: Problem) => ({ status, code, detail });
    expect(told(stranger)).toEqual(told(unknown));
    expect(stranger).toMatchObject({ status: 404, body: { code: "chat.not_found" } });
    expect([rest, await call(left, path(id, rest))]).toMatchObject([
      ...[rest, { status: 403, body: { code: "chat.removed" } }],
    ]);
    expect((await call(null, path(id, rest))).status).toBe(401);
    const weak = method === "GET" ? chat.createOnlyKey : chat.readOnlyKey;
    expect((await call(weak, path(id, rest))).body).toMatchObject({ code: "auth.scope_missing" });
    // Where nothing else can be wrong it is the id.
    const wrongPath = bad ? path(id, bad.rest ?? rest) : path("x", rest);
    const wrong = await call(chat.ada, wrongPath, bad?.body ?? body);
    expect([rest, wrong.status]).toEqual([rest, 400]);
  }
}

type Problem = { status: number; body: Answer["body"] & { detail?: string } };

/** A group in which Ada leads, Bob is, and somebody was. */
export async function groupWithLeaver(chat: Chat): Promise<{ id: string; left: Person }> {
  const left = await chat.person("Somebody");
  const id = await chat.group(chat.ada, [chat.bob, left]);
  expect((await chat.chat(left, "POST", `/conversations/${id}/leave`)).status).toBe(204);
  return { id, left };
}
