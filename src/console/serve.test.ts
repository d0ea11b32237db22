import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildConsole, type ConsoleAssets } from "./build.ts";
import { serveConsole } from "./serve.ts";

let dataDir: string;
let assets: ConsoleAssets;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "stoa-console-"));
  assets = await buildConsole({ dataDir, signUpOpen: false });
}, 60_000);

afterAll(() => rm(dataDir, { recursive: true, force: true }));

const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  serveConsole(assets, new Request(`http://stoa.test${path}`, { method, headers }));

test("the shell answers for every page and runs nothing but its own files", async () => {
  const answer = ask("/console/links/1/edit");
  const html = (await answer?.text()) ?? "";
  expect(answer?.headers.get("cache-control")).toBe("no-cache");
  expect(answer?.headers.get("content-security-policy")).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
      "media-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; " +
      "form-action 'self'; frame-ancestors 'none'",
  );
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
  expect(loaded.length).toBeGreaterThanOrEqual(4);
  for (const path of loaded) expect(ask(path)?.status).toBe(200);
  expect(html).not.toMatch(/<script>|<style|style="/);
});

test("files named by their content are kept for ever and sent compressed", async () => {
  const path = [...assets.keys()].find((name) => name.includes("/main-")) ?? "";
  const answer = ask(path, { "accept-encoding": "br, gzip" });
  expect(answer?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(answer?.headers.get("content-encoding")).toBe("gzip");
  const packed = (await answer?.arrayBuffer()) ?? new ArrayBuffer();
  const unpacked = Bun.gunzipSync(new Uint8Array(packed));
  const plain = ask(path, { "accept-encoding": "gzip;q=0" });
  expect(plain?.headers.get("content-encoding")).toBeNull();
  expect(
    Buffer.from(unpacked).equals(Buffer.from((await plain?.arrayBuffer()) ?? new ArrayBuffer())),
  ).toBe(true);
  const tag = answer?.headers.get("etag") ?? "";
  expect(ask(path, { "if-none-match": `"other", W/${tag}` })?.status).toBe(304);
});

test("what is not there, and what only asks to change, is nobody's here", () => {
  expect(ask("/console/main-00000000.js")).toBeNull();
  expect(ask("/console/../package.json")).toBeNull();
  expect(ask("/consoles")).toBeNull();
  expect(ask("/console/", {}, "POST")).toBeNull();
  expect(ask("/console")?.headers.get("location")).toBe("/console/");
});

test("a second start reads what the first one built, and another setting builds anew", async () => {
  const [first] = await readdir(join(dataDir, "console"));
  const again = await buildConsole({ dataDir, signUpOpen: false });
  expect(again.get("/console/index.html")?.etag).toBe(assets.get("/console/index.html")?.etag);
  const open = await buildConsole({ dataDir, signUpOpen: true });
  expect(Buffer.from(open.get("/console/index.html")?.bytes ?? []).toString()).toContain(
    'name="stoa-sign-up" content="open"',
  );
  // The older build is gone.
  expect(await readdir(join(dataDir, "console"))).not.toContain(first);
});
