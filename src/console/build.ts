import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { assert } from "../platform/errors/errors.ts";

/**
 * Builds the console once per version of its sources. The result lies in the data folder under
 * the hash of everything it was made from, so every later start only reads it.
 */
export type Asset = {
  bytes: Uint8Array;
  gzip: Uint8Array;
  type: string;
  etag: string;
  /** Its name holds the hash of its content, so it may be cached for ever. */
  immutable: boolean;
};

/** By path, from `/console/` on. */
export type ConsoleAssets = Map<string, Asset>;

export const consoleBase = "/console/";
export const shellPath = `${consoleBase}index.html`;

const sourceDir = import.meta.dir;
const rootDir = join(sourceDir, "../..");

export type ConsoleOptions = {
  dataDir: string;
  /** Whether the sign-in page offers to create an account. */
  signUpOpen: boolean;
};

export async function buildConsole(options: ConsoleOptions): Promise<ConsoleAssets> {
  const cache = join(options.dataDir, "console");
  const finished = join(cache, await hashSources(options.signUpOpen));
  const kept = await readAssets(finished);
  if (kept) return kept;
  await mkdir(cache, { recursive: true });
  const working = await mkdtemp(join(cache, "building-"));
  try {
    const files = await bundle(options.signUpOpen);
    for (const [name, bytes] of files) await Bun.write(join(working, name), bytes);
    // A second process may have finished first; its files are the same.
    await rename(working, finished).catch(() => {});
    await removeOlder(cache, finished);
    return toAssets(files);
  } finally {
    await rm(working, { recursive: true, force: true });
  }
}

async function bundle(signUpOpen: boolean): Promise<Map<string, Uint8Array>> {
  // Loading it takes longer than all the rest of a start that finds the console built.
  const { default: tailwind } = await import("bun-plugin-tailwind");
  const built = await Bun.build({
    entrypoints: ["main.tsx", "theme-boot.ts", "console.css"].map((f) => join(sourceDir, f)),
    target: "browser",
    format: "esm",
    splitting: true,
    minify: true,
    plugins: [tailwind],
    naming: {
      entry: "[name]-[hash].[ext]",
      chunk: "[name]-[hash].[ext]",
      asset: "[name]-[hash].[ext]",
    },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const files = new Map<string, Uint8Array>();
  for (const output of built.outputs) {
    files.set(output.path.replace(/^\.\//, ""), new Uint8Array(await output.arrayBuffer()));
  }
  const named = (start: string, end: string) => {
    const name = [...files.keys()].find((file) => file.startsWith(start) && file.endsWith(end));
    if (!name) throw new Error(`the console build made no ${start}*${end}`);
    return consoleBase + name;
  };
  const shell = shellOf({
    boot: named("theme-boot-", ".js"),
    script: named("main-", ".js"),
    style: named("console-", ".css"),
    signUpOpen,
  });
  files.set("index.html", new TextEncoder().encode(shell));
  files.set("icon.svg", await Bun.file(join(sourceDir, "icon.svg")).bytes());
  return files;
}

type Shell = { boot: string; script: string; style: string; signUpOpen: boolean };

/** The boot script is no module, so that it sets the theme before anything is painted. */
function shellOf(paths: Shell): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="stoa-sign-up" content="${paths.signUpOpen ? "open" : "closed"}">
<title>Stoa</title>
<link rel="icon" href="${consoleBase}icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${paths.style}">
<script src="${paths.boot}"></script>
<script type="module" src="${paths.script}"></script>
</head>
<body>
<div id="root"></div>
<noscript>The console needs JavaScript. The API does not.</noscript>
</body>
</html>
`;
}

async function readAssets(dir: string): Promise<ConsoleAssets | null> {
  const names = await readdir(dir).catch((): string[] => []);
  if (!names.includes("index.html")) return null;
  const files = new Map<string, Uint8Array>();
  for (const name of names) files.set(name, await Bun.file(join(dir, name)).bytes());
  return toAssets(files);
}

function toAssets(files: Map<string, Uint8Array>): ConsoleAssets {
  const assets: ConsoleAssets = new Map();
  for (const [name, bytes] of files) {
    const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22);
    assets.set(consoleBase + name, {
      bytes,
      gzip: Bun.gzipSync(bytes as Uint8Array<ArrayBuffer>, { level: 9 }),
      type: typeOf(name),
      etag: `"${hash}"`,
      immutable: /-[a-z0-9]{8}\.(js|css)$/.test(name),
    });
  }
  return assets;
}

function typeOf(name: string): string {
  const types: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
  };
  return types[extname(name)] ?? "application/octet-stream";
}

async function hashSources(signUpOpen: boolean): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256").update(`${Bun.version} ${signUpOpen}`);
  // Not one pattern for both: Bun finds nothing by a slash inside braces.
  const names = ["src/console", "sdk"].flatMap((folder) => {
    const found = [...new Bun.Glob(`${folder}/**/*.{ts,tsx,css,svg}`).scanSync(rootDir)];
    assert(found.length > 0, `there are no sources of the console in ${folder}`);
    return found;
  });
  names.push("package-lock.json");
  for (const name of names.sort()) {
    if (/\.test\.tsx?$/.test(name)) continue;
    hash.update(`\n${name}\n`).update(await Bun.file(join(rootDir, name)).bytes());
  }
  return hash.digest("hex").slice(0, 16);
}

async function removeOlder(cache: string, finished: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const dir = join(cache, name);
    if (dir !== finished && !name.startsWith("building-")) {
      await rm(dir, { recursive: true, force: true });
    }
  }
}
