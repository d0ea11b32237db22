import { z } from "zod";
import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { type Context, route, type Route } from "../../../platform/http/route.ts";
import { accountParams, adminBase, originOf } from "../conversations/wire.ts";
import type { FeatureDeps } from "./deps.ts";
import { eraseKind } from "./erase.ts";
import { exportPerson, linesOf } from "./export.ts";
import { importLines } from "./import-lines.ts";
import { importBody, importBytesMax, importLinesReply, importReply } from "./import-wire.ts";
import { importOne } from "./import.ts";

/** What administrators do with what people said: hand it out, take it away, bring it in. */
const tag = "chat";
const access = "admin";
const linesType = "application/x-ndjson";
const one = `${adminBase}/people/{account_id}`;

export function adminFeatureRoutes(deps: FeatureDeps): Route[] {
  return [exportRoute(deps), eraseRoute(deps), importRoute(deps), importLinesRoute(deps)];
}

function exportRoute(deps: FeatureDeps): Route {
  return route({
    method: "GET",
    path: `${one}/export`,
    summary: "All that chat has of one person, as lines of JSON; the audit log says so",
    ...{ tag, access, scope: "chat:read", params: accountParams },
    replies: { 200: linesType },
    errors: ["chat.not_found"],
    async handler(context) {
      const { account_id: id } = context.params;
      await requireKnown(deps.db, id);
      await audit(deps, context, { account_id: id, action: "chat.person_exported" });
      return new Response(await linesOf(exportPerson(deps.db, id)), {
        headers: {
          "content-type": linesType,
          "content-disposition": `attachment; filename="chat-${id}.ndjson"`,
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
        },
      });
    },
  });
}

function eraseRoute(deps: FeatureDeps): Route {
  return route({
    method: "POST",
    path: `${one}/erase`,
    summary: "Erase all that one person said and did in chat, for good; done soon afterwards",
    ...{ tag, access, scope: "chat:write", params: accountParams },
    replies: { 202: null },
    errors: ["chat.not_found"],
    handler: (context) =>
      context.write(async (tx) => {
        const { account_id } = context.params;
        await requireKnown(tx, account_id);
        const job = { kind: eraseKind, payload: { account_id }, key: account_id };
        await deps.jobs.enqueue(tx, job);
        const entry = { account_id, action: "chat.person_erased", target: account_id };
        await deps.accounts.audit(tx, { ...originOf(context), ...entry });
        return { status: 202 };
      }),
  });
}

function importRoute(deps: FeatureDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/chat/import",
    summary: "Bring conversations over from elsewhere; again with the same ids it adds nothing",
    ...{ tag, access, scope: "chat:create" },
    body: importBody,
    bodyBytesMax: importBytesMax,
    replies: { 200: importReply },
    errors: [
      ...(["chat.person_unknown", "chat.group_full", "request.conflict"] as const),
      ...(["uploads.not_found", "uploads.incomplete"] as const),
    ],
    async handler(context) {
      const conversations: z.infer<typeof importReply>["conversations"] = [];
      for (const given of context.body.conversations) {
        context.signal.throwIfAborted();
        const done = await importOne(deps, given, context.principal.account_id);
        const { id: target, ...detail } = done;
        await audit(deps, context, { account_id: null, action: "chat.imported", target, detail });
        conversations.push(done);
      }
      return { status: 200, body: { conversations } };
    },
  });
}

function importLinesRoute(deps: FeatureDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/chat/import/lines",
    summary: "The same as lines of JSON, of any number, each refused or added by itself",
    ...{ tag, access, scope: "chat:create" },
    rawBody: linesType,
    stream: true,
    replies: { 200: importLinesReply },
    async handler(context) {
      const { request, signal, principal } = context;
      const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim();
      if (type?.toLowerCase() !== linesType) {
        throw new AppError("request.unsupported_media_type", `Content-Type: send ${linesType}.`);
      }
      const source = request.body ?? new Blob().stream();
      const importer = principal.account_id;
      const reply = await importLines(deps, { source, importer, signal });
      const { problems: _, ...detail } = reply;
      await audit(deps, context, { account_id: null, action: "chat.imported", detail });
      return { status: 200, body: reply };
    },
  });
}

async function audit(
  { db, accounts }: Pick<FeatureDeps, "db" | "accounts">,
  context: Pick<Context, "principal" | "address" | "requestId">,
  entry: { account_id: string | null; action: string; target?: string; detail?: object },
): Promise<void> {
  const { account_id, action, target = account_id ?? "", detail = {} } = entry;
  await db.write((tx) =>
    accounts.audit(tx, {
      ...originOf(context),
      ...{ account_id, action, target, detail: { ...detail } },
    }),
  );
}

/** Also one whose account is gone already. */
async function requireKnown(reader: Reader, id: string): Promise<void> {
  const known = await reader.one`SELECT FROM chat.people WHERE account_id = ${id}`;
  if (!known) throw new AppError("chat.not_found", "There is no such person.");
}
