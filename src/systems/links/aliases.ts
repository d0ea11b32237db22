/**
 * Aliases: the codes that people choose.
 *
 * An alias keeps the spelling it was given and is unique by its skeleton, a normal form in
 * which what looks alike is equal: lower case, separators left out, and 0 o, 1 i l, 5 s,
 * 2 z, 8 b, rn m, vv w, cl d folded. So `Pay-Pal`, `paypa1` and `PAYPAL` are one name, and
 * whoever holds it cannot be imitated. The price is a few lost names (`bit` and `81t`), which
 * is the better error. Only ASCII is taken: a link is typed from paper and read aloud, and
 * letters of other scripts are where imitation starts.
 *
 * Reserved words, which are paths of Stoa itself or would pass for them, are compared by
 * skeleton too, so `ADM1N` is as taken as `admin`.
 *
 * An alias may look exactly like a generated code (seven letters or digits): `example` is too
 * good a name to refuse. Codes and aliases share one unique key (domain, code), so whichever
 * is written second is refused; a new alias answers 409, a generated code that meets an alias
 * takes the next number of its sequence instead. On a domain with people's codes the same
 * key holds for the upper-case spelling that such codes are stored in.
 *
 * A `+` opens the preview of a link, so no alias may hold one; the character set sees to it.
 */
export const aliasLengthMin = 3;
export const aliasLengthMax = 64;

export type AliasCheck =
  | { ok: true; alias: string; skeleton: string }
  | { ok: false; reason: "reserved" | "invalid"; message: string };

export function checkAlias(given: string): AliasCheck {
  if (given.length < aliasLengthMin || given.length > aliasLengthMax) {
    return invalid(`alias must have ${aliasLengthMin} to ${aliasLengthMax} characters`);
  }
  if (!/^[A-Za-z0-9_-]+$/.test(given)) {
    return invalid("alias may hold letters a-z, digits, - and _ only");
  }
  if (!/[A-Za-z0-9]/.test(given)) return invalid("alias must hold a letter or a digit");
  const skeleton = aliasSkeleton(given);
  if (reservedSkeletons.has(skeleton)) {
    return { ok: false, reason: "reserved", message: `alias ${given} is reserved; choose another` };
  }
  return { ok: true, alias: given, skeleton };
}

function invalid(message: string): AliasCheck {
  return { ok: false, reason: "invalid", message };
}

const singles: Record<string, string> = {
  "0": "o",
  "1": "l",
  i: "l",
  "5": "s",
  "2": "z",
  "8": "b",
};

/**
 * Equal for two aliases that may be taken for each other. Separators go first, because
 * `r-n` in a narrow face still reads as `rn`, and single characters before pairs, so that
 * `c1` folds as `cl` does.
 */
export function aliasSkeleton(alias: string): string {
  return alias
    .toLowerCase()
    .replace(/[-_.]/g, "")
    .replace(/[01i528]/g, (character) => singles[character]!)
    .replaceAll("rn", "m")
    .replaceAll("vv", "w")
    .replaceAll("cl", "d");
}

/** Paths that Stoa answers itself, and words that would lend a link its authority. */
export const reservedWords: readonly string[] = (
  "api docs console admin administrator login logout signin signup sign-in sign-up register " +
  "healthz readyz livez metrics status health version favicon favicon.ico robots.txt " +
  "sitemap.xml manifest.json .well-known well-known assets static public images img css js " +
  "fonts sdk openapi openapi.json swagger graphql rpc ws socket events webhook webhooks oauth " +
  "auth sso token tokens account accounts user users settings password reset verify " +
  "unsubscribe subscribe billing pricing payment invoice help support about abuse report " +
  "reports terms tos privacy legal imprint impressum contact security news blog www mail " +
  "email smtp ftp root system stoa link links domain domains qr preview stats analytics " +
  "dashboard app home index null undefined none true false nan test error 404 500 " +
  "postmaster hostmaster webmaster noreply no-reply official staff moderator"
).split(" ");

const reservedSkeletons: ReadonlySet<string> = new Set(reservedWords.map(aliasSkeleton));
