import type { SQL } from "bun";
import { generateApiKey } from "../../src/platform/auth/keys.ts";

/** People with API keys and the conversations they are in, written as the program writes them. */
export type ChatPerson = { id: string; key: string };

/** Far below what the program gives out, whose ids begin with the time. */
const firstId = 1_000_000;
const rowsPerInsert = 2_000;

export async function seedPeople(sql: SQL, count: number, from = firstId): Promise<ChatPerson[]> {
  const people: ChatPerson[] = [];
  for (let n = 0; n < count; n += rowsPerInsert) {
    const size = Math.min(rowsPerInsert, count - n);
    const keys = Array.from({ length: size }, generateApiKey);
    const ids = keys.map((_, i) => String(from + n + i));
    const hashes = keys.map(({ hash }) => Buffer.from(hash).toString("hex"));
    const prefixes = keys.map(({ prefix }) => prefix);
    await sql`
      INSERT INTO accounts.accounts (id, name, created_at)
      SELECT id, 'Person ' || id, now() FROM unnest(${sql.array(ids, "int8")}) AS id`;
    await sql`
      INSERT INTO accounts.keys (id, account_id, name, key_hash, prefix, scopes, created_at)
      SELECT k.id, k.id, 'seeded', decode(k.hash, 'hex'), k.prefix, '{*}', now()
      FROM unnest(${sql.array(ids, "int8")}, ${sql.array(hashes, "text")},
        ${sql.array(prefixes, "text")}) AS k (id, hash, prefix)`;
    await sql`
      INSERT INTO chat.people (account_id, name)
      SELECT id, 'Person ' || id FROM unnest(${sql.array(ids, "int8")}) AS id`;
    for (const [i, { plaintext }] of keys.entries()) {
      people.push({ id: ids[i] as string, key: plaintext });
    }
  }
  return people;
}

/** A group of these, owned by the first, in which nothing has been said. */
export async function seedGroup(sql: SQL, id: string, people: ChatPerson[]): Promise<string> {
  const ids = people.map((person) => person.id);
  await sql`
    INSERT INTO chat.conversations (id, kind, title, created_by, rev, members_rev, member_count)
    VALUES (${id}, 'group', ${`Group ${id}`}, ${ids[0] as string}, 1, 1, ${ids.length})`;
  await sql`
    INSERT INTO chat.members (conversation_id, account_id, role, rev)
    SELECT ${id}, id, CASE WHEN id = ${ids[0] as string}::int8 THEN 'owner' ELSE 'member' END, 1
    FROM unnest(${sql.array(ids, "int8")}) AS id`;
  return id;
}
