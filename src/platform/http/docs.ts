import { errorStatus } from "../errors/errors.ts";
import { described, operationHtml } from "./docs-operation.ts";
import { escapeHtml } from "./html.ts";
import type { Document } from "./openapi-document.ts";
import { operationId } from "./openapi.ts";
import type { Route } from "./route.ts";

/**
 * The API reference as plain HTML, a page for each tag, made from the same route values as
 * everything else. No script and nothing from elsewhere; programs read /openapi.json instead.
 */
const style = `
:root{color-scheme:light dark;--ink:#1a1d21;--dim:#59616b;--paper:#f7f5f0;--line:#dcd8d0;
--act:#1a5a4b}
@media (prefers-color-scheme:dark){:root{--ink:#eceae6;--dim:#a5adb8;--paper:#16181b;--line:#353a41;
--act:#86d3bd}}*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif}main,nav{max-width:62rem;margin:0 auto;padding:1rem 1.25rem}
a{color:var(--act)}h1,h2{text-transform:capitalize}h1{margin:1rem 0 .25rem}h2{margin:2.5rem 0 .5rem}
details{border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0;padding:.55rem .85rem}
summary{cursor:pointer}details h2{margin:1rem 0 0;font-size:1rem}summary code{font-weight:600}
code,pre{font:.875rem/1.5 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid var(--line);border-radius:.4rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0;display:block;overflow:auto}
td,th{text-align:left;padding:.3rem .75rem .3rem 0;vertical-align:top;
border-top:1px solid var(--line)}
td:first-child{white-space:nowrap}[id]{scroll-margin-top:5rem}.dim{color:var(--dim)}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
@media (max-width:40rem){tr,td{display:block}tr{padding:.3rem 0;border-top:1px solid var(--line)}
td{padding:0;border:0}td:first-child{white-space:normal;overflow-wrap:anywhere}}`;

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

export function docsPages(routes: Route[], document: Document): [string, () => Response][] {
  const tags = [...new Set(routes.map((route) => route.tag))];
  const pages: [string, () => string][] = [
    ["/docs", () => page("Stoa API", indexBody(routes, tags))],
    ["/docs/errors", () => page("Stoa API errors", errorsBody())],
    ...tags.map((tag): [string, () => string] => [
      `/docs/${tag}`,
      () => page(`Stoa API: ${tag}`, tagBody(tag, routes, document)),
    ]),
  ];
  return pages.map(([path, make]) => {
    let html: string | undefined;
    return [path, () => new Response((html ??= make()), { headers })];
  });
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${style}</style></head>
<body><nav><a href="/console/">Console</a> · <a href="/docs">API</a> ·
<a href="/docs/errors">Errors</a> · <a href="/openapi.json">openapi.json</a></nav>
<main>${body}</main></body></html>`;
}

function indexBody(routes: Route[], tags: string[]): string {
  const groups = tags.map((tag) => {
    const rows = routes
      .filter((route) => route.tag === tag)
      .map(
        (route) =>
          `<tr><td><a href="/docs/${tag}#${operationId(route)}"><code>${route.method} ` +
          `${escapeHtml(route.path)}</code></a></td><td>${described(route.summary)}</td></tr>`,
      );
    return `<h2><a href="/docs/${tag}">${tag}</a></h2><table>${rows.join("")}</table>`;
  });
  return `<h1>Stoa API</h1>
<p>Send <code>Authorization: Bearer</code> and an access token or an API key. Every error is problem
details (RFC 9457) with a <a href="/docs/errors">code</a>. Creates honour
<code>Idempotency-Key</code>: the same key and body are done once, and answered alike for at least
24 hours. Lists answer <code>next_cursor</code>, which the next call sends as <code>cursor</code>.
Times are RFC 3339 in UTC, and ids are text.</p>${groups.join("")}`;
}

function tagBody(tag: string, routes: Route[], document: Document): string {
  const operations = routes
    .filter((route) => route.tag === tag)
    .map((route) => operationHtml(route, document));
  return `<h1>${tag}</h1>${operations.join("")}`;
}

function errorsBody(): string {
  const rows = Object.entries(errorStatus).map(
    ([code, status]) => `<tr id="${code}"><td>${status}</td><td><code>${code}</code></td></tr>`,
  );
  return `<h1>Errors</h1>
<p class="dim">The code is stable; the text is for people and may change.</p>
<table><tr><th>Status</th><th>Code</th></tr>${rows.join("")}</table>`;
}
