import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataDir, freshStores, open, random, read, type } from "./blobs.fixture.ts";
import { DamagedBlobError } from "./seal.ts";
import { abandonedAfterMs } from "./staging.ts";

freshStores();

describe("on the disk", () => {
  const only = () => {
    const found = readdirSync(join(dataDir, "blobs"), { recursive: true, withFileTypes: true });
    const file = found.find((one) => one.isFile());
    return join(file?.parentPath ?? "", file?.name ?? "");
  };

  test("a flipped bit is found wherever it is, and the block is not given", async () => {
    const blobs = await open("");
    const bytes = random(200_000);
    for (const at of [0, 65_536, 199_999, 200_000, 200_009, 200_020, 200_070, 200_140]) {
      await blobs.put("k", bytes, { bytesMax: 200_000, type });
      const file = readFileSync(only());
      file[at] = (file[at] ?? 0) ^ 4;
      writeFileSync(only(), file);
      expect(read(blobs, "k")).rejects.toThrow(DamagedBlobError);
    }
    expect(readFileSync(only()).byteLength).toBeGreaterThan(200_140);
  });

  test("a file that was cut, or has something behind it, is found", async () => {
    const blobs = await open("");
    for (const change of [(f: Buffer) => f.subarray(0, -1), (f: Buffer) => f.subarray(0, 20)]) {
      await blobs.put("k", random(1_000), { bytesMax: 1_000, type });
      writeFileSync(only(), change(readFileSync(only())));
      expect(blobs.get("k")).rejects.toThrow(DamagedBlobError);
      expect(blobs.head("k")).rejects.toThrow(DamagedBlobError);
    }
    await blobs.put("k", random(1_000), { bytesMax: 1_000, type });
    writeFileSync(only(), Buffer.concat([readFileSync(only()), Buffer.from("x")]));
    expect(blobs.get("k")).rejects.toThrow(DamagedBlobError);
  });

  test("the bytes stand first and as they are", async () => {
    const blobs = await open("");
    const bytes = random(100_000);
    await blobs.put("k", bytes, { bytesMax: 100_000, type });
    expect(readFileSync(only()).subarray(0, 100_000)).toEqual(Buffer.from(bytes));
  });

  test("leftovers of processes that are gone are swept, those of others are not", async () => {
    await open("");
    const staging = join(dataDir, "blobs", ".staging");
    const gone = Bun.spawn(["true"]);
    await gone.exited;
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      begun.resolve();
      await go.promise;
      controller.enqueue(random(10));
      controller.close();
    };
    const source = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    const blobs = await open("");
    const writing = blobs.put("k", source, { bytesMax: 10, type });
    await begun.promise;
    const [mine = ""] = readdirSync(staging);
    const [machine, pid, run, id] = mine.split(".");
    const old = `another.${process.ppid}.${run}.${id}`;
    const names = [
      `${machine}.${gone.pid}.${run}.${id}`,
      `${machine}.${pid}.earlier0.${id}`,
      `${machine}.${process.ppid}.${run}.${id}`,
      `another.${gone.pid}.${run}.${id}`,
      old,
    ];
    for (const name of names) writeFileSync(join(staging, name), "x");
    const longAgo = (Date.now() - abandonedAfterMs - 1_000) / 1_000;
    utimesSync(join(staging, old), longAgo, longAgo);
    await open("");
    expect(readdirSync(staging).sort()).toEqual([mine, names[2], names[3]].sort() as string[]);
    go.resolve();
    await writing;
    expect(await blobs.head("k")).toMatchObject({ bytes: 10 });
  });
});
