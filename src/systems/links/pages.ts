import { escapeHtml } from "../../platform/http/html.ts";
import { AppError } from "../../platform/errors/errors.ts";

/**
 * The few pages that visitors of links see. Plain HTML with one inline style whose hash is in
 * the policy: no script, nothing from elsewhere, and stored text only ever as text.
 */
const style = `
:root{color-scheme:light dark;--ink:#1a1d21;--dim:#59616b;--paper:#f7f5f0;--line:#dcd8d0;
--act:#1a5a4b}
@media (prefers-color-scheme:dark){:root{--ink:#eceae6;--dim:#a5adb8;--paper:#16181b;--line:#353a41;
--act:#86d3bd}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;
background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{max-width:34rem;width:100%}h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}
p{margin:0 0 1rem;color:var(--dim)}.to{color:var(--ink);overflow-wrap:anywhere;padding:.75rem 1rem;
border:1px solid var(--line);border-radius:.5rem;font-family:ui-monospace,monospace;font-size:.9rem}
a{color:var(--act)}label{display:block;margin:0 0 .35rem;color:var(--ink)}
input,select,textarea{width:100%;padding:.6rem .75rem;border:1px solid #7c8490;border-radius:.4rem;
background:transparent;color:inherit;font:inherit;margin:0 0 1rem}
button,.go{display:inline-block;padding:.6rem 1.1rem;border:0;border-radius:.4rem;
background:var(--act);color:var(--paper);font:inherit;font-weight:600;text-decoration:none;
cursor:pointer}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}
img{max-width:100%;border-radius:.5rem}
.warn{border-left:4px solid #d93025;padding-left:1rem}small{color:var(--dim)}`;

const styleHash = new Bun.CryptoHasher("sha256").update(style).digest("base64");

const policy =
  `default-src 'none'; style-src 'sha256-${styleHash}'; img-src https: data:; ` +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

type Page = { status: number; title: string; body: string; head?: string; index?: boolean };

export function page(spec: Page, headers: Record<string, string> = {}): Response {
  const robots = spec.index ? "" : '<meta name="robots" content="noindex">';
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">${robots}
<title>${escapeHtml(spec.title)}</title>${spec.head ?? ""}<style>${style}</style></head>
<body><main>${spec.body}</main></body></html>`;
  return new Response(html, {
    status: spec.status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

export function notFoundPage(suggestions: string[]): Response {
  const links = suggestions.map((s) => `<a href="/${escapeHtml(s)}">${escapeHtml(s)}</a>`);
  const hint =
    links.length > 0
      ? `<p>Did you mean ${links.join(" or ")}?</p>`
      : "<p>Check the address for a typing mistake, or ask whoever gave it to you.</p>";
  const body = `<h1>This link leads nowhere</h1>${hint}`;
  return page({ status: 404, title: "Not found", body });
}

const endings = {
  expired: "This link has expired",
  used_up: "This link has been used as often as it may be",
  deleted: "This link was removed",
} as const;
export type Ending = keyof typeof endings;

export function gonePage(why: Ending): Response {
  const body = `<h1>${endings[why]}</h1><p>Whoever gave it to you may have a newer one.</p>`;
  return page({ status: 410, title: "Gone", body });
}

/** Shown instead of a redirect; the way on is text, so that nobody takes it by accident. */
export function warningPage(code: string, target: string): Response {
  const body = `<div class="warn"><h1>This link may be unsafe</h1>
<p>It was stopped because its target is reported or listed as harmful. We advise against going
on.</p></div>
<p>It leads to</p><p class="to">${escapeHtml(target)}</p>
<p><small>Yours, and blocked by mistake?
<a href="/${escapeHtml(code)}+report">Tell us</a>.</small></p>`;
  return page({ status: 200, title: "Warning", body });
}

export function passwordPage(code: string, problem: string | null): Response {
  const error = problem ? `<p class="warn" role="alert">${escapeHtml(problem)}</p>` : "";
  const body = `<h1>This link needs a password</h1>${error}
<form method="post" action="/${escapeHtml(code)}"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="off" required autofocus>
<button>Open the link</button></form>`;
  return page({ status: problem ? 401 : 200, title: "Password", body });
}

export type Card = { title: string | null; description: string | null; image: string | null };

/** What services that draw a card of a link read; people are redirected and never see it. */
export function cardPage(card: Card, shortUrl: string, target: string): Response {
  const meta = (name: string, value: string | null) =>
    value ? `<meta property="${name}" content="${escapeHtml(value)}">` : "";
  const size = card.image ? "summary_large_image" : "summary";
  const twitter = `<meta name="twitter:card" content="${size}">`;
  const described = card.description
    ? `<meta name="description" content="${escapeHtml(card.description)}">`
    : "";
  const head =
    meta("og:title", card.title) +
    meta("og:description", card.description) +
    meta("og:image", card.image) +
    meta("og:url", shortUrl) +
    twitter +
    described;
  const title = card.title ?? new URL(target).host;
  const body = `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(card.description ?? "")}</p>`;
  return page({ status: 200, title, body, head, index: true });
}

export type Preview = { code: string; shortUrl: string; target: string; card: Card | null };

export function previewPage(preview: Preview): Response {
  const { card, target, code } = preview;
  const title = card?.title ? `<p><strong>${escapeHtml(card.title)}</strong></p>` : "";
  const go = escapeHtml(`/${code}`);
  const body = `<h1>Where this link leads</h1>${title}<p class="to">${escapeHtml(target)}</p>
<p><a class="go" href="${go}" rel="nofollow">Go there</a></p>
<p><small><a href="${go}+report">Report this link</a></small></p>`;
  return page({ status: 200, title: `Preview of ${preview.shortUrl}`, body });
}

export const reportReasons = ["phishing", "malware", "spam", "illegal", "other"] as const;

export function reportPage(code: string, problem: string | null): Response {
  const options = reportReasons.map((reason) => `<option>${reason}</option>`).join("");
  const error = problem ? `<p class="warn" role="alert">${escapeHtml(problem)}</p>` : "";
  const body = `<h1>Report a link</h1><p>Tell us what is wrong with <b>${escapeHtml(code)}</b>.
A person looks at every report.</p>${error}<form method="post" action="/${escapeHtml(code)}+report">
<label for="reason">What is it?</label><select id="reason" name="reason">${options}</select>
<label for="detail">What happened? (optional)</label>
<textarea id="detail" name="detail" rows="4" maxlength="2000"></textarea>
<label for="contact">Your e-mail, if you want an answer (optional)</label>
<input id="contact" name="contact" type="email" maxlength="254">
<button>Send the report</button></form>`;
  return page({ status: problem ? 422 : 200, title: "Report a link", body });
}

export function reportedPage(): Response {
  const body = "<h1>Thank you</h1><p>Your report is with us.</p>";
  return page({ status: 200, title: "Reported", body });
}

/** The page that a person gets in place of problem details. */
export function problemPage(problem: Response, error: unknown): Response {
  const { status } = problem;
  const why = error instanceof AppError ? error.message : "Something went wrong on our side.";
  const retryAfter = problem.headers.get("retry-after");
  const body = `<h1>Please try again in a moment</h1><p>${escapeHtml(why)}</p>`;
  const spec = { status, title: "Please try again", body };
  return page(spec, retryAfter ? { "retry-after": retryAfter } : {});
}

/** Tries the app at once; where nothing opens it, the link on the page is the way on. */
export function appPage(app: string, fallback: string): Response {
  const head = `<meta http-equiv="refresh" content="0;url=${escapeHtml(app)}">`;
  const body = `<h1>Opening the app</h1><p>If nothing happens,
<a href="${escapeHtml(fallback)}">open it in the browser</a>.</p>`;
  return page({ status: 200, title: "Opening the app", body, head });
}
