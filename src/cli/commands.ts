import { accountCommands } from "./account-commands.ts";
import { type Command, json } from "./command.ts";
import { linkCommands } from "./link-commands.ts";

/** All commands, in the order of the help. A command's code is loaded when it is called. */
const serveCommands: Command[] = [
  {
    name: "serve",
    says: "Run Stoa until a signal stops it.",
    flags: {
      port: { takes: "N", says: "TCP port to listen on, instead of PORT." },
      host: { takes: "ADDRESS", says: "Address to listen on, instead of HOST." },
      processes: { takes: "N", says: "Processes that share the ports; more than 1 needs Redis." },
    },
    endsItself: true,
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  {
    name: "serve-process",
    takes: "NUMBER",
    says: "Run one of several processes; stoa serve --processes starts it.",
    isInner: true,
    load: async () => (await import("./serve-process.ts")).serveProcessCommand,
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
    says: "Write all that is stored to one file, while Stoa runs.",
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
    load: async () => (await import("./help.ts")).helpOn(commands),
  },
];

export const commands: Command[] = [
  ...serveCommands,
  ...accountCommands,
  ...linkCommands,
  ...otherCommands,
];
