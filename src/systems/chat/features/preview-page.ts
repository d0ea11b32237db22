import type { Extra } from "../shapes.ts";

/** What a page says of itself in its head. All of it was written by a stranger: text, bounded. */
export type Preview = NonNullable<Extra["preview"]>;

const urlUnitsMax = 2_000;
const charactersMax = { title: 200, description: 400, site: 100 } as const;
type Field = keyof typeof charactersMax;

/** The first link of a text, without what ends a sentence. */
export function firstUrl(text: string): string | null {
  const found = withoutTrailing(/https?:\/\/[^\s<>"'`\\]+/i.exec(text)?.[0] ?? "");
  if (!found || found.length > urlUnitsMax || !URL.canParse(found)) return null;
  const url = new URL(found);
  return url.username || url.password ? null : url.href;
}

const trailing = ".,;:!?)]}»”’";

/** A loop, because a pattern tries each of many such characters anew. */
function withoutTrailing(text: string): string {
  let end = text.length;
  while (end > 0 && trailing.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Of each field the first that is named is taken: Open Graph's, or else what HTML has. */
const names: Record<string, [Field, rank: number]> = {
  "og:title": ["title", 0],
  "twitter:title": ["title", 1],
  "og:description": ["description", 0],
  "twitter:description": ["description", 1],
  description: ["description", 2],
  "og:site_name": ["site", 0],
};

/** Null where the page says nothing. */
export async function previewOf(url: string, html: string): Promise<Preview | null> {
  const found: { [K in Field]?: { text: string; rank: number } } = {};
  const keep = (field: Field, rank: number, text: string) => {
    const known = found[field];
    const clean = cleaned(text, charactersMax[field]);
    if (clean !== "" && (!known || rank < known.rank)) found[field] = { text: clean, rank };
  };
  let title = "";
  let titles = 0;
  const rewriter = new HTMLRewriter()
    .on("meta", {
      element(element) {
        const name = element.getAttribute("property") ?? element.getAttribute("name") ?? "";
        const known = names[name.trim().toLowerCase()];
        if (known) keep(...known, element.getAttribute("content") ?? "");
      },
    })
    // The first one: pictures within the page have titles as well.
    .on("title", {
      element() {
        titles++;
      },
      text(chunk) {
        if (titles === 1 && title.length < charactersMax.title * 4) title += chunk.text;
      },
    });
  await rewriter.transform(new Response(html)).text();
  keep("title", 2, title);
  if (!found.title) return null;
  const [description, site] = [found.description?.text, found.site?.text];
  return {
    ...{ url, title: found.title.text },
    ...(description !== undefined && { description }),
    ...(site !== undefined && { site }),
  };
}

const entities: Record<string, string> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ndash: "–", mdash: "—" },
  ...{ hellip: "…", laquo: "«", raquo: "»", rsquo: "’", lsquo: "‘", ldquo: "“", rdquo: "”" },
};

/** One line of text: entities read, nothing that controls or hides. */
function cleaned(text: string, max: number): string {
  const read = text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,10}));/gi, (whole, ...parts) => {
    const [decimal, hex, name] = parts as (string | undefined)[];
    if (name !== undefined) return entities[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
  const line = read
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return [...line].slice(0, max).join("");
}
