import { join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import type { Config } from "../config/config.ts";
import type { Blobs } from "./blobs.ts";
import { openEmbedded } from "./embedded.ts";
import { openS3 } from "./s3.ts";
import { parseS3Url } from "./s3-url.ts";

type Settings = Pick<Config, "s3Url" | "dataDir" | "blobPutMsMax" | "blobS3CallMsMax">;

/** Under the data folder, or at `S3_URL`. Resolves also when that store is away. */
export async function openBlobs(config: Settings, clock: Clock): Promise<Blobs> {
  const folder = join(config.dataDir, "blobs");
  const putMsMax = config.blobPutMsMax;
  if (config.s3Url === "") return await openEmbedded({ folder, putMsMax, nowMs: clock.now() });
  const place = parseS3Url(config.s3Url);
  return await openS3({ place, folder, putMsMax, callMsMax: config.blobS3CallMsMax, clock });
}
