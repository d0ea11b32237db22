import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type EmbeddedPostgres, findRunning, startEmbedded } from "../platform/db/embedded.ts";
import { silentLog } from "../platform/log/log.ts";
import { freePort } from "../../test/free-port.ts";
import { createPlace, type Place } from "./cli.fixture.ts";
import type { Finding } from "./finding.ts";

/** The doctor on machines and settings that have something wrong with them. */
setDefaultTimeout(120_000);
let place: Place;
let database: EmbeddedPostgres;

beforeAll(async () => {
  place = await createPlace();
  database = await startEmbedded({ dataDir: place.dataDir, log: silentLog, durable: false });
  expect((await place.stoa(["migrate"])).code).toBe(0);
});

afterAll(async () => {
  await database.stop();
  await place.remove();
});

type Report = { code: number; findings: Finding[]; of(check: string): Finding | undefined };

async function examine(env: Record<string, string>): Promise<Report> {
  const { code, out, err } = await place.stoa(["doctor", "--json"], { env });
  if (!out.startsWith("{")) throw new Error(err);
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] };
  expect(ok).toBe(code === 0);
  const worst = (list: Finding[]) =>
    list.find(({ status }) => status === "fail") ??
    list.find(({ status }) => status === "warn") ??
    list[0];
  return { code, findings, of: (check) => worst(findings.filter((f) => f.check === check)) };
}

const statuses = (report: Report, ...checks: string[]) =>
  checks.map((check) => report.of(check)?.status);

test("a sound machine is sound", async () => {
  const report = await examine({ PORT: String(freePort()), HOST: "127.0.0.1" });
  expect(report.findings.filter(({ status }) => status === "fail")).toEqual([]);
  expect(report.code).toBe(0);
  const checks = ["bun", "postgres package", "database", "role", "schemas", "pg_trgm", "schema"];
  expect(statuses(report, ...checks, "clock", "port")).toEqual(Array(9).fill("ok"));
  expect(report.of("database")?.found).toStartWith("PostgreSQL 18");
  // The database of the tests may lose what it answered.
  expect(statuses(report, "durability")).toEqual(["warn"]);
});

test("each line says its state, and what to do where there is something", async () => {
  const ran = await place.stoa(["doctor"], { env: { STOA_TRUSTED_PROXIES: "10.0.0.0/8,proxy" } });
  expect(ran.code).toBe(1);
  expect(ran.out).toMatch(/^ok +trusted proxies +10\.0\.0\.0\/8$/m);
  expect(ran.out).toMatch(/^fail +trusted proxies +"proxy" is neither .*\n {6}STOA_TRUSTED/m);
  expect(ran.err).toMatch(/to mend/);
});

test("it starts nothing and makes nothing", async () => {
  const dataDir = join(place.folder, "not-there");
  const report = await examine({ STOA_DATA_DIR: dataDir, PORT: "0" });
  expect(report.of("database")?.found).toContain("is not running");
  expect(await Bun.file(dataDir).exists()).toBe(false);
  expect(await findRunning(dataDir)).toBeNull();
});

describe("settings", () => {
  test("that cannot be right are all told, and the rest is checked all the same", async () => {
    const report = await examine({ STOA_DRAIN_GRACE_MS: "soon", STOA_ODD: "1", PORT: "0" });
    expect(report.code).toBe(1);
    const told = report.findings.filter(({ check }) => check === "settings");
    expect(told.map(({ found }) => found.split(":")[0])).toEqual([
      "STOA_DRAIN_GRACE_MS",
      "STOA_ODD",
    ]);
    expect(report.of("database")?.status).toBe("ok");
  });

  test.each([
    [{}, "ok"],
    [{ NODE_ENV: "production" }, "fail"],
    [{ NODE_ENV: "production", STOA_PUBLIC_URL: "https://go.example.com" }, "ok"],
    [{ NODE_ENV: "production", STOA_PUBLIC_URL: "http://go.example.com" }, "warn"],
    [{ NODE_ENV: "production", STOA_PUBLIC_URL: "https://localhost:3000" }, "fail"],
    [{ STOA_PUBLIC_URL: "https://go.example.com/s/" }, "fail"],
    [{ STOA_PUBLIC_URL: "ftp://go.example.com" }, "fail"],
    [{ STOA_TRUSTED_PROXIES: "10.0.0.1" }, "fail"],
  ])("public URL with %p: %s", async (env, status) => {
    const report = await examine({ PORT: "0", ...env } as Record<string, string>);
    expect(report.of("public URL")?.status).toBe(status as Finding["status"]);
  });

  test("proxies, lists and switches", async () => {
    const list = join(place.folder, "list.txt");
    await Bun.write(list, "evil.example\n");
    const empty = join(place.folder, "empty.txt");
    await Bun.write(empty, "");
    const good = await examine({ STOA_LINK_BLOCKLIST_FILES: list, PORT: "0" });
    expect(statuses(good, "block lists", "trusted proxies")).toEqual(["ok", "ok"]);
    const bad = await examine({
      STOA_LINK_BLOCKLIST_FILES: join(place.folder, "missing.txt"),
      STOA_TRUSTED_PROXIES: "0.0.0.0/0",
      STOA_JWKS_URL: "https://issuer.example/keys",
      STOA_OUTBOUND_ALLOW_PRIVATE: "true",
      PORT: "0",
    });
    const checks = ["block lists", "trusted proxies", "outside issuer", "outbound"];
    expect(statuses(bad, ...checks)).toEqual(["fail", "warn", "fail", "warn"]);
    const nothing = await examine({ STOA_LINK_ALLOWLIST_FILES: empty, PORT: "0" });
    expect(statuses(nothing, "block lists")).toEqual(["warn"]);
  });
});

describe("the machine", () => {
  test("a data folder that is no folder, or of another PostgreSQL", async () => {
    const file = join(place.folder, "file");
    await Bun.write(file, "");
    const blocked = await examine({ STOA_DATA_DIR: join(file, "data"), PORT: "0" });
    expect(statuses(blocked, "data folder")).toEqual(["fail"]);
    const old = join(place.folder, "old");
    await Bun.write(join(old, "postgres/PG_VERSION"), "16\n");
    const report = await examine({ STOA_DATA_DIR: old, PORT: "0" });
    expect(report.of("data version")?.found).toContain("made by PostgreSQL 16");
    expect(report.code).toBe(1);
  });

  test("a path too long for a socket", async () => {
    const long = join(place.folder, "long".repeat(30));
    const report = await examine({ STOA_DATA_DIR: long, PORT: "0" });
    expect(report.of("socket path")?.found).toContain("so the socket lies in");
    const both = await examine({ STOA_DATA_DIR: long, TMPDIR: long, PORT: "0" });
    expect(statuses(both, "socket path")).toEqual(["fail"]);
  });

  test("a spool that fills up", async () => {
    const dataDir = join(place.folder, "spooled");
    const spool = join(dataDir, "spool/clicks", crypto.randomUUID());
    await mkdir(spool, { recursive: true });
    const segment = join(spool, "000000000.clicks");
    await Bun.write(segment, "");
    const found: unknown[] = [];
    for (const bytes of [100_000, 700_000, 1_100_000]) {
      await truncate(segment, bytes);
      const env = { STOA_DATA_DIR: dataDir, STOA_CLICK_SPOOL_BYTES_MAX: "1048576", PORT: "0" };
      found.push(...statuses(await examine(env), "click spool"));
    }
    expect(found).toEqual(["ok", "warn", "fail"]);
  });

  test("few open files", async () => {
    const program = join(import.meta.dir, "../../bin/stoa");
    const { PATH = "", HOME = "" } = process.env;
    const env = { PATH, HOME, STOA_DATA_DIR: place.dataDir, PORT: "0" };
    const shell = ["sh", "-c", `ulimit -n 512; exec "${program}" doctor --json`];
    const { findings } = JSON.parse(Bun.spawnSync(shell, { env }).stdout.toString());
    const files = findings.find(({ check }: Finding) => check === "open files");
    expect(files).toMatchObject({ status: "warn", found: "512 at once" });
  });

  test("a port that somebody else has", async () => {
    const web = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: () => new Response("hello", { headers: { server: "other/1" } }),
    });
    const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const at = (port: number | undefined) => examine({ PORT: String(port), HOST: "127.0.0.1" });
    const [taken, silent, free] = [await at(web.port), await at(mute.port), await at(freePort())];
    expect(taken.of("port")?.found).toContain("is taken by other/1, which is not Stoa");
    expect(statuses(silent, "port")).toEqual(["fail"]);
    expect(statuses(free, "port")).toEqual(["ok"]);
    await web.stop(true);
    mute.stop(true);
  });
});

describe("the database", () => {
  function urlOf(role: string, name: string): string {
    const socket = join(database.app.path, "..");
    return `postgres://${role}@localhost/${name}?host=${socket}`;
  }

  test("that does not answer is told with its reason, and without the password", async () => {
    const url = "postgres://stoa:hunter2@127.0.0.1:1/stoa";
    const report = await examine({ DATABASE_URL: url, PORT: "0" });
    expect(report.code).toBe(1);
    expect(report.of("database")?.found).toStartWith("not reached:");
    expect(JSON.stringify(report.findings)).not.toContain("hunter2");
    expect(statuses(report, "postgres package", "public URL")).toEqual(["ok", "fail"]);
  });

  test("with a superuser, without our schema", async () => {
    const report = await examine({ DATABASE_URL: urlOf("postgres", "postgres"), PORT: "0" });
    expect(statuses(report, "database", "role", "schema")).toEqual(["ok", "warn", "warn"]);
    expect(report.of("schema")?.found).toContain("links/1");
  });

  test("whose role may not create schemas, and that gives too few connections", async () => {
    const admin = urlOf("postgres", "postgres");
    const sql = new Bun.SQL(admin, { max: 1 });
    await sql`CREATE ROLE guest LOGIN`;
    await sql`GRANT CONNECT ON DATABASE postgres TO guest`;
    await sql.close();
    const report = await examine({
      DATABASE_URL: urlOf("guest", "postgres"),
      STOA_DATABASE_POOL_MAX: "1000",
      PORT: "0",
    });
    expect(statuses(report, "role", "schemas", "connections")).toEqual(["ok", "fail", "fail"]);
  });

  test("a replica that is none, and a schema newer than this version", async () => {
    const url = urlOf("stoa", "stoa");
    const sql = new Bun.SQL(url, { max: 1 });
    await sql`INSERT INTO platform.migrations (id, checksum) VALUES ('links/99', '')`;
    const report = await examine({ DATABASE_URL: url, DATABASE_REPLICA_URL: url, PORT: "0" });
    await sql`DELETE FROM platform.migrations WHERE id = 'links/99'`;
    await sql.close();
    expect(statuses(report, "replica", "schema")).toEqual(["fail", "fail"]);
    expect(report.of("schema")?.found).toContain("links/99");
  });
});
