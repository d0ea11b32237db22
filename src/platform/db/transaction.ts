import type { SQL } from "bun";

export type Terms = {
  statementTimeoutMs?: number;
  /** Longest a statement may wait for a lock. */
  lockTimeoutMs?: number;
  readOnly?: boolean;
};

/**
 * A transaction without round trips of its own. Bun's `begin` waits for the server to have begun
 * before it sends the first statement, and for the last before it sends the commit; here they go
 * out together. Should a beginning alone fail, what follows it writes nothing: sessions are
 * read-only outside transactions that say otherwise.
 */
export async function inTransaction<T>(
  client: SQL,
  terms: Terms,
  work: (session: SQL, sent: Sent) => Promise<T> | T,
): Promise<T> {
  const session = await client.reserve();
  const sent = new Sent();
  try {
    sent.add(terms.readOnly ? session`BEGIN READ ONLY` : session`BEGIN READ WRITE`);
    for (const [name, ms] of [
      ["statement_timeout", terms.statementTimeoutMs],
      ["lock_timeout", terms.lockTimeoutMs],
    ] as const) {
      const time = `${Math.ceil(ms ?? 0)}ms`;
      if (ms !== undefined) sent.add(session`SELECT set_config(${name}, ${time}, true)`);
    }
    const value = await work(session, sent);
    sent.add(session`COMMIT`);
    await sent.done();
    return value;
  } catch (error) {
    await session`ROLLBACK`.catch(() => {}); // a session that is gone keeps nothing
    await sent.done(); // what failed first is why the rest did
    throw error;
  } finally {
    session.release();
  }
}

/** Statements under way that nobody waits for yet. */
export class Sent {
  private readonly statements: Promise<{ command?: string }>[] = [];

  add(statement: SQL.Query<{ command?: string }>): void {
    // Only a `then` sends it.
    const running = statement.then((result) => result);
    running.catch(() => {}); // `done` tells
    this.statements.push(running);
  }

  /** Rejects with the first failure in the order of sending. */
  async done(): Promise<void> {
    for (const statement of this.statements) {
      const { command } = await statement;
      // The commit of what failed before says no more than that.
      if (command === "ROLLBACK") throw new Error("a statement failed, and the work went on");
    }
  }
}
