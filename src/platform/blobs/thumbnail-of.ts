import type { UploadRow } from "./store.ts";
import { thumbnailType } from "./thumbnails.ts";
import { blobKey, thumbnailKey, type UploadDeps } from "./upload.ts";

/**
 * Makes the small picture of an upload and says so in its row. Never throws: an upload without
 * one is an upload. What fails for reasons of ours stays due, and the sweep tries it again.
 */
export async function keepThumbnail(deps: UploadDeps, row: UploadRow): Promise<void> {
  const { thumbnails, blobs, store, db, log, system } = deps;
  try {
    const made = await thumbnails.make(blobKey(system, row.id, row.attempt));
    if (made === undefined) return;
    if (made !== null) {
      const key = thumbnailKey(system, row.id, row.attempt);
      const { webp } = made;
      await blobs.put(key, webp, { bytesMax: webp.byteLength, type: thumbnailType });
    }
    await store.thumbnailMade(db, row.id, made);
  } catch (error) {
    log.warn("a thumbnail could not be made for now", { upload_id: row.id, error });
  }
}
