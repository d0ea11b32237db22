import { SQL } from "bun";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { openBlobs } from "../platform/blobs/open.ts";
import { systemClock } from "../platform/clock/clock.ts";
import { findRunning, startEmbedded } from "../platform/db/embedded.ts";
import { silentLog } from "../platform/log/log.ts";
import { copyCluster } from "../../test/data-folder.ts";
import { createPlace, type Place, startServer } from "./cli.fixture.ts";

/** Migrate, backup and restore, with and without a server beside them. */
setDefaultTimeout(120_000);
let place: Place;
let file: string;
/** Data folders are copied from one that a command has made. */
let seed: string;

beforeAll(async () => {
  place = await createPlace();
  file = join(place.folder, "copy.stoa");
  seed = join(place.folder, "seed");
  copyCluster(seed);
  const env = { STOA_DATA_DIR: seed };
  const made = await place.stoa(["migrate", "--json"], { env });
  expect(made.code).toBe(0);
  expect(JSON.parse(made.out).applied).toContain("links/1");
});

afterAll(async () => {
  await place.remove();
});

async function folder(name: string) {
  const dataDir = join(place.folder, name);
  await cp(join(seed, "postgres"), join(dataDir, "postgres"), { recursive: true });
  const env = { STOA_DATA_DIR: dataDir };
  return {
    dataDir,
    env,
    stoa: (...args: string[]) => place.stoa(args, { env }),
    start: (...args: string[]) => place.start(args, { env }),
  };
}

test("without a server a command starts the database and stops it again", async () => {
  const own = await folder("alone");
  const made = await own.stoa("user", "create", "ada@example.com", "--role", "admin");
  expect([made.code, made.err]).toEqual([0, expect.not.stringContaining("postgres")]);
  expect(await findRunning(own.dataDir)).toBeNull();
  // The one that comes second joins the first, which waits for it.
  const both = await Promise.all([
    own.stoa("key", "create", "ada@example.com"),
    own.stoa("key", "create", "ada@example.com"),
    own.stoa("user", "list"),
  ]);
  expect(both.map(({ code, err }) => [code, err.includes("rror")])).toEqual([
    [0, false],
    [0, false],
    [0, false],
  ]);
  expect(await findRunning(own.dataDir)).toBeNull();
  const keys = await own.stoa("key", "list", "ada@example.com", "--json");
  expect(JSON.parse(keys.out).length).toBe(2);
});

test("migrate --dry-run lists what is pending and changes nothing", async () => {
  const none = { STOA_DATA_DIR: join(place.folder, "never-made") };
  const fresh = await place.stoa(["migrate", "--dry-run"], { env: none });
  expect(fresh.code).toBe(0);
  expect(fresh.out.split("\n")).toContain("links/1");
  expect(await stat(none.STOA_DATA_DIR).catch(() => null)).toBeNull();
  const own = await folder("migrated");
  const done = await own.stoa("migrate", "--dry-run", "--json");
  expect(JSON.parse(done.out)).toEqual({ pending: [] });
});

test("a backup taken beside a server is restored elsewhere, whole", async () => {
  const own = await folder("source");
  const server = await startServer(place, own.env);
  const { admin } = server;
  await own.stoa("link", "create", "https://example.com/kept", "--alias", "kept");
  const { out: key } = await own.stoa("key", "create", admin);
  const taken = await own.stoa("backup", file);
  expect([taken.code, taken.out]).toEqual([0, `${file}\n`]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const refused = await own.stoa("restore", file);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("Stoa is running on this database");
  await own.stoa("link", "create", "https://example.com/later", "--alias", "later");
  const forced = await own.stoa("restore", file, "--force");
  expect(forced.code).toBe(0);
  expect(forced.err).toContain("Restart the running Stoa");
  expect((await server.stop()).code).toBe(0);

  // A folder that holds nothing yet: the database is made, migrated and filled.
  const env = { STOA_DATA_DIR: join(place.folder, "target") };
  const restored = await place.stoa(["restore", file], { env });
  expect([restored.code, restored.out]).toEqual([0, ""]);
  const target = async (...args: string[]) => JSON.parse((await place.stoa(args, { env })).out);
  expect(await target("link", "list", "--json")).toEqual([
    expect.objectContaining({ code: "kept", url: "https://example.com/kept" }),
  ]);
  const [kept] = await target("key", "list", admin, "--json");
  expect(key).toStartWith(kept.prefix);

  const full = await place.stoa(["restore", file], { env });
  expect(full.code).toBe(1);
  expect(full.err).toContain("not empty");
});

/** As an upload of chat leaves it. */
async function withFile(dataDir: string, text: string) {
  const bytes = new TextEncoder().encode(text);
  const blobs = await openFolder(dataDir);
  const { sha256 } = await blobs.put("chat/5/1", bytes, { bytesMax: 100, type: "text/plain" });
  await onDatabase(
    dataDir,
    (sql) => sql`
      INSERT INTO platform.uploads
        (id, system, owner_id, attempt, type, bytes, sha256, created_at, stored_at, attached_at)
      VALUES (5, 'chat', 1, 1, 'text/plain', ${text.length}, ${sha256}, now(), now(), now())`,
  );
}

async function onDatabase(dataDir: string, work: (sql: SQL) => Promise<unknown>) {
  const database = await startEmbedded({ dataDir, log: silentLog, durable: false });
  const sql = new SQL({ ...database.app, max: 1 });
  await work(sql);
  await sql.close();
  await database.stop();
}

const openFolder = (dataDir: string) =>
  openBlobs({ dataDir, s3Url: "", blobPutMsMax: 5_000, blobS3CallMsMax: 1_000 }, systemClock);

test("a backup has the files that are on the disk, and says which it has not", async () => {
  const own = await folder("with-files");
  await withFile(own.dataDir, "holiday");
  const path = join(place.folder, "files.stoa");
  const taken = await own.stoa("backup", path, "--json");
  expect([taken.code, taken.err]).toEqual([0, expect.not.stringContaining("NOT in it")]);
  expect(JSON.parse(taken.out)).toMatchObject({ files: 1, elsewhere: 0, unreadable: 0 });

  const target = join(place.folder, "files-target");
  const restored = await place.stoa(["restore", path], { env: { STOA_DATA_DIR: target } });
  expect([restored.code, restored.err]).toEqual([0, expect.stringContaining("1 files.")]);
  const found = await (await openFolder(target)).get("chat/5/1");
  expect(await new Response(found?.body).text()).toBe("holiday");

  await rm(join(own.dataDir, "blobs"), { recursive: true });
  const elsewhere = await own.stoa("backup", join(place.folder, "none.stoa"));
  expect([elsewhere.code, elsewhere.err]).toEqual([1, expect.stringContaining("STOA_DATA_DIR")]);
  expect((await readdir(place.folder)).filter((name) => name.startsWith("none."))).toEqual([]);

  await (await openFolder(own.dataDir)).remove("chat/5/1");
  const holes = await own.stoa("backup", path);
  expect([holes.code, holes.out]).toEqual([1, `${path}\n`]);
  expect(holes.err).toContain("NOT in it: 1 files that are gone or damaged: chat/5/1.");
});

test("a backup says that files in S3 are not in it, and wants them at its restore", async () => {
  const own = await folder("with-s3");
  await withFile(own.dataDir, "holiday");
  const path = join(place.folder, "s3.stoa");
  const S3_URL = "s3://key:secret@localhost:1/bucket?tls=false";
  const taken = await place.stoa(["backup", path], { env: { ...own.env, S3_URL } });
  expect(taken.code).toBe(0);
  expect(taken.err).toContain("NOT in it: 1 files that are in S3");

  const env = { STOA_DATA_DIR: join(place.folder, "s3-target") };
  const refused = await place.stoa(["restore", path], { env });
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("1 files in S3")]);
  const reached = await place.stoa(["restore", path], { env: { ...env, S3_URL } });
  expect([reached.code, reached.err]).toEqual([0, expect.stringContaining("once S3_URL leads")]);
  expect((await place.stoa(["restore", path, "--force"], { env })).code).toBe(0);
});

test("what is no backup, or no database, is named", async () => {
  const env = { STOA_DATA_DIR: join(place.folder, "never-made") };
  const nothing = await place.stoa(["backup", join(place.folder, "x.stoa")], { env });
  expect([nothing.code, nothing.out]).toEqual([1, ""]);
  expect(nothing.err).toContain("there is no database in");
  const lost = await place.stoa(["user", "list"], { env });
  expect([lost.code, lost.out]).toEqual([1, ""]);
  expect(lost.err).toContain(`there is no database in ${env.STOA_DATA_DIR}. Set STOA_DATA_DIR or`);
  expect(existsSync(env.STOA_DATA_DIR)).toBe(false);
  const own = await folder("named");
  const missing = await own.stoa("restore", join(place.folder, "none.stoa"));
  expect(missing.err).toContain("there is no file");
  const other = join(place.folder, "other.txt");
  await Bun.write(other, "not a backup\n".repeat(100));
  const refused = await own.stoa("restore", other);
  expect(refused.code).toBe(1);
  expect(refused.err).toBe(`stoa: ${other} is not a backup that Stoa wrote.\n`);
});

test("a backup or a restore that is interrupted leaves nothing half done", async () => {
  const own = await folder("large");
  const options = { dataDir: own.dataDir, log: silentLog, durable: false };
  const database = await startEmbedded(options);
  const sql = new SQL({ ...database.app, max: 1 });
  // As much as takes a moment to copy.
  await sql`INSERT INTO links.found (owner_id, domain_id, url_hash, link_id)
    SELECT 1, 0, decode(repeat(md5(n::text), 8), 'hex'), n FROM generate_series(1, 250000) n`;
  const path = join(place.folder, "large.stoa");
  const backingUp = own.start("backup", path);
  await backingUp.until(/copying: 25 %/);
  backingUp.signal("SIGINT");
  const stopped = await backingUp.ended;
  expect([stopped.code, stopped.out]).toEqual([130, ""]);
  expect(stopped.err).toContain("nothing was left half done");
  const left = (await readdir(place.folder)).filter((name) => name.startsWith("large.stoa"));
  expect(left).toEqual([]);

  expect((await own.stoa("backup", path)).code).toBe(0);
  await sql`DELETE FROM links.found WHERE link_id > 10`;
  const restoring = own.start("restore", path, "--force");
  await restoring.until(/restoring: 25 %/);
  restoring.signal("SIGINT");
  expect((await restoring.ended).code).toBe(130);
  const [row] = await sql`SELECT count(*)::int AS count FROM links.found`;
  expect(row.count).toBe(10);
  await sql.close();
  await database.stop();
});
