import { AppError } from "../errors/errors.ts";
import { inspect, type Inspection } from "./media-types.ts";
import type { StoredAs, UploadRow } from "./store.ts";
import { keepThumbnail } from "./thumbnail-of.ts";
import { blobKey, offerParts, type SignedOffer, type UploadDeps } from "./upload.ts";
import { canHaveThumbnail } from "./thumbnails.ts";

/**
 * Takes the bytes of an offer in: a row first, then the blob, then the row says so. A try that
 * breaks off may be made again, and one whose answer was lost is answered as it was: what is
 * stored once is never stored anew. Killed anywhere, the row leads the sweep to all there is.
 */
const attemptsMax = 20;
/** How long the answer waits for a small picture; it comes later otherwise. */
const thumbnailWaitMs = 4_000;

export type Intake = {
  receive(signed: SignedOffer & { signature: string }, request: Request): Promise<UploadRow>;
};

export function createIntake(deps: UploadDeps): Intake {
  const { signer, clock, config, base } = deps;
  let underWay = 0;
  return {
    async receive({ signature, ...offered }, request) {
      const { expires, bytes_max, id, owner } = offered;
      signer.check(offerParts(base, offered), signature, { expires, now: clock.now() });
      const declared = Number(request.headers.get("content-length") ?? 0);
      if (declared > bytes_max) throw tooLarge(bytes_max);
      if (underWay >= config.blobUploadsAtOnceMax) {
        const message = "Too many files are being uploaded at once.";
        throw new AppError("server.busy", message, { retryAfterSeconds: 2 });
      }
      underWay++;
      try {
        const attempt = await begin(deps, id, owner);
        if (attempt === null) return await storedBefore(deps, id, owner);
        const stored = await keep(deps, { offered, attempt, request });
        return await settle(deps, id, owner, stored);
      } finally {
        underWay--;
      }
    },
  };
}

async function begin({ db, store, clock }: UploadDeps, id: string, ownerId: string) {
  const given = { id, ownerId, now: clock.now(), attemptsMax };
  return await db.write((tx) => store.begin(tx, given));
}

async function storedBefore({ db, store }: UploadDeps, id: string, owner: string) {
  const [row] = await store.find(db, [id]);
  if (row?.owner_id === owner) return row;
  throw new AppError("uploads.expired", "upload_id: this offer is used up; ask for another.");
}

async function keep(
  { blobs, system }: UploadDeps,
  upload: { offered: SignedOffer; attempt: number; request: Request },
): Promise<StoredAs> {
  const { offered, attempt, request } = upload;
  const declared = request.headers.get("content-type") ?? "";
  const inspection = inspect(declared, offered.types.split(","));
  const source = request.body ? watched(request.body, inspection) : new Uint8Array(0);
  let type = "";
  try {
    const put = await blobs.put(blobKey(system, offered.id, attempt), source, {
      bytesMax: offered.bytes_max,
      type: () => (type = inspection.finish()),
      signal: request.signal,
    });
    return { attempt, type, ...put };
  } catch (cause) {
    if (cause instanceof AppError || !request.signal.aborted) throw cause;
    throw new AppError("request.timeout", "The upload broke off.", { cause });
  }
}

/** Passes what the inspection lets through. */
function watched(
  body: ReadableStream<Uint8Array>,
  inspection: Inspection,
): ReadableStream<Uint8Array> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        try {
          inspection.update(value);
        } catch (error) {
          await reader.cancel(error).catch(() => {});
          throw error;
        }
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Many tries may be under way; the first to end counts, and takes what the others left away. */
async function settle(
  deps: UploadDeps,
  id: string,
  owner: string,
  stored: StoredAs,
): Promise<UploadRow> {
  const { db, clock, blobs, system } = deps;
  const thumbnail = canHaveThumbnail(stored.type) ? "due" : "none";
  const isFirst = await db.write((tx) =>
    deps.store.complete(tx, id, stored, { now: clock.now(), thumbnail }),
  );
  if (!isFirst) {
    await blobs.remove(blobKey(system, id, stored.attempt));
    return await storedBefore(deps, id, owner);
  }
  const row = await storedBefore(deps, id, owner);
  for (let attempt = 1; attempt < stored.attempt; attempt++) {
    await blobs.remove(blobKey(system, id, attempt)).catch(() => {}); // goes with the upload
  }
  if (thumbnail === "none") return row;
  const making = keepThumbnail(deps, row);
  const waited = new AbortController();
  await Promise.race([making, clock.sleep(thumbnailWaitMs, waited.signal)]);
  waited.abort();
  return await storedBefore(deps, id, owner);
}

function tooLarge(bytesMax: number): AppError {
  return new AppError("request.too_large", `The file is larger than ${bytesMax} bytes.`);
}
