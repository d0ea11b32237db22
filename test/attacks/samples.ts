import { z } from "zod";
import type { Route } from "../../src/platform/http/route.ts";
import { password } from "../world.ts";

/**
 * Bodies made from the routes' own schemas, so that a new route or field is attacked without
 * anybody writing it down. What a schema cannot say (a URL, an e-mail address) goes by the name
 * of the field.
 */
export type JsonSchema = {
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  minItems?: number;
  default?: unknown;
};

const byName: Record<string, unknown> = {
  account_ids: ["1"],
  alias: "an-alias",
  client_msg_id: "a-message",
  code: "a-code",
  conversation_id: "1",
  country: ["CH"],
  current_password: password,
  dark: "#000000",
  device_id: "device-one",
  email: "somebody@stoa.test",
  event_types: ["*"],
  host: "go.example.com",
  image: "https://example.com/card.png",
  language: ["de"],
  light: "#ffffff",
  links: [{ url: "https://example.com/bulk" }],
  owner: "1",
  password,
  path: "/api/v1/links",
  root_url: "https://example.com/root",
  scopes: ["links:read"],
  send_at: new Date(Date.now() + 86_400_000).toISOString(),
  transfer_to: "1",
  until: "2999-01-01T00:00:00Z",
  url: "https://example.com/",
};

/** What the schema leaves open between fields. */
const byRoute: Record<string, Record<string, unknown>> = {
  "POST /api/v1/reports": { code: "a-code" },
  "POST /api/v1/chat/conversations": { kind: "group", title: "A group" },
  "POST /api/v1/chat/conversations/{id}/messages": { body: { text: "Hello" } },
  "POST /api/v1/chat/conversations/{id}/receipts": { read_seq: 1 },
  "POST /api/v1/chat/scheduled": { body: { text: "Hello" } },
  "POST /api/v1/chat/import": {
    conversations: [
      {
        ...{ ref: "elsewhere/1", kind: "group", title: "A group" },
        ...{ created_at: "2020-01-01T00:00:00Z", members: [{ account_id: "1", role: "owner" }] },
      },
    ],
  },
  "GET /api/v1/admin/lookup": { host: "go.example.com" },
};

export function nameOf({ method, path }: Pick<Route, "method" | "path">): string {
  return `${method} ${path}`;
}

export function schemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
}

/** The least that the route takes for a body; undefined where it takes none. */
export function bodyFor(route: Route): Record<string, unknown> | undefined {
  if (!route.body) return undefined;
  const least = leastOf(schemaOf(route.body), "") as Record<string, unknown>;
  return { ...least, ...byRoute[nameOf(route)] };
}

/** The least query that the route takes, with its question mark. */
export function queryFor(route: Route): string {
  if (!route.query) return "";
  const least = leastOf(schemaOf(route.query), "") as Record<string, unknown>;
  const all = { ...least, ...byRoute[nameOf(route)] } as Record<string, string>;
  const query = new URLSearchParams(all).toString();
  return query === "" ? "" : `?${query}`;
}

export function pathWith(route: Pick<Route, "path">, ids: string[] | string): string {
  let next = 0;
  return route.path.replace(/\{\w+\}/g, () => (typeof ids === "string" ? ids : ids[next++]) ?? "");
}

function leastOf(schema: JsonSchema, name: string): unknown {
  if (name in byName) return byName[name];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return leastOf(schema.anyOf[0] as JsonSchema, name);
  switch (schema.type) {
    case "object":
      return Object.fromEntries(
        (schema.required ?? []).map((key) => [key, leastOf(schema.properties?.[key] ?? {}, key)]),
      );
    case "array":
      return schema.minItems ? [leastOf(schema.items ?? {}, "")] : [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return 1;
    default:
      return "example.com";
  }
}
