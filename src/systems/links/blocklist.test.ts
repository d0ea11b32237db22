import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "../../platform/clock/clock.ts";
import { createLog, silentLog } from "../../platform/log/log.ts";
import { openBlocklist, type Blocklist } from "./blocklist.ts";

let folder = "";
let lines: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stoa-lists-"));
  lines = [];
});
afterEach(() => rm(folder, { recursive: true }));

const file = (name: string) => path.join(folder, name);
const logged = (text: string) => lines.filter((line) => line.includes(text)).length;

async function lists(
  given: { block?: Record<string, string>; allow?: Record<string, string> },
  entriesMax?: number,
): Promise<Blocklist> {
  const { block = {}, allow = {} } = given;
  for (const [name, text] of Object.entries({ ...block, ...allow })) {
    await writeFile(file(name), text);
  }
  return openBlocklist({
    blockFiles: Object.keys(block).map(file),
    allowFiles: Object.keys(allow).map(file),
    log: createLog({ write: (line) => void lines.push(line) }),
    clock: systemClock,
    entriesMax,
  });
}

const matches = (list: Blocklist, url: string) => list.matches(new URL(url));

describe("matching", () => {
  test("a host covers what is below it, and nothing beside it", async () => {
    const list = await lists({ block: { "hosts.txt": "bad.example\n1.2.3.4\n[2606:4700::1]\n" } });
    const hit = { list: "hosts.txt", entry: "bad.example" };
    expect(matches(list, "https://bad.example/x")).toEqual(hit);
    expect(matches(list, "http://a.b.BAD.example.:81/")).toEqual(hit);
    expect(matches(list, "http://1.2.3.4/")?.entry).toBe("1.2.3.4");
    expect(matches(list, "http://[2606:4700:0::1]/")?.entry).toBe("[2606:4700::1]");
    for (const url of [
      "https://notbad.example/",
      "https://example/",
      "https://bad.example.com/",
      "http://9.1.2.3.4.com/",
      "http://5.2.3.4/",
    ]) {
      expect(matches(list, url)).toBeNull();
    }
    expect(list.size).toBe(3);
  });

  test("a URL covers itself in any spelling, not its host", async () => {
    const csv = '# urlhaus\r\n"7","2026","http://github.com/x/evil.exe?a=1","online"\r\n';
    const list = await lists({ block: { "urlhaus.csv": csv } });
    const hit = { list: "urlhaus.csv", entry: "http://github.com/x/evil.exe?a=1" };
    expect(matches(list, "HTTP://GitHub.com:80/x/./evil.exe?a=1#frag")).toEqual(hit);
    expect(matches(list, "http://github.com/x/evil.exe?a=2")).toBeNull();
    expect(matches(list, "https://github.com/x/evil.exe?a=1")).toBeNull();
    expect(matches(list, "http://github.com/")).toBeNull();
  });

  test("an allow entry wins, for hosts and for URLs", async () => {
    const list = await lists({
      block: { "a.txt": "bad.example\nother.example\nhttp://site.example/x" },
      allow: { "ok.txt": "good.bad.example\nhttps://other.example/fine\nsite.example" },
    });
    expect(matches(list, "https://x.good.bad.example/")).toBeNull();
    expect(matches(list, "https://bad.example/")).not.toBeNull();
    expect(matches(list, "https://other.example/fine")).toBeNull();
    expect(matches(list, "https://other.example/")).not.toBeNull();
    expect(matches(list, "http://site.example/x")).toBeNull();
  });

  test("a public suffix never blocks everybody below it", async () => {
    const text = "com\nco.uk\ngithub.io\n0.0.0.0 localhost\nevil.github.io\nevil.co.uk\n";
    const list = await lists({ block: { "hosts.txt": text } });
    for (const url of ["https://a.com", "https://bbc.co.uk", "https://me.github.io"]) {
      expect(matches(list, url)).toBeNull();
    }
    expect(matches(list, "https://x.evil.github.io")).not.toBeNull();
    expect(matches(list, "https://evil.co.uk")).not.toBeNull();
    expect(list.size).toBe(2);
  });

  test("a line that spans two reads is one line", async () => {
    const hosts = Array.from({ length: 20_000 }, (_, i) => `h${i}.münchen-${i}.example`);
    const list = await lists({ block: { "hosts.txt": hosts.join("\r\n") } });
    expect(list.size).toBe(20_000);
    for (const host of hosts) expect(matches(list, `http://${host}/`)).not.toBeNull();
  });
});

describe("reloading", () => {
  test("follows a change, and does nothing without one", async () => {
    const list = await lists({ block: { "a.txt": "one.example\n" } });
    expect(await list.reloadIfChanged()).toBe(false);
    await writeFile(file("a.txt"), "two.example\nthree.example\n");
    expect(await Promise.all([list.reloadIfChanged(), list.reloadIfChanged()])).toEqual([
      true,
      true,
    ]);
    expect(matches(list, "http://one.example/")).toBeNull();
    expect(matches(list, "http://two.example/")).not.toBeNull();
    await writeFile(file("new.txt"), "four.example\n\n\n\n\n");
    await rename(file("new.txt"), file("a.txt"));
    expect(await list.reloadIfChanged()).toBe(true);
    expect(matches(list, "http://four.example/")).not.toBeNull();
    expect(logged("list loaded")).toBe(3);
  });

  test.each([
    ["missing", () => rm(file("a.txt"))],
    ["a web page", () => writeFile(file("a.txt"), "<html>\n<body>\n<h1>502 Bad Gateway</h1>\n")],
    ["binary", () => writeFile(file("a.txt"), new Uint8Array(9_000).fill(0xff))],
    ["one endless line", () => writeFile(file("a.txt"), "a".repeat(200_000))],
    ["a folder", () => rm(file("a.txt")).then(() => Bun.write(file("a.txt/x"), ""))],
  ])("keeps the last good list when the file is %s, and says so once", async (_, damage) => {
    const list = await lists({ block: { "a.txt": "one.example\n", "b.txt": "b.example\n" } });
    await damage();
    expect(await list.reloadIfChanged()).toBe(false);
    expect(await list.reloadIfChanged()).toBe(false);
    expect(matches(list, "http://one.example/")).not.toBeNull();
    expect(matches(list, "http://b.example/")).not.toBeNull();
    expect(logged("the last good one stays")).toBe(1);
    await rm(file("a.txt"), { recursive: true, force: true });
    await writeFile(file("a.txt"), "mended.example\n");
    expect(await list.reloadIfChanged()).toBe(true);
    expect(matches(list, "http://mended.example/")).not.toBeNull();
  });

  test("a file that is missing at first is taken when it comes", async () => {
    const list = await openBlocklist({
      blockFiles: [file("late.txt")],
      allowFiles: [],
      log: silentLog,
      clock: systemClock,
    });
    expect(list.size).toBe(0);
    expect(matches(list, "http://late.example/")).toBeNull();
    await writeFile(file("late.txt"), "late.example");
    expect(await list.reloadIfChanged()).toBe(true);
    expect(matches(list, "http://late.example/")).not.toBeNull();
  });

  test("entries stop at the limit over all files, and the log tells", async () => {
    const many = Array.from({ length: 50 }, (_, i) => `h${i}.example`).join("\n");
    const list = await lists({ block: { "a.txt": "a.example", "b.txt": many } }, 20);
    expect(list.size).toBe(20);
    expect(matches(list, "http://h0.example/")).not.toBeNull();
    expect(matches(list, "http://h49.example/")).toBeNull();
    expect(logged("larger than the limit")).toBe(1);
  });

  test("a large list loads without holding up the event loop", async () => {
    const hosts = Array.from(
      { length: 300_000 },
      (_, i) => `0.0.0.0 host-${i}.domain-${i % 977}.com`,
    );
    await writeFile(file("big.txt"), hosts.join("\n"));
    let turns = 0;
    let loading = true;
    const turn = () => {
      turns++;
      if (loading) setImmediate(turn);
    };
    setImmediate(turn);
    const list = await openBlocklist({
      blockFiles: [file("big.txt")],
      allowFiles: [],
      log: silentLog,
      clock: systemClock,
    });
    loading = false;
    expect(list.size).toBe(300_000);
    // Several turns per 64 KiB: other requests run in between.
    expect(turns).toBeGreaterThan(hosts.join("\n").length / 65_536 / 2);
  });
});
