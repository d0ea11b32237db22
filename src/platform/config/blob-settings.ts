import { int, text } from "./setting.ts";

/** Part of `settings`: where bytes are kept, and what people may send. */
export const blobSettings = {
  // Files
  s3Url: text(
    "S3_URL",
    "",
    "Store of files that speaks S3: s3://KEY:SECRET@host[:port]/bucket[/prefix]" +
      "?region=us-east-1, key and secret percent-encoded. `path_style=false` names the bucket " +
      "in the host; `tls=false` is for localhost alone. Empty: files lie under the data folder.",
    { secret: true },
  ),
  blobS3CallMsMax: int(
    "STOA_BLOB_S3_CALL_MS_MAX",
    10_000,
    { min: 100, max: 120_000 },
    "Longest wait for an answer of the store at S3_URL, except for sending a file.",
  ),
  blobPutMsMax: int(
    "STOA_BLOB_PUT_MS_MAX",
    600_000,
    { min: 1_000, max: 86_400_000 },
    "Longest a file may take to arrive and be stored before 408.",
  ),
  blobBytesMax: int(
    "STOA_BLOB_BYTES_MAX",
    100 * 1024 * 1024,
    { min: 1024, max: 1024 ** 4 },
    "Largest file that may be uploaded.",
  ),
  blobUploadsAtOnceMax: int(
    "STOA_BLOB_UPLOADS_AT_ONCE_MAX",
    64,
    { min: 1, max: 10_000 },
    "Files that one process takes in at once; above it new ones answer 503 with Retry-After.",
  ),
  blobUnattachedHours: int(
    "STOA_BLOB_UNATTACHED_HOURS",
    24,
    { min: 1, max: 8_760 },
    "Hours after which an uploaded file that nothing refers to is removed.",
  ),
  blobThumbnailPixelsMax: int(
    "STOA_BLOB_THUMBNAIL_PIXELS_MAX",
    50_000_000,
    { min: 10_000, max: 1_000_000_000 },
    "Pixels above which an image gets no thumbnail; unpacked each takes 4 bytes of memory.",
  ),
  blobThumbnailMsMax: int(
    "STOA_BLOB_THUMBNAIL_MS_MAX",
    20_000,
    { min: 100, max: 600_000 },
    "Longest that the thumbnail of one image may take; then it goes without.",
  ),
};
