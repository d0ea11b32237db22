import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Blobs } from "../../src/platform/blobs/blobs.ts";
import { openBlobs } from "../../src/platform/blobs/open.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { afterPowerCut, imageDisk, mayMount, smallDisk } from "./disk.ts";
import { counterproof } from "./sabotage.ts";
import { lasting, Stage, until } from "./stage.ts";
import { signal, tree as ownTree } from "./stoa.ts";

/**
 * R1 and R5 for files: the power is cut while they are stored, and the disk is full. What was
 * acknowledged is there as it was, and nothing is there in part.
 */
const limits = { s3Url: "", blobPutMsMax: 30_000, blobS3CallMsMax: 1_000 };
const fileBytes = 200_000;
const open = (dataDir: string) => openBlobs({ dataDir, ...limits }, systemClock);

async function sha256Of(blobs: Blobs, key: string): Promise<string> {
  const found = await blobs.get(key);
  if (found === null) return "not there";
  const bytes = await new Response(found.body).bytes();
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** What was acknowledged and is not there, or not as it was. Cut under way, or after so many. */
async function cutPower(tree = ownTree, filesMax = Infinity): Promise<string[]> {
  await using stage = new Stage();
  const disk = await imageDisk(stage, 256);
  const dataDir = join(disk.at, "data");
  mkdirSync(dataDir);
  Bun.spawnSync(["sync", "-f", disk.at]);
  const program = join(tree, "src/platform/blobs/put.child.ts");
  const child = Bun.spawn(
    [process.execPath, program, dataDir, "", String(fileBytes), String(filesMax)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  stage.own(child);
  let said = "";
  void child.stdout.pipeTo(
    new WritableStream({ write: (chunk) => void (said += new TextDecoder().decode(chunk)) }),
  );
  const acknowledgedNow = () => said.split("\n").length - 1;
  if (filesMax === Infinity) await lasting(1_000);
  else await until("all are stored", () => acknowledgedNow() === filesMax);
  signal(child.pid, "SIGSTOP");
  const acknowledged = said.split("\n").slice(0, -1);
  const left = await afterPowerCut(stage, disk);
  const blobs = await open(join(left.at, "data"));
  const lost: string[] = [];
  for (const line of acknowledged) {
    const [key = "", hash = ""] = line.split(" ");
    const found = await sha256Of(blobs, key).catch((error: unknown) => String(error));
    if (found !== hash) lost.push(`${key}: ${found}`);
  }
  console.log(`${acknowledged.length} files acknowledged, ${lost.length} lost`);
  expect(acknowledged.length).toBeGreaterThan(2);
  // The one after the last may be there or not, and is never there in part.
  const next = await sha256Of(blobs, `crash/${acknowledged.length}`).catch(String);
  if (next !== "not there" && !/^[0-9a-f]{64}$/.test(next)) lost.push(`half a file: ${next}`);
  return lost;
}

test.if(mayMount)("a power cut loses no file that was acknowledged", async () => {
  expect(await cutPower()).toEqual([]);
  expect(await cutPower(ownTree, 3)).toEqual([]);
});

counterproof(
  "files that are not flushed",
  [
    {
      file: "src/platform/blobs/embedded.ts",
      from: "await handle.sync();\n        await rename",
      to: "await rename",
    },
  ],
  async (tree) => expect(await cutPower(tree)).not.toEqual([]),
);

counterproof(
  "names that are not flushed",
  [
    {
      file: "src/platform/blobs/embedded.ts",
      from: "await rename(staged.path, path);\n        await syncFolder(dirname(path));",
      to: "await rename(staged.path, path);",
    },
  ],
  async (tree) => expect(await cutPower(tree, 3)).not.toEqual([]),
);

test.if(mayMount)("a full disk is told as such, leaves nothing, and is used again", async () => {
  await using stage = new Stage();
  const disk = await smallDisk(stage, 4);
  const blobs = await open(disk);
  const put = (key: string, bytes: number) =>
    blobs.put(key, new Uint8Array(bytes), { bytesMax: bytes, type: "a/b" });
  await put("kept", 1_000_000);
  const kept = await sha256Of(blobs, "kept");
  for (let i = 0; i < 3; i++) {
    expect(put("large", 5_000_000)).rejects.toMatchObject({ code: "server.storage_full" });
    await put("large", 5_000_000).catch(() => {});
    expect(await blobs.head("large")).toBeNull();
    expect(readdirSync(join(disk, "blobs", ".staging"))).toEqual([]);
  }
  expect(await sha256Of(blobs, "kept")).toBe(kept);
  await put("other", 1_000_000);
  expect(await blobs.head("other")).toMatchObject({ bytes: 1_000_000 });
});
