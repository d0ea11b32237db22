/**
 * What a new password must be: long, and not one that guessers try first. No rules about kinds
 * of characters, which make passwords worse (NIST SP 800-63B 3.1.1, OWASP ASVS 5.0 6.2). Instead
 * of a list of a million leaked passwords it knows how those are built: one common word with
 * letters swapped for digits and something put before or after it, a run along the keyboard, or
 * a short piece repeated.
 */
export const passwordLengthMin = 10;
export const passwordLengthMax = 256;

/** What is wrong with it, or null. `personal` are words of its owner, such as the address. */
export function passwordProblem(password: string, personal: readonly string[]): string | null {
  const characters = [...password].length;
  if (characters < passwordLengthMin) {
    return `password: at least ${passwordLengthMin} characters are needed.`;
  }
  if (password.length > passwordLengthMax) {
    return `password: at most ${passwordLengthMax} characters are accepted.`;
  }
  const plain = password.toLowerCase();
  if (isRepeated(plain) || isRun(plain)) {
    return "password: a run or a repetition is guessed at once; use several unrelated words.";
  }
  if (commonWords.has(core(plain)) || commonWords.has(core(unswap(plain)))) {
    return "password: this is among the first that guessers try; use several unrelated words.";
  }
  const own = personal.flatMap((text) => [text, text.split("@")[0] ?? text]);
  if (own.some((word) => word.length >= 4 && core(plain) === core(word.toLowerCase()))) {
    return "password: it must not be the e-mail address or name with something added.";
  }
  return null;
}

/** A piece of one to four characters over and over, as in `abcabcabcabc`. */
function isRepeated(text: string): boolean {
  return [1, 2, 3, 4].some((size) => text.slice(size) === text.slice(0, text.length - size));
}

const rows = [
  "abcdefghijklmnopqrstuvwxyz",
  "01234567890123456789",
  "qwertyuiop[]",
  "asdfghjkl;'",
  "zxcvbnm,./",
  "qwertyuiopasdfghjklzxcvbnm",
  "1234567890-=",
  "!@#$%^&*()_+",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
  "1q2w3e4r5t6y7u8i9o0p",
  "q1w2e3r4t5y6u7i8o9p0",
  "qazwsxedcrfvtgbyhnujm",
];

/** Wholly made of pieces, four long or longer, of the alphabet or a keyboard row. */
function isRun(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    let length = Math.min(28, text.length - at);
    while (length >= 4 && !isPieceOfRow(text.slice(at, at + length))) length--;
    if (length < 4) return text.length - at < 4 && at > 0;
    at += length;
  }
  return true;
}

function isPieceOfRow(piece: string): boolean {
  const backwards = [...piece].reverse().join("");
  const same = piece === piece[0]?.repeat(piece.length);
  return same || rows.some((row) => row.includes(piece) || row.includes(backwards));
}

/** The word inside: what is left without digits and signs at both ends. */
function core(text: string): string {
  return text.replace(/^[^\p{L}]+/u, "").replace(/[^\p{L}]+$/u, "");
}

const swaps: Record<string, string> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "@": "a",
  $: "s",
  "!": "i",
};

/** `p4$$w0rd2026` as `password2026`: digits at the end stay, they are no letters in disguise. */
function unswap(text: string): string {
  const tail = /[\d!]*$/.exec(text)?.[0] ?? "";
  const word = text.slice(0, text.length - tail.length);
  return [...word].map((character) => swaps[character] ?? character).join("") + tail;
}

const commonWords = new Set(
  `password passwort motdepasse contrasena passwords passphrase mypassword passwordpassword
  thisismypassword newpassword changeme changemenow letmein letmeinnow welcome welcomeback admin
  administrator adminadmin rootroot root superuser superman batman spiderman pokemon starwars
  football baseball basketball liverpool chelsea arsenal barcelona juventus manchester iloveyou
  iloveyouso ilovemyself trustno sunshine princess dragon monkey shadow master michael jennifer
  jordan ashley jessica charlie michelle daniel thomas computer internet samsung google facebook
  whatever freedom mustang corvette mercedes ferrari qwerty qwertyuiop qwertyqwerty qwertz azerty
  qwertyui asdfghjkl asdfasdf zxcvbnm qazwsx qazwsxedc abcdef abcabc aaaaaa test testtest testing
  tester guest login user username default secret secretsecret access hello helloworld hellohello
  summer winter spring autumn january february march april june july august september october
  november december monday friday sunday blink lovely loveyou lovelove fuckyou killer hunter
  cheese cookie chocolate butterfly purple orange yellow flower diamond silver golden matrix
  minecraft naruto nintendo playstation cristiano ronaldo messi jesus jesuschrist blessed
  stoa stoastoa unlock temp temporary temppass company office server database example`.split(/\s+/),
);
