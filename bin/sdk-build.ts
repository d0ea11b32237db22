import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes sdk/dist: one file of JavaScript that runs in browsers, Node and Bun, one for each web
 * framework that may ask for limits, and beside them the sources as their types, with the file
 * endings that every resolver of TypeScript understands.
 */
const manifest = new URL("../sdk/package.json", import.meta.url);
const root = join(import.meta.dir, "..");
const source = join(root, "sdk");
const adapters = ["sdk/adapters/hono.ts", "sdk/adapters/express.ts", "sdk/adapters/fastify.ts"];
const entries = ["sdk/stoa.ts", ...adapters];

export async function buildSdk(dist: string): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(join(dist, "types"), { recursive: true });
  const { name, version } = (await Bun.file(manifest).json()) as { name: string; version: string };
  await Bun.build({
    banner: `// ${name} ${version}`,
    entrypoints: entries.map((entry) => join(root, entry)),
    outdir: dist,
    target: "browser",
    format: "esm",
  });
  // Not one pattern for both: Bun finds nothing by a slash inside braces.
  const files = ["*.ts", "adapters/*.ts", "chat/*.ts"].flatMap((p) => [
    ...new Bun.Glob(p).scanSync(source),
  ]);
  for (const file of files) {
    if (/\.(test|fixture|d)\.ts$/.test(file)) continue;
    const text = await Bun.file(join(source, file)).text();
    const typed = text.replace(/(from "\.{1,2}\/[\w/-]+)\.ts"/g, '$1.js"');
    await Bun.write(join(dist, "types", file), typed);
  }
}

if (import.meta.main) await buildSdk(join(source, "dist"));
