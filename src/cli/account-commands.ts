import { type Command, type Flag, json } from "./command.ts";

/** Accounts and their keys. */
const role: Flag = { takes: "admin|member", says: "What it may do; a member without it." };
const passwordStdin: Flag = {
  says: "Read the password from standard input instead of making one.",
};

export const accountCommands: Command[] = [
  {
    name: "user create",
    takes: "EMAIL",
    says: "Make an account and print its password.",
    flags: {
      role,
      name: { takes: "TEXT", says: "Name to show." },
      "password-stdin": passwordStdin,
      json,
    },
    examples: ["stoa user create ada@example.com --role admin"],
    load: async () => (await import("./user.ts")).createUser,
  },
  {
    name: "user list",
    says: "List all accounts, newest first.",
    flags: { json },
    load: async () => (await import("./user.ts")).listUsers,
  },
  {
    name: "user password",
    takes: "EMAIL",
    says: "Give an account a new password and sign it out everywhere.",
    flags: { "password-stdin": passwordStdin },
    load: async () => (await import("./user.ts")).setUserPassword,
  },
  {
    name: "user disable",
    takes: "EMAIL",
    says: "Refuse an account's sign-ins, sessions and keys from now on.",
    load: async () => (await import("./user.ts")).disableUser,
  },
  {
    name: "user enable",
    takes: "EMAIL",
    says: "Undo user disable.",
    load: async () => (await import("./user.ts")).enableUser,
  },
  {
    name: "user delete",
    takes: "EMAIL",
    says: "Delete an account for good, and hand over or erase what it owns.",
    flags: {
      "transfer-to": { takes: "EMAIL", says: "Account that gets its links and domains." },
      "erase-links": { says: "Instead: end its links for good; visitors are told they are gone." },
    },
    examples: ["stoa user delete bob@example.com --transfer-to ada@example.com"],
    load: async () => (await import("./user.ts")).deleteUser,
  },
  {
    name: "user role",
    takes: "EMAIL admin|member",
    says: "Change what an account may do.",
    load: async () => (await import("./user.ts")).setUserRole,
  },
  {
    name: "user tier",
    takes: "EMAIL TIER",
    says: "Change the plan that an account is on, by which limits tell accounts apart.",
    examples: ["stoa user tier bob@example.com paid"],
    load: async () => (await import("./user.ts")).setUserTier,
  },
  {
    name: "key create",
    takes: "EMAIL",
    says: "Make an API key and print it; it is never shown again.",
    flags: {
      name: { takes: "TEXT", says: "What it is for." },
      scope: { takes: "SCOPE", says: "Like links:read; everything without it.", many: true },
      "ttl-days": { takes: "DAYS", says: "Days until it expires; never without it." },
    },
    examples: ["TOKEN=$(stoa key create admin@stoa.local --name first)"],
    load: async () => (await import("./key.ts")).createKey,
  },
  {
    name: "key list",
    takes: "EMAIL",
    says: "List an account's API keys, newest first.",
    flags: { json },
    load: async () => (await import("./key.ts")).listKeys,
  },
  {
    name: "key revoke",
    takes: "KEY",
    says: "Revoke an API key, by its id, its prefix or itself, at once.",
    load: async () => (await import("./key.ts")).revokeKey,
  },
];
