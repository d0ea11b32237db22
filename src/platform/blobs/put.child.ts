import { systemClock } from "../clock/clock.ts";
import { openBlobs } from "./open.ts";

/**
 * Puts blobs one after the other until it is killed. Each is said on stdout once it was
 * acknowledged: its key and its hash. After so many, if a number is given, it waits for its end.
 */
const [dataDir = "", s3Url = "", bytes = "0", filesMax = "Infinity"] = process.argv.slice(2);
const limits = { blobPutMsMax: 60_000, blobS3CallMsMax: 10_000 };
const blobs = await openBlobs({ dataDir, s3Url, ...limits }, systemClock);
const chunkBytes = 256 * 1024;

for (let number = 0; number < Number(filesMax); number++) {
  let left = Number(bytes);
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) return controller.close();
      const chunk = new Uint8Array(Math.min(chunkBytes, left)).fill(number % 256);
      left -= chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  const key = `crash/${number}`;
  const { sha256 } = await blobs.put(key, source, { bytesMax: Number(bytes), type: "a/b" });
  process.stdout.write(`${key} ${sha256}\n`);
}
// Nothing else is stored meanwhile, which might flush what came before it.
setInterval(() => {}, 60_000);
