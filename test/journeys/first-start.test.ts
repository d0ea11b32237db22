import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSdk } from "../../bin/sdk-build.ts";
import { createStoa } from "../../sdk/stoa.ts";

/** The program as `npm start` runs it, on an empty folder, and the way from there to a click. */
let folder: string;
let stoa: Bun.Subprocess<"ignore", "pipe", "pipe">;
let url: string;
let greeting: string;
let admin: { email: string; password: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stoa first start-"));
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = String(probe.port);
  probe.stop(true);
  url = `http://localhost:${port}`;
  stoa = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), "serve"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", PORT: port, STOA_DATA_DIR: join(folder, "data") },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  greeting = await textUntil(stoa.stdout, /curl -i \S+\n/);
  expect(greeting).toContain(`Stoa is ready: ${url}`);
  admin = {
    email: /e-mail\s+(\S+)/.exec(greeting)?.[1] ?? "",
    password: /password\s+(\S+)/.exec(greeting)?.[1] ?? "",
  };
}, 60_000);

afterAll(async () => {
  stoa?.kill("SIGTERM");
  await stoa?.exited;
  await rm(folder, { recursive: true, force: true });
}, 60_000);

test("a person signs in with what the start printed and gives a program a key", async () => {
  const door = createStoa({ baseUrl: url });
  const signedIn = await door.sessions.signIn(admin);
  expect(signedIn.account.role).toBe("admin");
  const person = createStoa({ baseUrl: url, getToken: () => signedIn.access_token });
  const { key } = await person.keys.create({ name: "program", scopes: ["links:*"] });

  const program = createStoa({ baseUrl: url, apiKey: key });
  const link = await program.links.create({ url: "https://example.com/first", alias: "first" });
  expect(link.short_url).toBe(`${url}/first`);
  const headers = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };
  const followed = await fetch(link.short_url, { redirect: "manual", headers });
  expect([followed.status, followed.headers.get("location")]).toEqual([
    302,
    "https://example.com/first",
  ]);
  let clicks = 0;
  while (clicks === 0) clicks = (await program.links.stats(link.id)).totals.humans;
  expect(clicks).toBe(1);
  // A key for links sees nothing else.
  await expect(program.keys.list().take(1)).rejects.toMatchObject({ code: "auth.scope_missing" });
}, 30_000);

test("Node runs the packed client", async () => {
  const signedIn = await createStoa({ baseUrl: url }).sessions.signIn(admin);
  const person = createStoa({ baseUrl: url, getToken: () => signedIn.access_token });
  const { key } = await person.keys.create({ name: "node", scopes: ["links:*"] });
  const dist = join(folder, "dist");
  await buildSdk(dist);
  const script = `
    import { createStoa, ConflictError } from ${JSON.stringify(join(dist, "stoa.js"))};
    const stoa = createStoa({ baseUrl: process.env.URL, apiKey: process.env.KEY });
    await stoa.links.create({ url: "https://example.com/node", alias: "from-node" });
    const again = await stoa.links.create({ url: "https://example.com/b", alias: "from-node" })
      .catch((error) => error);
    const codes = [];
    for await (const link of stoa.links.list({ limit: 1 })) codes.push(link.code);
    console.log(JSON.stringify([again instanceof ConflictError, codes]));`;
  await Bun.write(join(folder, "try.mjs"), script);
  const node = Bun.spawn(["node", join(folder, "try.mjs")], {
    env: { PATH: process.env["PATH"] ?? "", URL: url, KEY: key },
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(JSON.parse(await new Response(node.stdout).text())).toEqual([
    true,
    ["from-node", "first"],
  ]);
}, 30_000);

test("the three commands that the start printed work from any folder", async () => {
  const [, commands = ""] = greeting.split("Three commands to try:\n");
  const shell = Bun.spawn(["bash", "-euc", commands], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "" },
    stdout: "pipe",
    stderr: "ignore",
  });
  const said = await new Response(shell.stdout).text();
  expect(await shell.exited).toBe(0);
  expect(said).toContain(`"short_url":"${url}/hello"`);
  expect(said).toMatch(/HTTP\/1.1 302 [^]*location: https:\/\/example.com\//i);
}, 30_000);

async function textUntil(stream: ReadableStream<Uint8Array>, end: RegExp): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  while (!end.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`Stoa ended before it was ready: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  reader.releaseLock();
  return text;
}
