import type { Clock } from "../clock/clock.ts";
import type { Config } from "../config/config.ts";
import type { Db } from "../db/db.ts";
import type { Ids } from "../ids/ids.ts";
import type { Log } from "../log/log.ts";
import type { Blobs } from "./blobs.ts";
import type { Signer } from "./signer.ts";
import type { Store, UploadRow } from "./store.ts";
import type { Thumbnails } from "./thumbnails.ts";

/** What the parts of uploads have in common. */
export type Upload = {
  id: string;
  owner_id: string;
  type: string;
  bytes: number;
  sha256: string;
  /** Pixels of an image, upright; null of anything else, and while they are not known. */
  width: number | null;
  height: number | null;
  /** Null where there is none, or none yet. */
  thumbnail: { width: number; height: number } | null;
  attached: boolean;
};

/** A system's own part: its name, and where its routes stand, e.g. `/api/v1/chat/uploads`. */
export type Mount = { system: string; base: string };

export type UploadDeps = UploadsOptions &
  Mount & { signer: Signer; store: Store; thumbnails: Thumbnails };

export type UploadsOptions = {
  config: Pick<
    Config,
    | "publicUrl"
    | "port"
    | "blobBytesMax"
    | "blobPutMsMax"
    | "blobUploadsAtOnceMax"
    | "blobUnattachedHours"
    | "blobThumbnailPixelsMax"
    | "blobThumbnailMsMax"
  >;
  blobs: Blobs;
  db: Db;
  ids: Ids;
  clock: Clock;
  log: Log;
};

export type SignedOffer = {
  id: string;
  owner: string;
  bytes_max: number;
  types: string;
  expires: number;
};

export function offerParts(base: string, offered: SignedOffer) {
  const { id, owner, bytes_max, types, expires } = offered;
  return ["PUT", base, id, owner, bytes_max, types, expires];
}

export type SignedLink = { id: string; variant: string; name: string; expires: number };

export function linkParts(base: string, { id, variant, name, expires }: SignedLink) {
  return ["GET", base, id, variant, name, expires];
}

export function uploadFrom(row: UploadRow): Upload {
  const { id, owner_id, type, sha256, width, height } = row;
  const { thumbnail_width, thumbnail_height } = row;
  const thumbnail =
    thumbnail_width !== null && thumbnail_height !== null
      ? { width: thumbnail_width, height: thumbnail_height }
      : null;
  const bytes = Number(row.bytes);
  return {
    ...{ id, owner_id, type, bytes, sha256, width, height, thumbnail },
    attached: row.attached_at !== null,
  };
}

/** Where the bytes of one try lie, and the small picture of them. */
export function blobKey(system: string, id: string, attempt: number): string {
  return `${system}/${id}/${attempt}`;
}

export function thumbnailKey(system: string, id: string, attempt: number): string {
  return `${blobKey(system, id, attempt)}/thumbnail`;
}
