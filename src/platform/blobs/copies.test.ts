import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../../test/database.ts";
import { systemClock } from "../clock/clock.ts";
import { backup } from "../db/backup.ts";
import type { FilesOut } from "../db/backup-files.ts";
import { restore } from "../db/restore.ts";
import { secretsMigration } from "../db/secrets.ts";
import { idsMigration } from "../ids/ids.ts";
import { random, read, sha256 } from "./blobs.fixture.ts";
import type { Blobs } from "./blobs.ts";
import { filesElsewhere, filesInto, filesOnDisk } from "./copies.ts";
import { openBlobs } from "./open.ts";
import { startS3 } from "./s3-server.fixture.ts";
import { bytesOf, picture, type Bytes } from "./samples.fixture.ts";
import { ownerId, startUploads, type World } from "./uploads.fixture.ts";
import { uploadsMigration } from "./uploads.ts";

/** Files in backups: those that rows lead to, as they were, and no others. */
setDefaultTimeout(120_000);
let folder: string;
const databases: TestDatabase[] = [];
const worlds: World[] = [];
let png: Bytes;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stoa-copies-"));
  png = await picture("png", { width: 200, height: 100 });
});
afterAll(async () => {
  for (const one of worlds) await one.stop();
  for (const made of databases) await made.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function world(): Promise<World> {
  const made = await startUploads();
  worlds.push(made);
  return made;
}

async function keep(own: World, bytes: Bytes, type: "image/png" | "text/plain" = "text/plain") {
  const { upload_id } = await own.stored(bytes, type);
  await own.db.write((tx) => own.uploads.attach(tx, { ids: [upload_id], ownerId }));
  return `test/${upload_id}/1`;
}

/** A database that was migrated and holds nothing, and a folder without files. */
async function target(s3Url = "") {
  const database = await testDatabase([secretsMigration, idsMigration, uploadsMigration]);
  databases.push(database);
  const dataDir = mkdtempSync(join(folder, "target-"));
  const limits = { blobPutMsMax: 20_000, blobS3CallMsMax: 5_000 };
  const blobs = await openBlobs({ dataDir, s3Url, ...limits }, systemClock);
  return { client: database.db.client, blobs, dataDir };
}

const out = ({ blobs }: World): FilesOut => filesOnDisk(async () => blobs);
const pathOf = (name: string) => join(folder, `${name}.stoa`);
const hashOf = async (blobs: Blobs, key: string) => {
  const bytes = await read(blobs, key);
  return bytes && sha256(bytes);
};
const filesIn = (dataDir: string) =>
  readdirSync(join(dataDir, "blobs"), { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => one.name);

/** The file on the disk that has this key. */
function fileOf({ dataDir }: { dataDir: string }, key: string): string {
  const name = key.replaceAll("/", ".");
  const all = readdirSync(join(dataDir, "blobs"), { recursive: true, encoding: "utf8" });
  return join(dataDir, "blobs", all.find((path) => path.endsWith(`/${name}`)) ?? name);
}

async function flipBit(path: string, at: number): Promise<void> {
  const handle = await openFile(path, "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

test("files come back as they were, with their thumbnails, on the disk and in S3", async () => {
  const own = await world();
  // Of no byte, of a few, and of more than one frame.
  const texts = [bytesOf(""), bytesOf("short"), bytesOf("x".repeat(700_000))];
  const keys = await Array.fromAsync(texts, (bytes) => keep(own, bytes));
  const picturesKey = await keep(own, png, "image/png");
  const large = random(3_000_000);
  const largeKey = `test/${own.offer().upload_id}/1`;
  await own.blobs.put(largeKey, large, { bytesMax: large.byteLength, type: "video/mp4" });
  await own.db.write(
    (tx) => tx.run`
      INSERT INTO platform.uploads
        (id, system, owner_id, attempt, type, bytes, sha256, created_at, stored_at)
      VALUES (${largeKey.split("/")[1]}, 'test', 1, 1, 'video/mp4', ${large.byteLength},
        ${sha256(large)}, now(), now())`,
  );
  const released = await keep(own, bytesOf("released"));
  const ids = [released.split("/")[1] ?? ""];
  await own.db.write((tx) => own.uploads.release(tx, ids));
  await own.blobs.put("test/1/1", large, { bytesMax: large.byteLength, type: "a/b" });

  const heard: number[] = [];
  const onProgress = ({ fraction }: { fraction: number }) => void heard.push(fraction);
  const written = await backup(own.db.client, pathOf("whole"), { files: out(own), onProgress });
  expect(written).toMatchObject({ files: 6, elsewhere: 0, unreadable: 0 });
  expect(heard).toEqual(heard.toSorted((a, b) => a - b));
  expect(heard.at(-1)).toBe(1);

  const s3 = startS3();
  for (const url of ["", s3.url]) {
    const to = await target(url);
    const files = filesInto(to.blobs);
    expect(await restore(to.client, pathOf("whole"), { files })).toEqual(written);
    for (const key of [...keys, largeKey, picturesKey, `${picturesKey}/thumbnail`]) {
      expect([key, await hashOf(to.blobs, key)]).toEqual([key, await hashOf(own.blobs, key)]);
      const { bytes, type } = (await own.blobs.head(key)) ?? {};
      expect(await to.blobs.head(key)).toMatchObject({ bytes, type });
    }
    for (const key of [released, "test/1/1"]) expect(await to.blobs.head(key)).toBeNull();
  }
  s3.stop();
});

test("what is released while a backup runs stays until it has ended", async () => {
  const own = await world();
  const keys = await Array.fromAsync(["a", "b", "c"], (text) => keep(own, bytesOf(text)));
  const hashes = await Promise.all(keys.map((key) => hashOf(own.blobs, key)));
  const files = out(own);
  let swept = false;
  const sweepFirst: FilesOut = {
    ...files,
    async open(key) {
      const ids = keys.map((one) => one.split("/")[1] ?? "");
      if (!swept) await own.db.write((tx) => own.uploads.release(tx, ids));
      swept = true;
      await own.sweep();
      return await files.open(key);
    },
  };
  const written = await backup(own.db.client, pathOf("swept"), { files: sweepFirst });
  expect(written).toMatchObject({ files: 3, unreadable: 0 });
  await own.sweep();
  expect(filesIn(own.dataDir)).toEqual([]);
  const to = await target();
  await restore(to.client, pathOf("swept"), { files: filesInto(to.blobs) });
  expect(await Promise.all(keys.map((key) => hashOf(to.blobs, key)))).toEqual(hashes);
});

test("files that are gone or damaged are named, and all others are copied", async () => {
  const own = await world();
  const kept = await keep(own, bytesOf("kept"));
  const gone = await keep(own, bytesOf("gone"));
  const damaged = await keep(own, bytesOf("y".repeat(900_000)));
  const headless = await keep(own, bytesOf("z"));
  await own.blobs.remove(gone);
  await flipBit(fileOf(own, damaged), 800_000);
  await flipBit(fileOf(own, headless), 20);
  const written = await backup(own.db.client, pathOf("holes"), { files: out(own) });
  expect(written).toMatchObject({ files: 1, unreadable: 3 });
  expect(written.unreadable_keys).toEqual([gone, damaged, headless].toSorted());
  const to = await target();
  const done = await restore(to.client, pathOf("holes"), { files: filesInto(to.blobs) });
  expect(done).toMatchObject({ files: 1, unreadable: 3 });
  expect(filesIn(to.dataDir)).toEqual([kept.replaceAll("/", ".")]);
});

test("files in S3 are counted and not copied", async () => {
  const own = await world();
  await keep(own, png, "image/png");
  const written = await backup(own.db.client, pathOf("s3"), { files: filesElsewhere() });
  expect(written).toMatchObject({ files: 0, elsewhere: 2, unreadable: 0 });
  const to = await target();
  expect(await restore(to.client, pathOf("s3"), { files: filesInto(to.blobs) })).toMatchObject({
    ...{ files: 0, elsewhere: 2 },
  });
});

test("a file that is not what its head says stops the restore, which takes all back", async () => {
  const own = await world();
  const first = await keep(own, bytesOf("there before"));
  await keep(own, bytesOf("new"));
  const last = await keep(own, bytesOf("the last"));
  const files = out(own);
  const lying: FilesOut = {
    ...files,
    async open(key) {
      const file = await files.open(key);
      if (key !== last || file === null) return file;
      return { ...file, head: { ...file.head, sha256: "0".repeat(64) } };
    },
  };
  await backup(own.db.client, pathOf("lying"), { files: lying });
  const to = await target();
  const there = bytesOf("there before");
  await to.blobs.put(first, there, { bytesMax: there.byteLength, type: "text/plain" });
  const refused = restore(to.client, pathOf("lying"), { files: filesInto(to.blobs) });
  await expect(refused).rejects.toThrow(`The file ${last} is not as it was`);
  expect(filesIn(to.dataDir)).toEqual([first.replaceAll("/", ".")]);
  expect(await to.client`SELECT FROM platform.uploads`.values()).toEqual([]);
});

test("a backup in which a file was changed by a bit is refused", async () => {
  const own = await world();
  await keep(own, new Uint8Array(Buffer.from(random(300_000).toHex(), "latin1")));
  await backup(own.db.client, pathOf("flipped"), { files: out(own) });
  await flipBit(pathOf("flipped"), Bun.file(pathOf("flipped")).size - 20_000);
  const to = await target();
  const refused = restore(to.client, pathOf("flipped"), { files: filesInto(to.blobs) });
  await expect(refused).rejects.toThrow("is damaged");
  expect(filesIn(to.dataDir)).toEqual([]);
  expect(existsSync(`${pathOf("flipped")}.partial`)).toBe(false);
});
