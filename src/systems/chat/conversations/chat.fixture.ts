import { password, type Person, startWorld, type World } from "../../../../test/world.ts";
import type { Listed, Member, Role } from "../shapes.ts";

/** The whole program, people with names, and how they talk to its chat. */
export type Answer<T = Record<string, never>> = { status: number; body: T & { code?: string } };

export type Chat = World & {
  /** Another account, whose name chat knows. */
  person(name: string): Promise<Person>;
  chat<T>(as: Person, method: string, path: string, body?: unknown): Promise<Answer<T>>;
  group(owner: Person, others?: Person[], kind?: "group" | "channel"): Promise<string>;
  direct(one: Person, other: Person): Promise<string>;
  listed(as: Person, id: string): Promise<Listed>;
  members(as: Person, id: string): Promise<Member[]>;
  /** Gives the role by SQL, so that tests of roles do not rest on the routes they test. */
  setRole(id: string, person: Person, role: Role): Promise<void>;
  selfRev(person: Person): Promise<number>;
};

let count = 0;

export async function openChat(env: Record<string, string> = {}): Promise<Chat> {
  const world = await startWorld(env);
  const { db, running } = world;

  async function chat<T>(as: Person, method: string, path: string, body?: unknown) {
    const reply = await world.call(method, `/api/v1/chat${path}`, { as, body });
    return { status: reply.status, body: reply.body as unknown as Answer<T>["body"] };
  }

  async function opened(as: Person, body: unknown): Promise<string> {
    const reply = await chat<{ id: string }>(as, "POST", "/conversations", body);
    if (reply.status > 201) throw new Error(JSON.stringify(reply.body));
    return reply.body.id;
  }

  return {
    ...world,
    chat,
    async person(name) {
      const email = `person${++count}@chat.test`;
      const wish = { name: "all", scopes: ["*"], expires_at: null };
      return await db.write(async (tx) => {
        const { id } = await running.operations.createAccount(tx, { email, password, name });
        return { id, email, key: (await running.operations.createKey(tx, id, wish)).key };
      });
    },
    group: (owner, others = [], kind = "group") =>
      opened(owner, { kind, title: "A group", account_ids: others.map(({ id }) => id) }),
    direct: (one, other) => opened(one, { kind: "direct", account_id: other.id }),
    async listed(as, id) {
      return (await chat<Listed>(as, "GET", `/conversations/${id}`)).body;
    },
    async members(as, id) {
      const path = `/conversations/${id}/members?limit=100`;
      return (await chat<{ items: Member[] }>(as, "GET", path)).body.items;
    },
    async setRole(id, person, role) {
      await db.write(
        (tx) => tx.run`
          UPDATE chat.members SET role = ${role}
          WHERE conversation_id = ${id} AND account_id = ${person.id}`,
      );
    },
    async selfRev(person) {
      const row = await db.one<{ self_rev: string }>`
        SELECT self_rev FROM chat.people WHERE account_id = ${person.id}`;
      return Number(row?.self_rev ?? 0);
    },
  };
}
