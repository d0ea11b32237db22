import { z } from "zod";
import { idSchema, route, type Route, textSchema } from "../../../platform/http/route.ts";
import { tellOwn } from "../conversations/tell.ts";
import { textCharactersMax } from "../shapes.ts";
import { messageErrors, requireStanding } from "./access.ts";
import type { FeatureDeps } from "./deps.ts";

/** What somebody began to write: the same on all of their devices, the last one counts. */
export function draftRoute({ live, clock }: Pick<FeatureDeps, "live" | "clock">): Route {
  return route({
    method: "PUT",
    path: "/api/v1/chat/conversations/{id}/draft",
    summary: "Keep what one began to write, for all of one's devices; an empty text ends it",
    ...{ tag: "chat", access: "member", scope: "chat:write" },
    params: z.object({ id: idSchema }),
    body: z.strictObject({ text: textSchema(textCharactersMax) }),
    replies: { 204: null },
    errors: [...messageErrors],
    handler: ({ params: { id }, body: { text }, principal: { account_id: by }, write }) =>
      write(async (tx) => {
        await requireStanding(tx, id, by);
        const updated_at = new Date(clock.now()).toISOString();
        const changed =
          text === ""
            ? await tx.run`
                UPDATE chat.members SET draft = NULL
                WHERE conversation_id = ${id} AND account_id = ${by} AND draft IS NOT NULL`
            : await tx.run`
                UPDATE chat.members SET draft = ${tx.json({ text, updated_at })}
                WHERE conversation_id = ${id} AND account_id = ${by} AND left_at IS NULL
                  AND draft ->> 'text' IS DISTINCT FROM ${text}`;
        if (changed > 0) await tellOwn(tx, live, id, [by]);
        return { status: 204 };
      }),
  });
}
