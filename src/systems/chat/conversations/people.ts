import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Accounts } from "../../accounts/contract.ts";
import type { Deps } from "./deps.ts";
import { fold } from "./fold.ts";

/**
 * People as chat knows them: the name is a copy of the account's, so that lists and search need no
 * other system, kept true by the events of accounts.
 */
export type Person = { account_id: string; name: string };

const deletedName = "deleted account";
const foundMax = 20;
/** How alike two spellings must be, from 0 to 1: one wrong letter in a name of five still is. */
const alikeMin = "0.3";
const backfillPage = 1_000;

type Names = Pick<Deps, "accounts">;

/** Makes sure that each is an account that may take part. Throws `chat.person_unknown`. */
export async function requirePeople(
  tx: Writer,
  { accounts }: Names,
  ids: readonly string[],
): Promise<void> {
  const found = await accounts.findAccounts(tx, ids);
  const present = new Set(found.filter((a) => a.disabled_at === null).map((a) => a.id));
  const missing = ids.find((id) => !present.has(id));
  if (missing !== undefined) {
    throw new AppError("chat.person_unknown", `There is no account ${missing}.`);
  }
  await insertPeople(tx, found);
}

/** The same for one that a path names. Throws `chat.not_found`. */
export async function requirePerson(tx: Writer, { accounts }: Names, id: string): Promise<void> {
  const account = await accounts.findAccount(tx, id);
  if (!account) throw new AppError("chat.not_found", "There is no such person.");
  await insertPeople(tx, [account]);
}

async function insertPeople(
  tx: Writer,
  found: readonly { id: string; name: string }[],
): Promise<void> {
  const { ids, names, folded } = columnsOf(tx, found);
  await tx.run`
    INSERT INTO chat.people (account_id, name, folded)
    SELECT * FROM unnest(${ids}, ${names}, ${folded}) AS p(id, name, folded) ORDER BY id
    ON CONFLICT DO NOTHING`;
}

function columnsOf(tx: Writer, people: readonly { id: string; name: string }[]) {
  return {
    ids: tx.array(
      people.map((one) => one.id),
      "int8",
    ),
    names: tx.array(
      people.map((one) => one.name),
      "text",
    ),
    folded: tx.array(
      people.map((one) => fold(one.name)),
      "text",
    ),
  };
}

/** Takes the names as they are now over from accounts; events may come late and twice. */
export async function refreshNames(
  tx: Writer,
  { accounts }: Names,
  ids: readonly string[],
): Promise<void> {
  const { ids: found, names, folded } = columnsOf(tx, await accounts.findAccounts(tx, ids));
  await tx.run`
    INSERT INTO chat.people AS known (account_id, name, folded)
    SELECT * FROM unnest(${found}, ${names}, ${folded}) AS p(id, name, folded) ORDER BY id
    ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, folded = excluded.folded
    WHERE known.deleted_at IS NULL`;
}

/** For accounts that are older than chat is here. */
export async function backfillPeople(
  { db, accounts }: Pick<Deps, "db"> & { accounts: Pick<Accounts, "listAccounts"> },
  signal: AbortSignal,
): Promise<void> {
  let before: string | null = null;
  while (!signal.aborted) {
    const page = await accounts.listAccounts(db, { before, limit: backfillPage });
    if (page.length === 0) return;
    await db.write((tx) => insertPeople(tx, page));
    before = page.at(-1)?.id ?? null;
  }
  throw new Error("there was no time to take all names over; the next try goes on");
}

export async function anyPerson(reader: Reader): Promise<boolean> {
  return (await reader.one`SELECT 1 FROM chat.people LIMIT 1`) !== null;
}

/** The name goes; the row stays, because messages and members point to it. */
export async function eraseName(tx: Writer, id: string, now: Date): Promise<void> {
  await tx.run`
    INSERT INTO chat.people (account_id, name, deleted_at) VALUES (${id}, ${deletedName}, ${now})
    ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, folded = '',
      last_seen_at = NULL, deleted_at = coalesce(chat.people.deleted_at, excluded.deleted_at)`;
}

/**
 * Whom the caller finds. By the whole e-mail address anybody is found, as everybody is who knows
 * it; by name those whom the setting says. Whoever blocked the caller is not found at all.
 */
export async function findPeople(
  deps: FindDeps,
  callerId: string,
  text: string,
): Promise<Person[]> {
  if (!text.includes("@")) return await findByName(deps, callerId, text);
  const account = await deps.accounts.findByEmail(deps.db, text);
  if (!account || account.disabled_at !== null || account.id === callerId) return [];
  const blocked = await deps.db.one`
    SELECT 1 FROM chat.blocks WHERE account_id = ${account.id} AND blocked_id = ${callerId}`;
  return blocked ? [] : [{ account_id: account.id, name: account.name }];
}

type FindDeps = Pick<Deps, "db" | "accounts" | "config">;

/** The most alike first. Without `everybody` only those in a group or a direct conversation too. */
async function findByName({ db, config }: FindDeps, callerId: string, text: string) {
  const wanted = fold(text);
  const reach = (tx: Writer) =>
    config.chatPeopleFindable === "everybody"
      ? tx.sql``
      : tx.sql`AND p.account_id IN (
          SELECT other.account_id FROM chat.members own
          JOIN chat.conversations c ON c.id = own.conversation_id AND c.kind <> 'channel'
            AND c.deleted_at IS NULL
          JOIN chat.members other ON other.conversation_id = c.id AND other.left_at IS NULL
          WHERE own.account_id = ${callerId} AND own.left_at IS NULL)`;
  return await db.write(async (tx) => {
    await tx.all`SELECT set_config('pg_trgm.word_similarity_threshold', ${alikeMin}, true)`;
    return await tx.all<Person>`
      SELECT p.account_id, p.name FROM chat.people p
      WHERE ${wanted}::text <% p.folded AND p.deleted_at IS NULL AND p.account_id <> ${callerId}
        ${reach(tx)}
        AND NOT EXISTS (SELECT FROM chat.blocks b
          WHERE b.account_id = p.account_id AND b.blocked_id = ${callerId})
      ORDER BY word_similarity(${wanted}, p.folded) DESC, p.name, p.account_id
      LIMIT ${foundMax}`;
  });
}
