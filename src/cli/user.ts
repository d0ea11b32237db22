import { randomText } from "../platform/auth/keys.ts";
import type { Account, Role } from "../systems/accounts/contract.ts";
import { withOperations } from "./accounts.ts";
import { type Call, CommandError, UsageError } from "./call.ts";
import { tableLines } from "./terminal.ts";

/** `stoa user`: accounts. What changes here is known to a running server at once. */
const passwordLength = 20;
const passwordBytesMax = 1_024;
const pageRows = 1_000;

export async function createUser(call: Call): Promise<number> {
  const email = emailOf(call);
  const role = call.text("role") ?? "member";
  if (!isRole(role)) throw new UsageError(`user create: --role is admin or member, not "${role}"`);
  const { password, given } = await passwordFor(call);
  const name = call.text("name");
  const account = await withOperations(call, ({ db, operations }) =>
    db.write((tx) => operations.createAccount(tx, { email, password, role, name })),
  );
  call.say(`Made the ${account.role} ${account.email}.`);
  const shown = given ? {} : { password };
  if (call.is("json")) call.json({ ...wire(account), ...shown });
  else if (!given) tellPassword(call, password);
  return 0;
}

export async function listUsers(call: Call): Promise<number> {
  const accounts = await withOperations(call, async ({ db, operations }) => {
    const all: Account[] = [];
    for (let before: string | null = null; ;) {
      const page: Account[] = await operations.listAccounts(db, { before, limit: pageRows });
      all.push(...page);
      if (page.length < pageRows) return all;
      before = page.at(-1)?.id ?? null;
    }
  });
  if (call.is("json")) call.json(accounts.map(wire));
  else {
    const rows = accounts.map(({ id, email, name, role, tier, disabled_at, created_at }) => [
      ...[email ?? "(outside)", role, disabled_at ? "disabled" : "active", tier],
      ...[created_at.toISOString().slice(0, 10), id, name],
    ]);
    const head = ["EMAIL", "ROLE", "STATE", "TIER", "SINCE", "ID", "NAME"];
    for (const line of tableLines([head, ...rows])) call.print(line);
  }
  return 0;
}

export async function setUserPassword(call: Call): Promise<number> {
  const email = emailOf(call);
  const { password, given } = await passwordFor(call);
  await withOperations(call, ({ db, operations }) =>
    db.write((tx) => operations.setPassword(tx, email, password)),
  );
  call.say(`${email} has a new password and is signed out everywhere.`);
  if (!given) tellPassword(call, password);
  return 0;
}

export async function disableUser(call: Call): Promise<number> {
  return await change(call, { disabled: true }, "is disabled");
}

export async function enableUser(call: Call): Promise<number> {
  return await change(call, { disabled: false }, "is enabled");
}

/** What becomes of the links has to be said, because neither way can be taken back. */
export async function deleteUser(call: Call): Promise<number> {
  const email = emailOf(call);
  const heir = call.text("transfer-to");
  if ((heir !== undefined) === call.is("erase-links")) {
    throw new UsageError("user delete: say either --transfer-to EMAIL or --erase-links");
  }
  await withOperations(call, ({ db, operations }) =>
    db.write(async (tx) => {
      const { id } = await operations.findByEmail(tx, email);
      const to = heir === undefined ? null : (await operations.findByEmail(tx, heir)).id;
      await operations.deleteAccount(tx, { id, transfer_to: to });
    }),
  );
  const links = heir === undefined ? "Its links are being erased" : `Its links go to ${heir}`;
  call.say(`${email} is deleted. ${links}, by the running server or at its next start.`);
  return 0;
}

export async function setUserRole(call: Call): Promise<number> {
  const role = call.args[1] ?? "";
  if (!isRole(role)) throw new UsageError(`user role: a role is admin or member, not "${role}"`);
  return await change(call, { role }, `is ${role === "admin" ? "an admin" : "a member"}`);
}

export async function setUserTier(call: Call): Promise<number> {
  const tier = call.args[1] ?? "";
  if (tier === "") throw new UsageError("user tier: which tier? STOA_TIERS names them");
  return await change(call, { tier }, `is on the tier ${tier}`);
}

async function change(
  call: Call,
  wanted: { role?: Role; tier?: string; disabled?: boolean },
  done: string,
): Promise<number> {
  const email = emailOf(call);
  await withOperations(call, ({ db, operations }) =>
    db.write(async (tx) => {
      const { id } = await operations.findByEmail(tx, email);
      await operations.changeAccount(tx, id, wanted);
    }),
  );
  call.say(`${email} ${done} now.`);
  return 0;
}

function emailOf({ args: [email = ""] }: Call): string {
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) {
    throw new UsageError(`"${email}" is not an e-mail address`);
  }
  return email;
}

async function passwordFor(call: Call): Promise<{ password: string; given: boolean }> {
  if (!call.is("password-stdin")) return { password: randomText(passwordLength), given: false };
  const text = await Bun.stdin.slice(0, passwordBytesMax).text();
  const password = text.split(/\r?\n/)[0] ?? "";
  if (password === "") throw new CommandError("there is no password on standard input");
  return { password, given: true };
}

function tellPassword(call: Call, password: string): void {
  call.say("Password, shown once:");
  call.print(password);
}

function wire({ id, email, name, role, tier, disabled_at, created_at }: Account) {
  return { id, email, name, role, tier, disabled: disabled_at !== null, created_at };
}

function isRole(text: string): text is Role {
  return text === "admin" || text === "member";
}
