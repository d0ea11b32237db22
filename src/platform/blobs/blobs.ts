/**
 * Bytes under a key: on the disk, or in a store that speaks S3 when `S3_URL` is set. What is put
 * is there as a whole once `put` resolves, also after a power cut, and never visible before; a
 * put that fails leaves nothing behind. Keys are made by the caller and written once: putting to
 * a key again replaces its bytes in one step, but readers may still be in the middle of the old.
 */
export type Blobs = {
  /**
   * Throws `request.too_large` beyond `bytesMax`, `server.storage_full` where there is no room,
   * `request.timeout` where the source is slow, `blobs.unavailable` where the store does not
   * answer (then the blob may be there or not; it is never there in part), and whatever the
   * source throws.
   */
  put(key: string, source: BlobSource, options: PutOptions): Promise<Put>;
  /** Null: no such blob. The body must be read to its end or cancelled. */
  get(key: string, span?: Span): Promise<BlobRead | null>;
  head(key: string): Promise<BlobInfo | null>;
  /** Also where there is none. */
  remove(key: string): Promise<void>;
};

export type BlobSource = Uint8Array | ReadableStream<Uint8Array>;

export type PutOptions = {
  bytesMax: number;
  /** Media type without parameters, kept with the bytes. A function is asked after the last. */
  type: string | (() => string);
  /** Gives up, e.g. because the client has gone. */
  signal?: AbortSignal;
};

/** `sha256` is hexadecimal. */
export type Put = { bytes: number; sha256: string };

/** From the first byte to the last, both included, as in a Range header. */
export type Span = { first: number; last: number };

/** The etag is the backend's own and changes with the bytes. */
export type BlobInfo = { bytes: number; type: string; etag: string };
export type BlobRead = BlobInfo & { body: ReadableStream<Uint8Array> };

const keyLengthMax = 200;
const segment = "[a-z0-9][a-z0-9_-]*";
const keyPattern = new RegExp(`^${segment}(?:/${segment})*$`);

/**
 * Lower-case letters, digits, `_` and `-` in segments between slashes. There is no dot and no
 * upper case, so no key climbs out of a folder and no two keys are one file anywhere.
 */
export function checkKey(key: string): void {
  if (key.length <= keyLengthMax && keyPattern.test(key)) return;
  throw new Error(`not a key of a blob: ${JSON.stringify(key.slice(0, keyLengthMax))}`);
}

export function typeOf({ type }: PutOptions): string {
  return typeof type === "string" ? type : type();
}

/** What of a blob a span asks for; everything without one. */
export function spanWithin(bytes: number, span: Span | undefined): Span {
  if (span === undefined) return { first: 0, last: bytes - 1 };
  const { first, last } = span;
  if (Number.isSafeInteger(first) && first >= 0 && first <= last && last < bytes) return span;
  throw new Error(`bytes ${first} to ${last} of ${bytes}: not within the blob`);
}
