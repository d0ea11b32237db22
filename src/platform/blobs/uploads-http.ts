import { z } from "zod";
import { idSchema, route, type Route } from "../http/route.ts";
import type { Delivery } from "./delivery.ts";
import type { Intake } from "./intake.ts";
import { mediaTypes } from "./media-types.ts";
import { uploadFrom, type Mount } from "./upload.ts";

/** The two ends of a signed URL. Whoever has one may use it; nobody has to be signed in. */
const params = z.object({ upload_id: idSchema });
const signed = {
  expires: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .describe("Milliseconds since 1970."),
  signature: z.string().max(100),
};
const typesLengthMax = mediaTypes.join(",").length;
const offerQuery = z.object({
  owner: idSchema,
  bytes_max: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  types: z.string().max(typesLengthMax),
  ...signed,
});
/** A file has its own type; the first is what generated clients read it as. */
const anyFile = ["application/octet-stream", "*/*"];

const linkQuery = z.object({
  variant: z.enum(["whole", "thumbnail"]),
  name: z.string().max(1_000).default(""),
  ...signed,
});

export const uploadSchema = z.object({
  upload_id: z.string(),
  type: z.string(),
  bytes: z.number().int(),
  sha256: z.string(),
  width: z.number().int().nullable(),
  height: z.number().int().nullable(),
  thumbnail: z
    .object({ width: z.number().int(), height: z.number().int() })
    .nullable()
    .describe(
      "Null where there is none: of HEIC, films, sounds and documents none is made, nor of a " +
        "picture that cannot be read; one that takes long comes later.",
    ),
});

export function uploadRoutes(options: Mount & { intake: Intake; delivery: Delivery }): Route[] {
  const { base, system, intake, delivery } = options;
  const shape = { path: `${base}/{upload_id}`, tag: system, access: "public", params } as const;
  return [
    route({
      ...shape,
      method: "PUT",
      summary: "Send the bytes of an upload to the URL that was offered for them",
      query: offerQuery,
      rawBody: "application/octet-stream",
      // As long as the bytes take, within a limit of its own.
      stream: true,
      replies: { 200: uploadSchema },
      errors: [
        ...(["uploads.signature_wrong", "uploads.expired", "uploads.type_refused"] as const),
        ...(["request.too_large", "request.timeout", "server.storage_full"] as const),
        "blobs.unavailable",
      ],
      async handler({ params: { upload_id: id }, query, request }) {
        const row = await intake.receive({ id, ...query }, request);
        const { id: upload_id, owner_id: _, attached: __, ...rest } = uploadFrom(row);
        return { status: 200, body: { upload_id, ...rest } };
      },
    }),
    route({
      ...shape,
      method: "GET",
      summary: "Get a file by a link to it, whole or in part",
      query: linkQuery,
      stream: true,
      replies: { 200: anyFile, 206: anyFile, 304: null },
      errors: [
        ...(["uploads.signature_wrong", "uploads.expired", "uploads.not_found"] as const),
        ...(["uploads.range_beyond", "blobs.unavailable"] as const),
      ],
      handler: ({ params: { upload_id: id }, query, request, requestId }) =>
        delivery.deliver({ id, ...query }, request, requestId),
    }),
  ];
}
