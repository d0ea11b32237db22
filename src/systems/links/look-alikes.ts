/**
 * Finds host names made to be taken for others.
 *
 * Two tests. A label that mixes scripts beyond what languages do (UTS 39, "highly restrictive")
 * is `mixed_script`. A host is `look_alike` if a label of another script reads wholly as Latin
 * letters under a Latin top-level domain, or if the registered name has the skeleton of a
 * well-known brand without being it. The table holds the letters that are near-identical in
 * common faces, not all of UTS 39's 6,000 pairs: those flag honest names and are mostly letters
 * that no registry sells.
 */
import { domainToUnicode } from "node:url";
import { getDomainWithoutSuffix } from "tldts";

export type HostFlag = "mixed_script" | "look_alike";
export type HostInspection = { flags: HostFlag[]; display_host: string };

export function inspectHost(host: string): HostInspection {
  const flags: HostFlag[] = [];
  if (host.startsWith("[")) return { flags, display_host: host };
  const unicode = domainToUnicode(host) || host;
  const labels = unicode.split(".");
  if (labels.some(mixesScripts)) flags.push("mixed_script");
  const latinEnd = isAscii(labels.at(-1) ?? "");
  if ((latinEnd && labels.some(passesForLatin)) || imitatesBrand(unicode)) flags.push("look_alike");
  const readable = flags.length === 0 && /^[\p{L}\p{M}\p{N}._-]+$/u.test(unicode);
  return { flags, display_host: readable ? unicode : host };
}

const scripts = (
  "Latin Greek Cyrillic Armenian Hebrew Arabic Devanagari Bengali Gurmukhi Gujarati Tamil " +
  "Telugu Kannada Malayalam Sinhala Thai Lao Myanmar Georgian Hangul Ethiopic Cherokee Khmer " +
  "Mongolian Hiragana Katakana Bopomofo Han Lisu Coptic"
)
  .split(" ")
  .map((name) => ({ name, test: new RegExp(`\\p{Script=${name}}`, "u") }));
const sharedLetter = /[\p{Script=Common}\p{Script=Inherited}]/u;
/** Scripts that one language writes together; each set may hold Latin as well. */
const companions = [
  new Set(["Latin", "Han", "Hiragana", "Katakana"]),
  new Set(["Latin", "Han", "Bopomofo"]),
  new Set(["Latin", "Han", "Hangul"]),
];

function mixesScripts(label: string): boolean {
  if (isAscii(label)) return false;
  const found = new Set<string>();
  for (const letter of label) {
    if (sharedLetter.test(letter)) continue;
    found.add(scripts.find((script) => script.test.test(letter))?.name ?? "other");
  }
  return found.size > 1 && !companions.some((set) => found.isSubsetOf(set));
}

/** Written in foreign letters, every one of which has a Latin double. */
function passesForLatin(label: string): boolean {
  if (isAscii(label)) return false;
  const letters = [...label.normalize("NFKD").replace(/\p{M}/gu, "")];
  return (
    letters.some((letter) => doubles.has(letter)) &&
    letters.every((letter) => doubles.has(letter) || /[a-z0-9-]/.test(letter))
  );
}

function imitatesBrand(host: string): boolean {
  const name = getDomainWithoutSuffix(host, { validateHostname: false });
  if (name === null || brands.has(name)) return false;
  return brandSkeletons.has(skeleton(name));
}

/** Letters of other scripts, and a few Latin ones, drawn like a basic Latin letter. */
const doubles: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: "аɑα",
    b: "ЬьƅᏏ",
    c: "сϲᴄ",
    d: "ԁɗ",
    e: "еҽєɛ",
    f: "ƒϝ",
    g: "ɡցԍ",
    h: "һհᏂ",
    i: "іıɩӏι",
    j: "јϳ",
    l: "ӏⅼǀІ",
    m: "ⅿ",
    n: "ոռп",
    o: "оοօσᴏ൦๐໐०",
    p: "рρ",
    q: "ԛգ",
    r: "гᴦ",
    s: "ѕꜱ",
    u: "υսᴜц",
    v: "ѵνᴠ",
    w: "ԝωաᴡ",
    x: "хχ",
    y: "уү",
    z: "ᴢ",
  }).flatMap(([latin, others]) => [...others].map((other) => [other, latin] as const)),
);

/** Near enough in a brand's name, but too common in honest words to be suspect by themselves. */
const nearDoubles: Record<string, string> = {
  к: "k",
  κ: "k",
  м: "m",
  т: "t",
  τ: "t",
  γ: "y",
  ł: "l",
  đ: "d",
  ø: "o",
  ħ: "h",
  ŧ: "t",
  ß: "b",
  þ: "p",
};
const digits: Record<string, string> = { "0": "o", "1": "l", "3": "e", "5": "s", i: "l" };

/** Equal for two names that may be taken for each other. */
export function skeleton(name: string): string {
  return [...name.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "")]
    .map((letter) => doubles.get(letter) ?? nearDoubles[letter] ?? letter)
    .map((letter) => digits[letter] ?? letter)
    .join("")
    .replaceAll("rn", "m")
    .replaceAll("vv", "w");
}

/** Names that phishing imitates most, as registered: without suffix. */
const brands: ReadonlySet<string> = new Set(
  (
    "google gmail youtube facebook instagram whatsapp messenger twitter linkedin tiktok snapchat " +
    "telegram discord reddit pinterest apple icloud microsoft office outlook hotmail live " +
    "onedrive sharepoint amazon aws ebay paypal stripe venmo wise revolut visa mastercard " +
    "americanexpress chase wellsfargo bankofamerica citibank barclays hsbc santander paribas " +
    "coinbase binance kraken metamask blockchain netflix spotify steampowered steamcommunity " +
    "roblox adobe dropbox docusign zoom slack github gitlab cloudflare godaddy namecheap " +
    "wordpress yahoo wikipedia openai alibaba aliexpress walmart booking airbnb uber dhl fedex " +
    "ups usps"
  ).split(" "),
);
const brandSkeletons: ReadonlySet<string> = new Set([...brands].map(skeleton));

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}
