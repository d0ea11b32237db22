import { z } from "zod";
import { mediaTypes, type MediaType } from "../../../platform/blobs/media-types.ts";
import { idSchema, route, type Route, timeSchema } from "../../../platform/http/route.ts";
import { requireNotBanned } from "../conversations/bans.ts";
import { charge } from "../conversations/wire.ts";
import { oneMessage, viewOf } from "../messages/history.ts";
import { messageParams } from "../messages/wire.ts";
import { attachmentSchema, attachmentsMax } from "../shapes.ts";
import { unknownMessage } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";
import { typesOfKind } from "./files.ts";

/** Files on their way in, and links to them for those who may see the message they are in. */
const tag = "chat";
const access = "member";
const offerMs = 3_600_000;
/** So long a link is good for whoever has it, also one who leaves meanwhile. */
const linkMs = 15 * 60_000;

type Kind = z.infer<typeof attachmentSchema>["kind"];

const typesOf = (kind: Kind): MediaType[] =>
  mediaTypes.filter((type) => typesOfKind[kind].test(type));

export function fileRoutes(deps: FeatureDeps): Route[] {
  return [offerRoute(deps), linkRoute(deps)];
}

function offerRoute(deps: FeatureDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/chat/uploads",
    summary: "Get a URL to send a file to, which a message can then have attached",
    ...{ tag, access, scope: "chat:create" },
    body: z.strictObject({ kind: attachmentSchema.shape.kind }),
    replies: {
      201: z.object({
        upload_id: idSchema,
        method: z.literal("PUT"),
        url: z.string(),
        bytes_max: z.number().int(),
        types: z.array(z.string()),
        expires_at: timeSchema,
      }),
    },
    errors: ["chat.banned", "request.rate_limited"],
    async handler({ body: { kind }, principal }) {
      const { account_id: ownerId } = principal;
      await requireNotBanned(deps.db, ownerId, deps.clock.now());
      await charge(deps.limits, "chat.uploads", principal);
      const terms = { ownerId, types: typesOf(kind), bytesMax: deps.config.blobBytesMax };
      return { status: 201, body: deps.uploads.offer({ ...terms, expiresInMs: offerMs }) };
    },
  });
}

function linkRoute(deps: FeatureDeps): Route {
  return route({
    method: "GET",
    path: "/api/v1/chat/conversations/{id}/messages/{seq}/attachments/{n}",
    summary: "A link to a file of a message, or to its thumbnail, good for a quarter of an hour",
    ...{ tag, access, scope: "chat:read" },
    params: messageParams.extend({
      n: z.coerce
        .number()
        .int()
        .min(0)
        .max(attachmentsMax - 1),
    }),
    query: z.object({ thumbnail: z.enum(["0", "1"]).default("0") }),
    replies: { 200: z.object({ url: z.string(), expires_at: timeSchema }) },
    errors: ["chat.not_found"],
    async handler({ params: { id, seq, n }, query, principal }) {
      const view = await viewOf(deps.db, id, principal.account_id);
      const { body } = await oneMessage(deps.db, id, view, seq);
      const file = body?.attachments?.[n];
      if (!file) throw unknownMessage();
      const thumbnail = query.thumbnail === "1";
      const name = file.name === undefined ? {} : { name: file.name };
      const link = deps.uploads.link(file.upload_id, { expiresInMs: linkMs, thumbnail, ...name });
      return { status: 200, body: link };
    },
  });
}
