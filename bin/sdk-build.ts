import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes sdk/dist: one file of JavaScript that runs in browsers, Node and Bun, and beside it the
 * sources as its types, with the file endings that every resolver of TypeScript understands.
 */
const manifest = new URL("../sdk/package.json", import.meta.url);
const source = join(import.meta.dir, "../sdk");

export async function buildSdk(dist: string): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(join(dist, "types"), { recursive: true });
  const { name, version } = (await Bun.file(manifest).json()) as { name: string; version: string };
  await Bun.build({
    banner: `// ${name} ${version}`,
    entrypoints: [join(source, "stoa.ts")],
    outdir: dist,
    target: "browser",
    format: "esm",
  });
  for (const file of new Bun.Glob("*.ts").scanSync(source)) {
    if (file.endsWith(".test.ts")) continue;
    const text = await Bun.file(join(source, file)).text();
    const typed = text.replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"');
    await Bun.write(join(dist, "types", file), typed);
  }
}

if (import.meta.main) await buildSdk(join(source, "dist"));
