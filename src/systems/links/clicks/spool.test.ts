import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metrics } from "../../../platform/metrics/metrics.ts";
import { agents, geo, hit } from "./clicks.fixture.ts";
import { SegmentReader } from "./reading.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";
import { Spool } from "./spool.ts";
import { bytesOf, claim, segmentPath, segmentsOf } from "./spool-folder.ts";
import { kindOf, kinds, newVisitorBit, reducedBit } from "./traits.ts";
import { VisitorKeys } from "./visitors.ts";

let root: string;
let spool: Spool;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "stoa-spool-"));
  spool = new Spool(root, 1024 ** 3);
});
afterEach(() => {
  spool.release();
  rmSync(root, { recursive: true, force: true });
});

function recorder(change: Partial<RecorderOptions> = {}): Recorder {
  const metrics = new Metrics();
  const counter = (name: string) => metrics.counter(name, name);
  return new Recorder({
    spool,
    keys: new VisitorKeys(),
    geo,
    visitors: true,
    honourDoNotTrack: true,
    recorded: {
      human: counter("human"),
      bot: counter("bot"),
      unfurler: counter("unfurler"),
      prefetch: counter("prefetch"),
    },
    dropped: counter("dropped"),
    orphansDropped: counter("orphans_dropped"),
    waiting() {},
    ...change,
  });
}

type Read = {
  at: number;
  link: string;
  traits: number;
  place: string;
  client: string;
  source: string;
};

function readAll(folder = spool.folder): { clicks: Read[]; orphans: string[]; rest: number } {
  const clicks: Read[] = [];
  const orphans: string[] = [];
  let rest = 0;
  for (const segment of segmentsOf(folder)) {
    const reader = new SegmentReader(folder, segment);
    for (;;) {
      const stretch = reader.peek(1_000);
      if (!stretch) break;
      reader.take(stretch);
      const text = (family: 0 | 1 | 2, index: number) =>
        index === 0 ? "" : index === 1 ? "(other)" : reader.terms[family][index - 2]!;
      reader.walk(stretch, {
        click(words, at, base) {
          clicks.push({
            at: base + words[at + 3]!,
            link: String((BigInt(words[at + 1]!) << 32n) | BigInt(words[at + 2]!)),
            traits: words[at]!,
            place: text(0, words[at + 4]!),
            client: text(1, words[at + 5]!),
            source: text(2, words[at + 6]!),
          });
        },
        orphan: (_words, _at, _base, code) => orphans.push(code),
      });
    }
    rest += reader.rest();
    reader.close();
  }
  return { clicks, orphans, rest };
}

test("what is recorded is what is read", () => {
  spool.open();
  const clicks = recorder();
  const at = Date.UTC(2026, 5, 1, 12);
  clicks.record(hit({ at, referrer: "https://www.example.org/a", query: "?utm_source=mail" }));
  clicks.record(hit({ at: at + 7, link: "17", address: "203.0.113.9", userAgent: agents.slack }));
  clicks.recordOrphan("no-such", hit({ at: at + 8 }));
  expect(spool.flush()).toBe(true);
  clicks.record(hit({ at: at + 9, address: "198.51.100.3", purpose: "prefetch" }));
  spool.flush();
  const read = readAll();
  expect(read.clicks).toMatchObject([
    {
      at,
      link: "9007199254740993",
      place: '["DE","Berlin"]',
      client: '["desktop","Chrome","windows","","human","browser"]',
      source: '["example.org","mail","","","",""]',
    },
    { at: at + 7, link: "17", place: "", client: '["bot","other","other","","unfurler","slack"]' },
    { at: at + 9, place: '["FR","Paris"]', source: "" },
  ]);
  expect(read.clicks.map(({ traits }) => kinds[kindOf(traits)] as string)).toEqual([
    "human",
    "unfurler",
    "prefetch",
  ]);
  expect(read.orphans).toEqual(["no-such"]);
  expect(read.rest).toBe(0);
});

test("neither address nor user agent nor query reaches the disk", () => {
  spool.open();
  recorder().record(
    hit({ referrer: "https://example.org/secret-path?q=1", query: "?token=s3cret&utm_medium=m" }),
  );
  spool.flush();
  const bytes = readFileSync(segmentPath(spool.folder, 0), "latin1");
  for (const secret of ["192.0.2.1", "AppleWebKit", "secret-path", "s3cret"]) {
    expect(bytes).not.toContain(secret);
  }
});

test("Sec-GPC and DNT leave time, link and kind, unless the operator says otherwise", () => {
  spool.open();
  const full = { referrer: "https://example.org/", query: "?utm_source=x" };
  recorder().record(hit({ ...full, doNotTrack: true }));
  recorder({ honourDoNotTrack: false }).record(hit({ ...full, doNotTrack: true }));
  spool.flush();
  const [reduced, kept] = readAll().clicks;
  expect(reduced).toMatchObject({ traits: reducedBit, place: "", client: "", source: "" });
  expect(kept!.place).toBe('["DE","Berlin"]');
});

test("location and visitors can be switched off", () => {
  spool.open();
  recorder({ geo: null, visitors: false }).record(hit());
  spool.flush();
  expect(readAll().clicks).toMatchObject([{ traits: 0, place: "" }]);
});

test("a visitor is new once a day and link; programs are never visitors", () => {
  spool.open();
  const clicks = recorder();
  const at = Date.UTC(2026, 5, 1, 23, 59, 59);
  const visits = [
    hit({ at }),
    hit({ at }),
    hit({ at, link: "17" }),
    hit({ at, address: "192.0.2.2" }),
    hit({ at, userAgent: agents.iphone }),
    hit({ at, userAgent: agents.curl }),
    hit({ at: at + 1_000 }),
    hit({ at: at + 2_000 }),
  ];
  for (const visit of visits) clicks.record(visit);
  spool.flush();
  const { clicks: read } = readAll();
  const isNew = read.map(({ traits }) => (traits & newVisitorBit) !== 0);
  expect(isNew).toEqual([true, false, true, true, true, false, true, false]);
  const sketches = read.map(({ traits }) => traits & 0x3ffff);
  expect(sketches[1]).toBe(sketches[0]!);
  expect(sketches[3]).not.toBe(sketches[0]!);
  expect(sketches[4]).not.toBe(sketches[0]!);
  expect(sketches[5]).toBe(0);
  // The next day's key is another, so nothing connects the two days.
  expect(sketches[6]).not.toBe(sketches[0]!);
  expect(sketches[7]).toBe(sketches[6]!);
});

test("processes that share a day's key agree on visitors", () => {
  spool.open();
  const day = Math.floor(Date.now() / 86_400_000);
  const key = crypto.getRandomValues(new Uint8Array(32));
  const shared = () => {
    const keys = new VisitorKeys();
    keys.share(day, key);
    return keys;
  };
  recorder({ keys: shared() }).record(hit({ at: day * 86_400_000 }));
  recorder({ keys: shared() }).record(hit({ at: day * 86_400_000 }));
  recorder().record(hit({ at: day * 86_400_000 }));
  spool.flush();
  const [a, b, stranger] = readAll().clicks;
  expect(b!.traits).toBe(a!.traits);
  expect(stranger!.traits).not.toBe(a!.traits);
});

test("clocks may step back or far ahead", () => {
  spool.open();
  const clicks = recorder();
  const times = [Date.UTC(2026, 5, 1), Date.UTC(2026, 4, 31), 0, Date.UTC(2090, 0, 1), 1];
  for (const at of times) clicks.record(hit({ at }));
  spool.flush();
  expect(readAll().clicks.map((click) => click.at)).toEqual(times);
});

test.each([1, 3, 4, 20, 43])("a tail torn by %d bytes is told from what is whole", (cut) => {
  spool.open();
  const clicks = recorder();
  clicks.record(hit());
  spool.flush();
  const whole = bytesOf(spool.folder);
  clicks.record(hit({ link: "17" }));
  spool.flush();
  const path = segmentPath(spool.folder, 0);
  truncateSync(path, bytesOf(spool.folder) - cut);
  const torn = readAll();
  expect(torn.clicks).toHaveLength(1);
  expect(torn.rest).toBe(bytesOf(spool.folder) - whole);
});

test("bytes that were changed or never written are no clicks", () => {
  spool.open();
  recorder().record(hit());
  spool.flush();
  const path = segmentPath(spool.folder, 0);
  const good = readFileSync(path);
  appendFileSync(path, new Uint8Array(4096));
  expect(readAll()).toMatchObject({ rest: 4096 });
  for (const at of [0, 5, 9, 40, good.length - 1]) {
    const bad = Buffer.from(good);
    bad[at]! ^= 0x10;
    writeFileSync(path, bad);
    expect(readAll().clicks).toEqual([]);
  }
});

test("segments are each readable by themselves", () => {
  spool.open();
  const clicks = recorder();
  const count = 700_000;
  for (let i = 0; i < count; i++) clicks.record(hitAgain(i));
  spool.flush();
  const segments = segmentsOf(spool.folder);
  expect(segments).toEqual([0, 1]);
  const read = readAll().clicks;
  expect(read).toHaveLength(count);
  expect(new Set(read.map((click) => `${click.place}${click.client}`)).size).toBe(1);
});

const again = hit();
function hitAgain(i: number) {
  again.idLow = i;
  return again;
}

test("a spool at its limit refuses and counts, and takes clicks again once drained", () => {
  spool = new Spool(root, 2_000_000);
  spool.open();
  const metrics = new Metrics();
  const dropped = metrics.counter("dropped", "dropped");
  const clicks = recorder({ dropped });
  for (let i = 0; i < 100_000; i++) clicks.record(hitAgain(i));
  spool.flush();
  const kept = readAll().clicks.length;
  expect(kept + dropped.value).toBe(100_000);
  expect(dropped.value).toBeGreaterThan(0);
  expect(bytesOf(spool.folder)).toBeLessThan(2_600_000);
  spool.removed(1_500_000);
  const before = dropped.value;
  clicks.record(hitAgain(1));
  expect(dropped.value).toBe(before);
});

test("clicks recorded before the spool is open wait in memory", () => {
  const clicks = recorder();
  clicks.record(hit());
  spool.flush();
  clicks.record(hit());
  spool.open();
  spool.flush();
  expect(readAll().clicks).toHaveLength(2);
});

test("orphans are bounded a second, their codes in length", () => {
  spool.open();
  const orphansDropped = new Metrics().counter("dropped", "dropped");
  const clicks = recorder({ orphansDropped });
  const at = Date.UTC(2026, 5, 1);
  for (let i = 0; i < 5_000; i++) clicks.recordOrphan("ü".repeat(500), hit({ at }));
  expect(orphansDropped.value).toBe(4_000);
  expect(clicks.takesOrphan(at)).toBe(false);
  expect(clicks.takesOrphan(at + 1_000)).toBe(true);
  clicks.recordOrphan("later", hit({ at: at + 1_000 }));
  spool.flush();
  const { orphans } = readAll();
  expect(orphansDropped.value).toBe(4_001);
  expect(orphans.length).toBe(1_001);
  expect(orphans[0]).toBe("ü".repeat(32));
  expect(orphans.at(-1)).toBe("later");
});

test("made-up headers fill neither the dictionary nor the memory", () => {
  spool.open();
  const clicks = recorder();
  for (let i = 0; i < 70_000; i++) clicks.record(hit({ query: `?utm_source=${i}` }));
  spool.flush();
  const read = readAll().clicks;
  expect(read).toHaveLength(70_000);
  expect(read.filter(({ source }) => source === "(other)").length).toBe(70_000 - 65_536);
});

test("a spool is claimed by one at a time", () => {
  spool.open();
  expect(claim(spool.folder)).toBeNull();
  spool.release();
  const mine = claim(spool.folder);
  expect(mine).not.toBeNull();
  expect(claim(spool.folder)).toBeNull();
  mine?.release();
});
