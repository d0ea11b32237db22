import { readFile } from "node:fs/promises";
import { settings } from "../src/platform/config/config.ts";
import type { Setting } from "../src/platform/config/setting.ts";
import {
  protocolPage,
  protocolReference,
  protocolSchema,
  protocolSchemaFile,
} from "./chat-protocol.ts";

/** Writes what of docs/ is made from code; `--check` fails when some of it is out of date. */
const root = new URL("../", import.meta.url);
const configurationPage = new URL("docs/configuration.md", root);

const intro = `# Configuration

Stoa is configured by environment variables, or by a file \`.env\` of them in the folder it starts
in, and starts without any. All are read once, at the start; a value that cannot be right stops it
with a message that names the variable, and so does a variable called \`STOA_...\` that is none of
these. \`stoa doctor\` checks them without starting anything.

This page is made by \`bin/docs\` from \`src/platform/config/\`.
`;

const tableHead = "| Variable | Default | Takes | Meaning |\n| --- | --- | --- | --- |\n";

const files = [
  ...["config.ts", "limit-settings.ts", "blob-settings.ts", "realtime-settings.ts"],
  "chat-settings.ts",
];

/** The text that docs/configuration.md must have. */
async function configurationReference(): Promise<string> {
  const sources = await Promise.all(
    files.map((file) => readFile(new URL(`src/platform/config/${file}`, root), "utf8")),
  );
  const headings = headingsOf(sources.join("\n"));
  const groups = new Map<string, Setting<unknown>[]>();
  for (const [name, setting] of Object.entries(settings)) {
    const heading = headings.get(name);
    if (!heading) throw new Error(`${name} stands under no heading comment`);
    groups.set(heading, [...(groups.get(heading) ?? []), setting]);
  }
  let out = intro;
  for (const [heading, members] of groups) {
    out += `\n## ${heading}\n\n${tableHead}`;
    for (const setting of members) out += tableRow(setting);
  }
  return out;
}

/** The comment of one or two words above a group of settings, by each setting's name. */
function headingsOf(source: string): Map<string, string> {
  const out = new Map<string, string>();
  let heading = "";
  for (const line of source.split("\n")) {
    heading = /^ {2}\/\/ ([A-Z][a-z]+(?: [a-z]+)?)$/.exec(line)?.[1] ?? heading;
    const name = /^ {2}(\w+): \w+\(/.exec(line)?.[1];
    if (name && heading !== "") out.set(name, heading);
  }
  return out;
}

function tableRow(setting: Setting<unknown>): string {
  const { env, fallback, expects, doc, secret } = setting;
  const cells = [
    `\`${env}\``,
    shown(fallback),
    cell(expects),
    cell(doc) + (secret ? " Never logged." : ""),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

function shown(fallback: unknown): string {
  const text = Array.isArray(fallback) ? fallback.join(",") : String(fallback);
  return text === "" ? "empty" : `\`${text}\``;
}

/** A bar would end the table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The files that are made, and the text that each must have. */
export async function madeDocuments(): Promise<{ file: URL; wanted: string }[]> {
  return [
    { file: configurationPage, wanted: await configurationReference() },
    { file: protocolPage, wanted: await protocolReference() },
    { file: protocolSchemaFile, wanted: protocolSchema() },
  ];
}

if (import.meta.main) {
  for (const { file, wanted } of await madeDocuments()) {
    const name = file.pathname.slice(root.pathname.length);
    const found = await readFile(file, "utf8").catch(() => "");
    if (found === wanted) continue;
    if (process.argv.includes("--check")) {
      process.stderr.write(`${name} is out of date. Run bin/docs.\n`);
      process.exit(1);
    }
    await Bun.write(file, wanted);
    process.stdout.write(`${name} written\n`);
  }
}
