import { z } from "zod";
import { scopeSchema } from "../systems/accounts/api-keys.ts";
import { withOperations } from "./accounts.ts";
import { type Call, CommandError, UsageError } from "./call.ts";
import { tableLines } from "./terminal.ts";

/** `stoa key`: API keys. Creating prints the key and nothing else. */
const dayMs = 86_400_000;
const pageRows = 1_000;
const daysMax = 36_500;

export async function createKey(call: Call): Promise<number> {
  const [email = ""] = call.args;
  const name = call.text("name") ?? "command line";
  const scopes = call.many("scope");
  const parsed = z.array(scopeSchema).safeParse(scopes);
  if (!parsed.success) {
    throw new UsageError(`key create: --scope: ${parsed.error.issues[0]?.message}`);
  }
  const ttlDays = daysOf(call);
  const key = await withOperations(call, ({ db, clock, operations }) =>
    db.write(async (tx) => {
      const { id } = await operations.findByEmail(tx, email);
      const expires_at = ttlDays === null ? null : new Date(clock.now() + ttlDays * dayMs);
      const wanted = { name, scopes: scopes.length > 0 ? scopes : ["*"], expires_at };
      return await operations.createKey(tx, id, wanted);
    }),
  );
  call.say(`Made the key "${key.name}" of ${email}; it is shown once.`);
  call.print(key.key);
  return 0;
}

export async function listKeys(call: Call): Promise<number> {
  const [email = ""] = call.args;
  const keys = await withOperations(call, async ({ db, operations }) => {
    const { id } = await operations.findByEmail(db, email);
    // The limit of keys an account may hold is far below what a page could be.
    return await operations.listKeys(db, id, { before: null, limit: pageRows * 100 });
  });
  if (call.is("json")) call.json(keys.map((key) => ({ ...key, scopes: Array.from(key.scopes) })));
  else {
    const day = (at: Date | null) => at?.toISOString().slice(0, 10) ?? "never";
    const rows = keys.map((key) => [
      ...[key.prefix, Array.from(key.scopes).join(","), day(key.created_at)],
      ...[day(key.last_used_at), day(key.expires_at), key.id, key.name],
    ]);
    const head = ["PREFIX", "SCOPES", "MADE", "USED", "EXPIRES", "ID", "NAME"];
    for (const line of tableLines([head, ...rows])) call.print(line);
  }
  return 0;
}

export async function revokeKey(call: Call): Promise<number> {
  const [text = ""] = call.args;
  const key = await withOperations(call, ({ db, operations }) =>
    db.write(async (tx) => {
      const found = await operations.findKeys(tx, text);
      const [first, second] = found;
      if (!first) throw new CommandError("there is no such API key");
      if (second) {
        const ids = found.map(({ id, name }) => `${id} (${name})`).join(", ");
        throw new CommandError(`several keys have this prefix; name one by its id: ${ids}`);
      }
      await operations.revokeKey(tx, first);
      return first;
    }),
  );
  call.say(`Revoked the key "${key.name}" (${key.prefix}...).`);
  return 0;
}

function daysOf(call: Call): number | null {
  const text = call.text("ttl-days");
  if (text === undefined) return null;
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= daysMax) return days;
  throw new UsageError(`key create: --ttl-days: a whole number from 1 to ${daysMax}`);
}
