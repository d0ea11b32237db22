import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { said } from "./chat-schemas.ts";
import { loadConfig } from "../src/platform/config/config.ts";
import type { Document, Operation, Schema } from "../src/platform/http/openapi-document.ts";
import { openapiOf } from "../src/platform/http/openapi.ts";
import type { Route } from "../src/platform/http/route.ts";
import { silentLog } from "../src/platform/log/log.ts";
import { startStoa } from "../src/stoa.ts";

/**
 * Prints the SDK's types from the OpenAPI document. The document is made from the route values,
 * so a field that a route takes or answers is in the SDK without being written twice.
 */

/** Names for shapes that many operations share: where one is found, then the way down to it. */
type Names = Record<string, [operationId: string, part: Part, ...path: string[]]>;
type Part = "query" | "body" | "reply";

const names: Names = {
  Link: ["get_links_id", "reply"],
  Quarantine: ["get_links_id", "reply", "quarantine", "?"],
  SplitTarget: ["get_links_id", "reply", "split", "[]"],
  CreateLink: ["post_links", "body"],
  UpdateLink: ["patch_links_id", "body"],
  ListLinks: ["get_links", "query"],
  Rule: ["get_links_id", "reply", "rules", "[]"],
  BulkResult: ["post_links_bulk", "reply", "results", "[]"],
  PageQuery: ["get_keys", "query"],
  TagCount: ["get_links_tags", "reply", "items", "[]"],
  Domain: ["post_domains", "reply"],
  Stats: ["get_stats", "reply"],
  StatsQuery: ["get_stats", "query"],
  StatsInterval: ["get_stats", "query", "interval"],
  StatsGroup: ["get_stats", "query", "group_by"],
  Click: ["get_links_id_clicks", "reply", "items", "[]"],
  Webhook: ["get_webhooks_id", "reply"],
  WebhookWithSecret: ["post_webhooks", "reply"],
  Delivery: ["get_webhooks_id_deliveries", "reply", "items", "[]"],
  Report: ["get_admin_reports", "reply", "items", "[]"],
  ReportReason: ["post_reports", "body", "reason"],
  StopReason: ["post_admin_links_id_quarantine", "body"],
  Lookup: ["get_admin_lookup", "reply"],
  Quarantined: ["get_admin_quarantine", "reply", "items", "[]"],
  Account: ["get_account", "reply"],
  SignedIn: ["post_sessions", "reply"],
  Session: ["get_sessions", "reply", "items", "[]"],
  ApiKey: ["get_keys", "reply", "items", "[]"],
  AuditEntry: ["get_audit", "reply", "items", "[]"],
  LimitRule: ["get_limits_rules_id", "reply"],
  LimitMode: ["get_limits_rules_id", "reply", "mode"],
  LimitMethod: ["get_limits_rules_id", "reply", "methods", "[]"],
  LimitAlgorithm: ["get_limits_rules_id", "reply", "algorithm"],
  LimitAccuracy: ["get_limits_rules_id", "reply", "accuracy"],
  LimitFailure: ["get_limits_rules_id", "reply", "on_failure", "?"],
  CreateLimitRule: ["post_limits_rules", "body"],
  UpdateLimitRule: ["patch_limits_rules_id", "body"],
  LimitRuleVersion: ["get_limits_rules_id_versions", "reply", "items", "[]"],
  LimitQuestion: ["post_limits_check", "body"],
  LimitReport: ["post_limits_report", "body"],
  LimitKey: ["post_limits_reset", "body"],
  LimitAnswer: ["post_limits_check", "reply"],
  LimitExplanation: ["get_limits_explain", "reply"],
  Refusals: ["get_limits_refusals", "reply"],
  Arrival: ["post_limits_simulate", "body", "arrivals", "[]"],
  ChatScheduled: ["get_chat_scheduled", "reply", "items", "[]"],
  Simulation: ["post_limits_simulate", "reply"],
  SimulatedOutcome: ["post_limits_simulate", "reply", "fixed_window", "[]"],
};

export const sdkTypesFile = join(import.meta.dir, "../sdk/types.ts");

/** What sdk/types.ts must hold, as `bun fmt` leaves it. */
export async function sdkTypes(routes: Route[]): Promise<string> {
  const document = openapiOf(routes, { version: "0", serverUrl: "" });
  return await formatted(typesOf(document), sdkTypesFile);
}

/** The text as `bun fmt` leaves a file of that name. */
export async function formatted(printed: string, file: string): Promise<string> {
  const fmt = ["fmt", `--stdin-filepath=${file}`];
  const formatter = Bun.spawn([process.execPath, ...fmt], {
    cwd: join(import.meta.dir, ".."),
    stdin: new Blob([printed]),
  });
  const text = await new Response(formatter.stdout).text();
  if ((await formatter.exited) !== 0) throw new Error("bun fmt refused the printed types");
  return text;
}

const header = `// Made by bin/sdk-types.ts from the OpenAPI document; do not edit.
import type { Page } from "./listing.ts";
`;

function typesOf(document: Document): string {
  const operations = Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .sort((a, b) => (a.operationId < b.operationId ? -1 : 1));
  const named = new Map<string, string>();
  const schemas = new Map<string, Schema>();
  for (const [name, [id, part, ...path]] of Object.entries(names)) {
    const operation = operations.find((entry) => entry.operationId === id);
    if (!operation) throw new Error(`${name}: there is no operation ${id}`);
    let schema: Schema | undefined = partOf(operation, part);
    for (const step of path) schema = stepInto(schema, step);
    if (!schema) throw new Error(`${name}: ${id} has no ${part} ${path.join(".")}`);
    const shape = shapeOf(schema);
    if (named.has(shape)) throw new Error(`${name} is what ${named.get(shape)} is`);
    named.set(shape, name);
    schemas.set(name, schema);
  }
  for (const [name, schema] of Object.entries(said)) {
    named.set(shapeOf(z.toJSONSchema(schema, { unrepresentable: "any" }) as Schema), name);
  }
  let out = "";
  for (const [name, schema] of schemas) {
    out += `\nexport type ${name} = ${print(schema, named, "", true)};\n`;
  }
  out += "\nexport interface Operations {\n";
  for (const operation of operations) {
    out += `  /** ${operation.summary} */\n  ${operation.operationId}: {\n`;
    for (const part of ["query", "body", "reply"] as const) {
      const schema = partOf(operation, part);
      const text = schema ? print(schema, named, "    ") : part === "reply" ? "void" : "undefined";
      out += `    ${part}: ${text};\n`;
    }
    out += "  };\n";
  }
  const used = Object.keys(said).filter((name) => new RegExp(`\\b${name}\\b`).test(out));
  return `${header}import type { ${used.join(", ")} } from "./chat/frames.ts";\n${out}}\n`;
}

function partOf(operation: Operation, part: Part): Schema | undefined {
  if (part === "body") return operation.requestBody?.content["application/json"]?.schema;
  if (part === "query") return queryOf(operation);
  const replies = Object.entries(operation.responses)
    .filter(([status]) => status.startsWith("2"))
    .map(([, reply]) => reply.content?.["application/json"]?.schema)
    .filter((schema) => schema !== undefined);
  const unique = [...new Map(replies.map((schema) => [JSON.stringify(schema), schema])).values()];
  return unique.length > 1 ? { anyOf: unique } : unique[0];
}

function queryOf(operation: Operation): Schema | undefined {
  const parameters = operation.parameters.filter((parameter) => parameter.in === "query");
  if (parameters.length === 0) return undefined;
  return {
    type: "object",
    properties: Object.fromEntries(
      parameters.map(({ name, description, schema }) => [
        name,
        { ...schema, ...(description && { description }) },
      ]),
    ),
    required: parameters.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  };
}

/** Into a field, with `[]` into the entries of a list, with `?` to what may also be null. */
function stepInto(schema: Schema | undefined, step: string): Schema | undefined {
  const options = schema?.anyOf ?? schema?.oneOf ?? (schema ? [schema] : []);
  if (step === "?") return options.find(({ type }) => type !== "null");
  for (const option of options) {
    const found = step === "[]" ? option.items : option.properties?.[step];
    if (found) return found;
  }
  return undefined;
}

/** What prints alike is called alike, also where one has a default, other bounds or other notes. */
export function shapeOf(schema: Schema): string {
  const withoutNotes = JSON.stringify(schema, (key, value: unknown) =>
    key === "description" && typeof value === "string" ? undefined : value,
  );
  return print(JSON.parse(withoutNotes) as Schema, new Map(), "", true);
}

export function print(
  schema: Schema,
  named: Map<string, string>,
  indent: string,
  root = false,
): string {
  const name = root || named.size === 0 ? undefined : named.get(shapeOf(schema));
  if (name) return name;
  const inner = (part: Schema) => print(part, named, indent);
  const union = (parts: Schema[]) => [...new Set(parts.map(inner))].join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf ?? schema.oneOf) return union(schema.anyOf ?? schema.oneOf ?? []);
  if (schema.allOf) return schema.allOf.map((part) => wrap(part, inner(part))).join(" & ");
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => ({ ...schema, type })));
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "number":
    case "integer":
      return "number";
    case "array":
      if (schema.prefixItems) return `[${schema.prefixItems.map(inner).join(", ")}]`;
      return `${wrap(schema.items ?? {}, inner(schema.items ?? {}))}[]`;
    case "object":
      return printObject(schema, named, indent);
    default:
      return "unknown";
  }
}

function printObject(schema: Schema, named: Map<string, string>, indent: string): string {
  const page = pageOf(schema);
  if (page) return `Page<${print(page, named, indent)}>`;
  const required = new Set(schema.required);
  const extra = schema.additionalProperties;
  const fields = Object.entries(schema.properties ?? {}).map(([key, property]) => {
    const note = property.description ? noteOf(property.description, `${indent}  `) : "";
    const mark = required.has(key) ? "" : "?";
    const label = /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
    return `${note}${indent}  ${label}${mark}: ${print(property, named, `${indent}  `)};\n`;
  });
  if (fields.length > 0) return `{\n${fields.join("")}${indent}}`;
  const values = typeof extra === "object" ? print(extra, named, indent) : "unknown";
  return extra === false ? "Record<string, never>" : `Record<string, ${values}>`;
}

function noteOf(text: string, indent: string): string {
  const line = `${indent}/** ${text} */\n`;
  if (line.length <= 100) return line;
  const lines = text.match(/.{1,80}(?: |$)/g) ?? [];
  const rows = lines.map((part) => `${indent} * ${part.trimEnd()}\n`);
  return `${indent}/**\n${rows.join("")}${indent} */\n`;
}

/** What a page of a long list holds, if the schema is one. */
function pageOf({ properties = {}, required = [] }: Schema): Schema | undefined {
  const { items, next_cursor, ...more } = properties;
  const whole = Object.keys(more).length === 0 && required.length === 2;
  return whole && next_cursor ? items?.items : undefined;
}

/** Brackets around what would otherwise read as something else. */
function wrap(schema: Schema, text: string): string {
  const parts = schema.anyOf ?? schema.oneOf ?? schema.enum ?? [];
  const isUnion = parts.length > 1 || Array.isArray(schema.type);
  return isUnion && /[^\w]/.test(text) ? `(${text})` : text;
}

/** The routes are those of the whole program, so it is started for a moment, on nothing kept. */
if (import.meta.main) {
  const dataDir = await mkdtemp(join(tmpdir(), "stoa-types-"));
  const config = loadConfig({ PORT: "0", HOST: "127.0.0.1", STOA_DATA_DIR: dataDir });
  const running = await startStoa(config, silentLog);
  await Bun.write(sdkTypesFile, await sdkTypes(running.routes));
  await running.stop();
  await rm(dataDir, { recursive: true, force: true });
}
