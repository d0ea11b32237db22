import { publicUrlOf } from "../config/config.ts";
import type { Reader, Writer } from "../db/db.ts";
import type { Migration } from "../db/migrate.ts";
import { installSecret } from "../db/secrets.ts";
import { AppError, assert } from "../errors/errors.ts";
import type { Route } from "../http/route.ts";
import type { JobHandler, Schedule } from "../jobs/jobs.ts";
import { createDelivery } from "./delivery.ts";
import { createIntake } from "./intake.ts";
import type { MediaType } from "./media-types.ts";
import { createSigner } from "./signer.ts";
import { Store } from "./store.ts";
import { sweepOf } from "./sweep.ts";
import { createThumbnails } from "./thumbnails.ts";
import {
  linkParts,
  offerParts,
  uploadFrom,
  type Mount,
  type Upload,
  type UploadDeps,
  type UploadsOptions,
} from "./upload.ts";
import { uploadRoutes } from "./uploads-http.ts";
import schema from "./schema.sql" with { type: "text" };

/**
 * Files from people, straight to blobs and back, by URLs of our own that are signed and expire.
 * A system offers a place, the client PUTs the bytes there, the system attaches the upload to
 * something of its own, and links to it for whoever may see that. What is never attached is
 * removed after `STOA_BLOB_UNATTACHED_HOURS`.
 *
 * A signed URL is all that it takes to use it, so who may have one is for the system to say, each
 * time that it makes one.
 */
export type Uploads = {
  /** Nothing is stored until the bytes come. */
  offer(terms: OfferTerms): Offer;
  /**
   * Takes uploads into use, all or none, in the order of `ids`. Throws `uploads.not_found` for
   * those of others or of nobody, `uploads.incomplete` for those that are not stored yet or were
   * taken before.
   */
  attach(tx: Writer, wanted: { ids: readonly string[]; ownerId: string }): Promise<Upload[]>;
  /** Those that are stored and not released, in no order. */
  find(reader: Reader, ids: readonly string[]): Promise<Upload[]>;
  /** No longer needed: links stop with the commit, the bytes go soon afterwards. */
  release(tx: Writer, ids: readonly string[]): Promise<void>;
  /** A URL to get it by. `name` is what the file is called when it is saved. */
  link(id: string, options: LinkOptions): { url: string; expires_at: string };
  /** What a system adds to its own. */
  routes: Route[];
  jobs: JobHandler[];
  schedules: Schedule[];
};

export type OfferTerms = {
  ownerId: string;
  types: readonly MediaType[];
  bytesMax: number;
  expiresInMs: number;
};

/** As it may be sent to the client. `method` is PUT, the body the bytes and nothing else. */
export type Offer = {
  upload_id: string;
  method: "PUT";
  url: string;
  bytes_max: number;
  types: MediaType[];
  expires_at: string;
};

export type LinkOptions = { expiresInMs: number; name?: string; thumbnail?: boolean };

export const uploadsMigration: Migration = { id: "platform/uploads/1", sql: schema };

const hourMs = 3_600_000;
const nameLengthMax = 255;
/**
 * A link lives between three quarters of its time and all of it, so that links made about the
 * same time are one URL, which browsers find in their cache.
 */
const linkSteps = 4;

/** Opened once; `under` gives each system its own. */
export type UploadsBlock = { under(mount: Mount): Uploads };

export async function openUploads(options: UploadsOptions): Promise<UploadsBlock> {
  const { config, blobs } = options;
  const signer = createSigner(await installSecret(options.db, "uploads"));
  const thumbnails = createThumbnails(blobs, {
    pixelsMax: config.blobThumbnailPixelsMax,
    msMax: config.blobThumbnailMsMax,
  });
  return {
    under(mount) {
      assert(/^[a-z]{1,20}$/.test(mount.system), "a system's name begins its keys");
      const store = new Store(mount.system);
      return uploadsOf({ ...options, ...mount, signer, store, thumbnails });
    },
  };
}

function uploadsOf(deps: UploadDeps): Uploads {
  const { clock, store, config, base } = deps;
  const origin = publicUrlOf(config);
  const { job, schedule } = sweepOf(deps);
  return {
    offer: (terms) => offer(deps, origin, terms),
    async attach(tx, { ids, ownerId }) {
      const rows = await store.attach(tx, { ids, ownerId, now: clock.now() });
      const byId = new Map(rows.map((row) => [row.id, uploadFrom(row)]));
      const missing = ids.filter((id) => !byId.has(id));
      if (missing.length > 0) throw await refusal(deps, tx, missing, ownerId);
      return ids.map((id) => byId.get(id) as Upload);
    },
    find: async (reader, ids) => (await store.find(reader, ids)).map(uploadFrom),
    release: (tx, ids) => store.release(tx, ids, clock.now()),
    link(id, { expiresInMs, name: given = "", thumbnail = false }) {
      // As it comes back in a query: whole characters, none of which controls anything.
      const name = given
        .slice(0, nameLengthMax)
        .toWellFormed()
        .replace(/\p{Cc}/gu, "_");
      const step = Math.max(1, Math.floor(expiresInMs / linkSteps));
      const expires = Math.floor((clock.now() + expiresInMs) / step) * step;
      const variant = thumbnail ? "thumbnail" : "whole";
      const query = new URLSearchParams({
        ...{ variant, expires: String(expires), ...(name === "" ? {} : { name }) },
        signature: deps.signer.sign(linkParts(base, { id, variant, name, expires })),
      });
      const expires_at = new Date(expires).toISOString();
      return { url: `${origin}${base}/${id}?${query}`, expires_at };
    },
    routes: uploadRoutes({ ...deps, intake: createIntake(deps), delivery: createDelivery(deps) }),
    jobs: [job],
    schedules: [schedule],
  };
}

function offer(deps: UploadDeps, origin: string, terms: OfferTerms): Offer {
  const { config, clock, ids, base, signer } = deps;
  const { ownerId, types, bytesMax, expiresInMs } = terms;
  assert(types.length > 0, "an offer takes at least one type");
  // The row of an upload must outlive its offer, or the bytes could be sent again.
  const offerMsMax = config.blobUnattachedHours * hourMs;
  const expires = clock.now() + Math.min(expiresInMs, offerMsMax);
  const bytes_max = Math.min(bytesMax, config.blobBytesMax);
  const id = ids.next();
  const list = types.join(",");
  const signed = { id, owner: ownerId, bytes_max, types: list, expires };
  const query = new URLSearchParams({
    ...{ owner: ownerId, bytes_max: String(bytes_max), types: list, expires: String(expires) },
    signature: signer.sign(offerParts(base, signed)),
  });
  return {
    upload_id: id,
    method: "PUT",
    url: `${origin}${base}/${id}?${query}`,
    bytes_max,
    types: [...types],
    expires_at: new Date(expires).toISOString(),
  };
}

async function refusal(
  { store }: UploadDeps,
  tx: Writer,
  ids: readonly string[],
  ownerId: string,
): Promise<AppError> {
  const taken = (await store.find(tx, ids)).find((row) => row.owner_id === ownerId);
  if (taken) {
    return new AppError("uploads.incomplete", `upload_id: ${taken.id} was used before.`);
  }
  for (const id of ids) {
    if (!(await store.isBegun(tx, id, ownerId))) continue;
    return new AppError("uploads.incomplete", `upload_id: the bytes of ${id} have not come yet.`);
  }
  return new AppError("uploads.not_found", `upload_id: there is no upload ${ids[0]} of yours.`);
}
