import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "bun:test";
import { Stage } from "./stage.ts";
import { tree } from "./stoa.ts";

/**
 * Counter-proofs: a fault test is worth something only if it fails on a program that lacks the
 * very thing it guards. A copy of the tree is broken on purpose and the same scenario must find
 * out. Takes long, so it runs with FAULT_COUNTERPROOF=1; README.md tells what was found. That the
 * places to break are still there is checked in every run.
 */
export type Break = { file: string; from: string; to: string };

const wanted = process.env["FAULT_COUNTERPROOF"] === "1";
const copied = [
  "src",
  "bin",
  "sdk",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "bunfig.toml",
];

export async function breakTree(stage: Stage, breaks: Break[]): Promise<string> {
  const folder = await stage.folder("broken");
  for (const name of copied) await cp(join(tree, name), join(folder, name), { recursive: true });
  await symlink(join(tree, "node_modules"), join(folder, "node_modules"));
  for (const { file, from, to } of breaks) {
    const text = await textToBreak(folder, { file, from });
    await writeFile(
      join(folder, file),
      text.replace(from, () => to),
    );
  }
  return folder;
}

async function textToBreak(folder: string, { file, from }: Omit<Break, "to">): Promise<string> {
  const text = await readFile(join(folder, file), "utf8");
  const places = text.split(from).length - 1;
  if (places !== 1) throw new Error(`${file} has ${places} places like: ${from}`);
  return text;
}

/** An acknowledgement that does not wait for the commit. */
export const answersEarly: Break[] = [
  // Not the first ones: each step of an install needs the one before.
  {
    file: "src/platform/db/db.ts",
    from: "async function attempt<T>(",
    to: "let writes = 0;\n\nasync function attempt<T>(",
  },
  {
    file: "src/platform/db/db.ts",
    from: `const result = await inTransaction(client, options, (tx, sent) =>
        work(writerOf(tx, sent, effects)),
      );`,
    to: `const early = Promise.withResolvers<T>();
      inTransaction(client, options, async (tx, sent) => {
        const made = await work(writerOf(tx, sent, effects));
        early.resolve(made);
        if (++writes > 60) await Bun.sleep(40);
        return made;
      }).catch(early.reject);
      const result = await early.promise;`,
  },
];

/** `prove` runs the scenario on the broken tree and expects it to be found out. */
export function counterproof(
  what: string,
  breaks: Break[],
  prove: (brokenTree: string) => Promise<void>,
): void {
  test(`can still be broken: ${what}`, async () => {
    for (const each of breaks) await textToBreak(tree, each);
  });
  if (!wanted) return;
  test(`found out: ${what}`, async () => {
    await using stage = new Stage();
    await prove(await breakTree(stage, breaks));
  });
}
