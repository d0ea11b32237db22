import { z } from "zod";
import { errorStatus } from "../errors/errors.ts";
import { errorsOf, operationId } from "./openapi.ts";
import type { Route } from "./route.ts";

/**
 * The API reference as plain HTML, made from the same route values as everything else. No script
 * and nothing from elsewhere; programs read /openapi.json instead.
 */
const style = `
:root{color-scheme:light dark;--ink:#1a1d21;--dim:#59616b;--paper:#f7f5f0;--line:#dcd8d0;
--act:#1a5a4b}
@media (prefers-color-scheme:dark){:root{--ink:#eceae6;--dim:#a5adb8;--paper:#16181b;--line:#353a41;
--act:#86d3bd}}*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif}main,nav{max-width:62rem;margin:0 auto;padding:1rem 1.25rem}
a{color:var(--act)}h1{margin:1rem 0 .25rem}h2{margin:2.5rem 0 .5rem;text-transform:capitalize}
details{border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0;padding:.55rem .85rem}
summary{cursor:pointer}code,pre{font:.875rem/1.5 ui-monospace,monospace}
summary code{font-weight:600}
pre{overflow:auto;padding:.75rem;border:1px solid var(--line);border-radius:.4rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0;display:block;overflow:auto}
td,th{text-align:left;padding:.3rem .75rem .3rem 0;vertical-align:top;
border-top:1px solid var(--line)}
.dim{color:var(--dim)}:focus-visible{outline:3px solid var(--act);outline-offset:2px}`;

const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
const headers = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; ` +
    "frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

export function docsPages(routes: Route[]): [string, () => Response][] {
  const reference = page("Stoa API", referenceBody(routes));
  const errors = page("Stoa API errors", errorsBody());
  return [
    ["/docs", () => new Response(reference, { headers })],
    ["/docs/errors", () => new Response(errors, { headers })],
  ];
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${style}</style></head>
<body>${body}</body></html>`;
}

function referenceBody(routes: Route[]): string {
  const tags = [...new Set(routes.map((route) => route.tag))];
  const links = tags.map((tag) => `<a href="#${tag}">${tag}</a>`).join(" · ");
  const groups = tags.map((tag) => {
    const group = routes.filter((route) => route.tag === tag);
    return `<h2 id="${tag}">${tag}</h2>${group.map(operation).join("")}`;
  });
  return `<nav><a href="/console/">Console</a> · <a href="/openapi.json">openapi.json</a> ·
<a href="/docs/errors">Errors</a></nav><main><h1>Stoa API</h1>
<p class="dim">Send <code>Authorization: Bearer</code> and an access token or an API key. Every
error is problem details (RFC 9457). Creates honour <code>Idempotency-Key</code>.</p>
<p>${links}</p>${groups.join("")}</main>`;
}

function operation(route: Route): string {
  const who =
    route.access === "public"
      ? "anybody"
      : `${route.access}${route.scope ? ` with <code>${route.scope}</code>` : ""}`;
  const errors = [...errorsOf(route)].map(
    ([status, codes]) =>
      `<tr><td>${status}</td><td><code>${codes.join("</code>, <code>")}</code></td></tr>`,
  );
  const replies = Object.keys(route.replies).join(", ");
  const name = `${route.method} ${escape(route.path)}`;
  return `<details id="${operationId(route)}"><summary><code>${name}</code>
<span class="dim">${escape(route.summary)}</span></summary>
<p class="dim">For ${who}. Answers ${replies}.${route.rawBody ? ` Body: ${route.rawBody}.` : ""}</p>
${fields("Path", route.params)}${fields("Query", route.query)}${fields("Body", route.body)}
<table><tr><th>Status</th><th>Errors</th></tr>${errors.join("")}</table></details>`;
}

type Property = {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  anyOf?: Property[];
  default?: unknown;
};

function fields(title: string, schema: z.ZodType | undefined): string {
  if (!schema) return "";
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
    properties?: Record<string, Property>;
    required?: string[];
  };
  const rows = Object.entries(json.properties ?? {}).map(([name, property]) => {
    const required = json.required?.includes(name) ? "required" : "";
    const fallback =
      property.default === undefined ? "" : `default ${JSON.stringify(property.default)}`;
    return `<tr><td><code>${escape(name)}</code></td><td>${escape(typeOf(property))}</td>
<td class="dim">${required}${escape(fallback)}</td></tr>`;
  });
  return rows.length > 0
    ? `<table><tr><th>${title}</th><th></th><th></th></tr>${rows.join("")}</table>`
    : "";
}

function typeOf(property: Property): string {
  if (property.enum) return property.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (property.anyOf) return property.anyOf.map(typeOf).join(" | ");
  if ("const" in property) return JSON.stringify((property as { const: unknown }).const);
  return Array.isArray(property.type) ? property.type.join(" | ") : (property.type ?? "any");
}

function errorsBody(): string {
  const rows = Object.entries(errorStatus).map(
    ([code, status]) => `<tr id="${code}"><td>${status}</td><td><code>${code}</code></td></tr>`,
  );
  return `<nav><a href="/docs">API</a></nav><main><h1>Errors</h1>
<p class="dim">The code is stable; the text is for people and may change.</p>
<table><tr><th>Status</th><th>Code</th></tr>${rows.join("")}</table></main>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
