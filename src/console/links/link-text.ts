import type { CreateLink } from "../../../sdk/types.ts";

/** What people type for a link, and what they mean by it. */
export function splitTags(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

/** `example.com/a` is what people type; anything with a scheme is left as it is. */
export function withScheme(text: string): string {
  const url = text.trim();
  return /^[a-z][a-z0-9+.-]*:/i.test(url) && !/^[^/]+:\d+(\/|$)/.test(url) ? url : `https://${url}`;
}

export type Line = { line: number; link: CreateLink };

/** Line numbers count empty lines too, as the person sees them. */
export function linesOf(text: string): Line[] {
  return text.split("\n").flatMap((content, i) => {
    const [url = "", alias = "", tags = ""] = content
      .split(/,(?=\s)|\t/)
      .map((part) => part.trim());
    if (url === "") return [];
    const link: CreateLink = { url: withScheme(url) };
    if (alias) link.alias = alias;
    const split = tags.split(";").map((tag) => tag.trim());
    if (tags) link.tags = split.filter((tag) => tag !== "");
    return [{ line: i + 1, link }];
  });
}
