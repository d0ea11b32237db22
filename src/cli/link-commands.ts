import { type Command, type Flag, json } from "./command.ts";

/** Links, one by one and in files. */
const as: Flag = {
  takes: "EMAIL",
  says: "Act for this account; without it for the first administrator.",
};

export const linkCommands: Command[] = [
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
