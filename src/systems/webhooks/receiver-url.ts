import { z } from "zod";

/**
 * The one spelling in which a receiver's URL is stored: the WHATWG serialisation of a text that
 * every reader takes for the same URL. What reads differently to a person, to another parser or
 * after the parser has tidied it up is refused, and not tidied up. Where its name leads is for
 * the outbound client to judge.
 */
const urlLengthMax = 2_048;
/** Control characters, and what shows as nothing or as a space. */
const invisible = /[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

export const receiverUrl = z
  .string()
  .max(urlLengthMax)
  // Not `z.url()`, which takes tabs and line feeds out before anybody sees them.
  .meta({ format: "uri" })
  .transform((given, context) => {
    const spelled = spell(given.trim());
    if (typeof spelled === "string") return spelled;
    context.addIssue(spelled.problem);
    return z.NEVER;
  });

function spell(text: string): string | { problem: string } {
  if (text.includes("\\") || invisible.test(text)) {
    return { problem: "must not hold backslashes, spaces, control or invisible characters" };
  }
  const authority = /^https?:\/\/([^/?#]+)/i.exec(text)?.[1];
  const url = URL.parse(text);
  if (authority === undefined || url === null) {
    return { problem: "an http or https URL, of the form https://host/path" };
  }
  if (authority.includes("@")) return { problem: "must not carry a user name or password" };
  if (bareHost(url).split(".").includes("")) {
    return { problem: "must have a host without empty labels" };
  }
  const { href } = url;
  return href.length <= urlLengthMax ? href : { problem: `too long: ${href.length} once encoded` };
}

/** Names that mean this machine by themselves, whatever the name servers say (RFC 6761). */
export function isLocalhost(url: string): boolean {
  return /(^|\.)localhost$/.test(bareHost(new URL(url)));
}

function bareHost(url: URL): string {
  return url.hostname.replace(/\.$/, "");
}
