import { readFile } from "node:fs/promises";
import { settings } from "../src/platform/config/config.ts";
import type { Setting } from "../src/platform/config/setting.ts";

/** Writes docs/configuration.md from the settings; `--check` fails when it is out of date. */
const root = new URL("../", import.meta.url);
export const configurationPage = new URL("docs/configuration.md", root);

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
export async function configurationReference(): Promise<string> {
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

if (import.meta.main) {
  const wanted = await configurationReference();
  const file = Bun.file(configurationPage);
  const found = (await file.exists()) ? await file.text() : "";
  if (found === wanted) process.exit(0);
  if (process.argv.includes("--check")) {
    process.stderr.write("docs/configuration.md is out of date. Run bin/docs.\n");
    process.exit(1);
  }
  await Bun.write(file, wanted);
  process.stdout.write("docs/configuration.md written\n");
}
