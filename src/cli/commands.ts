import type { Call } from "./call.ts";

/**
 * The commands as values: what each takes and does. Parsing, help and the hints for typing
 * mistakes are all made from this table. A command's code is loaded when it is called.
 */
export type Flag = {
  /** What stands for its value in the help; without it the flag takes none. */
  takes?: string;
  says: string;
  many?: boolean;
};

export type Run = (call: Call) => Promise<number>;

export type Command = {
  /** One word, or a thing and what is done to it. */
  name: string;
  /** Positional arguments as the help shows them; optional ones in brackets. */
  takes?: string;
  says: string;
  flags?: Record<string, Flag>;
  examples?: string[];
  /** Ctrl-C is left to the command, which ends at a point where nothing is half done. */
  endsItself?: boolean;
  load(): Promise<Run>;
};

const json: Flag = { says: "Print the result as JSON." };
const as: Flag = {
  takes: "EMAIL",
  says: "Act for this account; without it for the first administrator.",
};
const role: Flag = { takes: "admin|member", says: "What it may do; a member without it." };
const passwordStdin: Flag = {
  says: "Read the password from standard input instead of making one.",
};

const serveCommands: Command[] = [
  {
    name: "serve",
    says: "Run Stoa until a signal stops it.",
    flags: {
      port: { takes: "N", says: "TCP port to listen on, instead of PORT." },
      host: { takes: "ADDRESS", says: "Address to listen on, instead of HOST." },
    },
    endsItself: true,
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  {
    name: "migrate",
    says: "Bring the database's schema up to date.",
    flags: { "dry-run": { says: "Only list what would be applied." }, json },
    load: async () => (await import("./migrate.ts")).migrateCommand,
  },
  {
    name: "doctor",
    says: "Check machine and configuration, and say what to do.",
    flags: { json },
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
];

const accountCommands: Command[] = [
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
    name: "user role",
    takes: "EMAIL admin|member",
    says: "Change what an account may do.",
    load: async () => (await import("./user.ts")).setUserRole,
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

const linkCommands: Command[] = [
  {
    name: "link create",
    takes: "URL",
    says: "Make a short link and print it.",
    flags: {
      alias: { takes: "TEXT", says: "Name to use instead of a code." },
      domain: { takes: "HOST", says: "A proved domain of the account's." },
      title: { takes: "TEXT", says: "Title." },
      tag: { takes: "TEXT", says: "Tag.", many: true },
      "ttl-days": { takes: "DAYS", says: "Days to live; 0 is for ever." },
      find: { says: "Print the live link to this URL where there is one." },
      as,
      json,
    },
    load: async () => (await import("./link.ts")).createLink,
  },
  {
    name: "link list",
    says: "List links, newest first.",
    flags: {
      search: { takes: "TEXT", says: "Words in code, URL, title or tags." },
      tag: { takes: "TEXT", says: "Only links with this tag." },
      state: { takes: "live|ended|all", says: "Which links; live ones without it." },
      limit: { takes: "N", says: "How many at most; 100 without it." },
      as,
      json,
    },
    load: async () => (await import("./link.ts")).listLinks,
  },
  {
    name: "link show",
    takes: "LINK",
    says: "Show a link, by its id, its code or its short URL.",
    flags: { as, json },
    load: async () => (await import("./link.ts")).showLink,
  },
  {
    name: "link delete",
    takes: "LINK",
    says: "Delete a link; visitors get 410 from now on.",
    flags: { as },
    load: async () => (await import("./link.ts")).deleteLink,
  },
  {
    name: "link import",
    takes: "FILE",
    says: "Make links of a CSV that Stoa, Bitly, Kutt, YOURLS or Shlink exported.",
    flags: {
      format: { takes: "NAME", says: "stoa, bitly, kutt, yourls or shlink; found out without it." },
      domain: { takes: "HOST", says: "Host for every row." },
      "dry-run": { says: "Only say what would happen." },
      as,
      json,
    },
    endsItself: true,
    load: async () => (await import("./link-files.ts")).importLinks,
  },
  {
    name: "link export",
    takes: "[FILE]",
    says: "Write all links as CSV, to standard output without FILE.",
    flags: { as },
    load: async () => (await import("./link-files.ts")).exportLinks,
  },
];

const otherCommands: Command[] = [
  {
    name: "plan",
    takes: "links",
    says: "Reckon what a given traffic needs, from what was measured.",
    flags: {
      "writes-per-day": { takes: "N", says: "Links made a day, e.g. 100M." },
      "reads-per-write": { takes: "N", says: "Redirects a link made; 100 without it." },
      years: { takes: "N", says: "Years to plan for; 5 without it." },
      "peak-factor": { takes: "N", says: "Busiest hour by average hour; 3 without it." },
      "retention-days": { takes: "N", says: "Days that raw clicks are kept; 90 without it." },
      "cache-entries": { takes: "N", says: "Links that a process holds; 1M without it." },
      "hot-share": { takes: "PERCENT", says: "Share of links called hot; 20 without it." },
      zipf: { takes: "S", says: "Exponent of popularity; 1 without it, 0 is even." },
      measured: { takes: "FILE", says: "Another file than bench/measured.json." },
      json,
    },
    examples: ["stoa plan links --writes-per-day 100M --reads-per-write 100 --years 5"],
    load: async () => (await import("./plan-command.ts")).planCommand,
  },
  {
    name: "backup",
    takes: "FILE",
    says: "Write everything in the database to a file, while Stoa runs.",
    flags: { json },
    endsItself: true,
    load: async () => (await import("./copies.ts")).backupCommand,
  },
  {
    name: "restore",
    takes: "FILE",
    says: "Put a backup into an empty database, with Stoa stopped.",
    flags: {
      force: { says: "Replace what the database holds, even under a running Stoa." },
      json,
    },
    endsItself: true,
    load: async () => (await import("./copies.ts")).restoreCommand,
  },
  {
    name: "version",
    says: "Print the versions of Stoa and of Bun.",
    flags: { json },
    load: async () => (await import("./version.ts")).versionCommand,
  },
  {
    name: "help",
    takes: "[COMMAND...]",
    says: "Say what there is, or what a command takes.",
    load: async () => (await import("./help.ts")).helpCommand,
  },
];

export const commands: Command[] = [
  ...serveCommands,
  ...accountCommands,
  ...linkCommands,
  ...otherCommands,
];
