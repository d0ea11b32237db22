import { escapeHtml } from "./html.ts";
import type { Document, Operation, Schema } from "./openapi-document.ts";
import { errorsOf, operationId } from "./openapi.ts";
import type { Route } from "./route.ts";

/** One operation of the API reference: who may call it, how, with what, and what it answers. */
const nestedMax = 5;
const patternShownMax = 48;

export function operationHtml(route: Route, document: Document): string {
  const operation = document.paths[route.path]?.[route.method.toLowerCase()] as Operation;
  const name = `${route.method} ${escapeHtml(route.path)}`;
  // A link leads to what is inside, which opens the details around it.
  return `<details><summary><code>${name}</code>
<span class="dim">${described(route.summary)}</span></summary>
<p id="${operationId(route)}" class="dim">For ${whoMay(route)}.</p>
<pre>${escapeHtml(callOf(route, operation, document.servers[0].url))}</pre>
${["path", "query", "header"].map((where) => parametersOf(operation, where)).join("")}
${bodyOf(operation)}${repliesOf(operation)}${errorTable(route)}</details>`;
}

function whoMay({ access, scope }: Route): string {
  if (access === "public") return "anybody";
  return scope ? `${access}s with <code>${scope}</code>` : `${access}s`;
}

/** As one would try it in a shell, with no more than must be said. */
function callOf(route: Route, operation: Operation, server: string): string {
  const query = operation.parameters
    .filter((one) => one.in === "query" && one.required)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(String(sampleOf(schema, name)))}`);
  const url = `${server}${route.path}${query.length > 0 ? `?${query.join("&")}` : ""}`;
  const parts = [`curl ${route.method === "GET" ? "" : `-X ${route.method} `}'${url}'`];
  if (route.access !== "public") parts.push(`-H "Authorization: Bearer $TOKEN"`);
  for (const [type, { schema = {} }] of Object.entries(operation.requestBody?.content ?? {})) {
    parts.push(`-H 'Content-Type: ${type}'`);
    const body = JSON.stringify(sampleOf(schema, "")).replaceAll("'", "'\\''");
    parts.push(type === "application/json" ? `-d '${body}'` : "--data-binary @file");
  }
  return parts.join(" \\\n  ");
}

/** The least that a schema lets through, as far as it says so. */
function sampleOf(schema: Schema, name: string): unknown {
  if (schema.examples) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [option] = optionsOf(schema);
  if (option && option !== schema) return sampleOf(option, name);
  switch (schema.type) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return Math.max(schema.minimum ?? 1, 1);
    case "array":
      return (schema.minItems ?? 0) > 0 ? [sampleOf(schema.items ?? {}, name)] : [];
    case "object":
      return Object.fromEntries(
        (schema.required ?? []).map((key) => [key, sampleOf(schema.properties?.[key] ?? {}, key)]),
      );
    case "string":
      return textSample(schema, name);
    default:
      return {};
  }
}

function textSample({ format, pattern }: Schema, name: string): string {
  if (format === "date-time") return "2030-01-01T00:00:00Z";
  if (name.endsWith("url")) return "https://example.com/";
  if (name.endsWith("email")) return "ada@example.com";
  return pattern?.startsWith("^[1-9]") ? "1" : "...";
}

function parametersOf(operation: Operation, where: string): string {
  const found = operation.parameters.filter((one) => one.in === where);
  const rows = found.map(({ name, required, description, schema }) =>
    row(name, { ...schema, ...(description && { description }) }, said(required)),
  );
  const title = `${where[0]?.toUpperCase()}${where.slice(1)}`;
  return rows.length > 0 ? table(title, rows) : "";
}

function bodyOf({ requestBody }: Operation): string {
  return Object.entries(requestBody?.content ?? {})
    .map(([type, { schema = {} }]) => {
      const rows = rowsOf(schema, said);
      return rows.length > 0 ? table("Body", rows) : `<h2>Body</h2><p>${escapeHtml(type)}</p>`;
    })
    .join("");
}

function repliesOf({ responses }: Operation): string {
  const out = Object.entries(responses).map(([status, { content }]) => {
    const types = Object.keys(content ?? {});
    if (types.includes("application/problem+json")) return "";
    const rows = rowsOf(content?.["application/json"]?.schema ?? {}, answered);
    if (rows.length > 0) return table(`Answers ${status}`, rows);
    const others = types.length > 0 ? `<p>${escapeHtml(types.join(", "))}</p>` : "";
    return `<h2>Answers ${status}</h2>${others}`;
  });
  return out.join("");
}

function errorTable(route: Route): string {
  const link = (code: string) => `<a href="/docs/errors#${code}"><code>${code}</code></a>`;
  const rows = [...errorsOf(route)]
    .toSorted(([a], [b]) => a - b)
    .map(([status, codes]) => `<tr><td>${status}</td><td>${codes.map(link).join(", ")}</td></tr>`);
  return table("Errors", rows);
}

/** What is worth a word: that a field must be said, or that it is not always answered. */
type Presence = (isRequired: boolean) => string;
const said: Presence = (isRequired) => (isRequired ? "Required. " : "");
const answered: Presence = (isRequired) => (isRequired ? "" : "Not always there. ");

/** A row for each field, and below one that holds fields, a row for each of those. */
function rowsOf(schema: Schema, presence: Presence, prefix = "", depth = 0): string[] {
  const rows = optionsOf(schema).flatMap((option) => {
    if (option.items) return rowsOf(option.items, presence, `${prefix}[]`, depth);
    const required = new Set(option.required);
    return Object.entries(option.properties ?? {}).flatMap(([key, property]) => {
      const name = prefix === "" ? key : `${prefix}.${key}`;
      const inner = depth < nestedMax ? rowsOf(property, presence, name, depth + 1) : [];
      return [row(name, property, presence(required.has(key))), ...inner];
    });
  });
  return [...new Set(rows)];
}

function row(name: string, schema: Schema, presence: string): string {
  const notes = [presence + described(schema.description ?? "")];
  if (schema.default !== undefined) {
    notes.push(`Default ${escapeHtml(JSON.stringify(schema.default))}.`);
  }
  return `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(typeOf(schema))}</td>
<td class="dim">${notes.join(" ").trim()}</td></tr>`;
}

const optionsOf = (schema: Schema): Schema[] => schema.anyOf ?? schema.oneOf ?? [schema];

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const options = optionsOf(schema);
  if (options[0] !== schema) return [...new Set(options.map(typeOf))].join(" | ");
  if (Array.isArray(schema.type)) {
    return schema.type.map((type) => typeOf({ ...schema, type })).join(" | ");
  }
  switch (schema.type) {
    case "string":
      return textType(schema);
    case "integer":
    case "number":
      return `${schema.type}${span(schema.minimum, schema.maximum)}`;
    case "array":
      return `list${span(schema.minItems, schema.maxItems)} of ${typeOf(schema.items ?? {})}`;
    case "object":
      return schema.properties ? "object" : "object of any names";
    case undefined:
      return "anything";
    default:
      return schema.type;
  }
}

function textType({ format, pattern, minLength, maxLength }: Schema): string {
  if (format === "date-time") return "time";
  if (pattern?.startsWith("^[1-9]\\d{0,18}")) return "id";
  const length = span(minLength, maxLength);
  const shape = pattern && pattern.length <= patternShownMax ? ` like ${pattern}` : "";
  return `string${length && `${length} characters`}${shape}`;
}

function span(from?: number, to?: number): string {
  const low = from?.toLocaleString("en") ?? "";
  const high = to?.toLocaleString("en") ?? "";
  if (high === "") return low && ` ${low} or more`;
  return low === "" ? ` up to ${high}` : low === high ? ` ${low}` : ` ${low} - ${high}`;
}

const table = (title: string, rows: string[]) => `<h2>${title}</h2><table>${rows.join("")}</table>`;

/** Text with `code` in it. */
export const described = (text: string): string =>
  escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
