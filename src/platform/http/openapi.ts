import { z } from "zod";
import { errorStatus, type ErrorCode } from "../errors/errors.ts";
import { idempotencyKeyPattern } from "./idempotency.ts";
import type { Document, Operation, Parameter, Schema } from "./openapi-document.ts";
import { problemSchema, type Route } from "./route.ts";

/** The OpenAPI 3.1 document of a list of routes. Zod's JSON Schema is 3.1's own dialect. */
export function openapiOf(routes: Route[], info: { version: string; serverUrl: string }): Document {
  const components: Record<string, Schema> = { Problem: jsonSchema(problemSchema, "output") };
  const paths: Document["paths"] = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Stoa", version: info.version, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: info.serverUrl }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An access token, or an API key (stoa_key_...).",
        },
      },
    },
  };
}

/** `POST /api/v1/links/{id}/tags` becomes `post_links_id_tags`. */
export function operationId(route: Pick<Route, "method" | "path">): string {
  const words = route.path.replace(/^\/api\/v1/, "").match(/[A-Za-z0-9_]+/g) ?? ["root"];
  return `${route.method.toLowerCase()}_${words.join("_")}`;
}

function operation(route: Route): Operation {
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.tag],
    security: route.access === "public" ? [] : [{ bearer: [] }],
    ...(route.scope ? { "x-scope": route.scope } : {}),
    parameters: parametersOf(route),
    ...requestBodyOf(route),
    responses: responsesOf(route),
  };
}

function parametersOf(route: Route): Parameter[] {
  const out: Parameter[] = [];
  const add = (given: z.ZodType | undefined, where: "path" | "query") => {
    if (!given) return;
    const { properties = {}, required = [] } = jsonSchema(given, "input");
    for (const [name, { description, ...schema }] of Object.entries(properties)) {
      out.push({
        name,
        in: where,
        required: where === "path" || required.includes(name),
        ...(description === undefined ? {} : { description }),
        schema,
      });
    }
  };
  add(route.params, "path");
  add(route.query, "query");
  if (route.idempotent) {
    out.push({
      name: "Idempotency-Key",
      in: "header",
      required: false,
      schema: { type: "string", pattern: idempotencyKeyPattern.source },
      description:
        "A random value. The same key and body are done once and answered alike for at least " +
        "24 hours.",
    });
  }
  return out;
}

function requestBodyOf(route: Route): Pick<Operation, "requestBody"> {
  if (route.rawBody) {
    return { requestBody: { required: true, content: { [route.rawBody]: { schema: {} } } } };
  }
  if (!route.body) return {};
  const schema = jsonSchema(route.body, "input");
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function responsesOf(route: Route): Operation["responses"] {
  const out: Operation["responses"] = {};
  for (const [status, schema] of Object.entries(route.replies)) {
    const description = Number(status) < 300 ? "Success" : "Redirect or other answer";
    out[status] = { description };
    if (typeof schema === "string" || Array.isArray(schema)) {
      out[status].content = Object.fromEntries([schema].flat().map((type) => [type, {}]));
    } else if (schema) {
      out[status].content = { "application/json": { schema: jsonSchema(schema, "output") } };
    }
  }
  for (const [status, codes] of errorsOf(route)) {
    out[status] ??= {
      description: codes.join(", "),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  return out;
}

/** Every error code a route can answer, by status: its own and those of its access and shape. */
export function errorsOf(route: Route): Map<number, ErrorCode[]> {
  const codes: ErrorCode[] = [...(route.errors ?? [])];
  if (route.body || route.query || route.params) codes.push("request.invalid");
  if (route.body) {
    codes.push("request.malformed_json", "request.unsupported_media_type", "request.too_large");
  }
  if (route.access !== "public") codes.push("auth.required", "auth.invalid_token");
  if (route.scope) codes.push("auth.scope_missing");
  if (route.access === "admin") codes.push("auth.forbidden");
  if (route.idempotent) codes.push("idempotency.key_reused", "idempotency.in_progress");
  // By the guard in front of all of them.
  codes.push("request.rate_limited", "limits.denied");
  codes.push("server.busy", "server.database_unavailable");
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const status = errorStatus[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Schema {
  const json = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    target: "draft-2020-12",
    override,
  });
  const { $schema: _, ...rest } = json;
  return rest as Schema;
}

type Made = { zodSchema: z.core.$ZodType; jsonSchema: z.core.JSONSchema.BaseSchema };

function override({ zodSchema, jsonSchema: made }: Made) {
  // How long a tuple is stands beside it; generators of clients stumble over a bare `false`.
  if (made.items === false) delete made.items;
  // Bounds of every number that a program can count with are no news.
  if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
  // Ours are what one sends; Zod takes them for what comes out, and drops those that differ.
  const { examples } = z.globalRegistry.get(zodSchema) ?? {};
  if (examples) made.examples = examples as unknown[];
}
