import { isCode, isTest, lineAt, type Source, type Violation } from "./source.ts";

/** Calls and words that this code does without, each with what to use instead. */
type Ban = {
  pattern: RegExp;
  instead: string;
  allowed: RegExp;
  /** What the pattern runs over: code alone, or comments and strings too. */
  over?: "code" | "text";
};

const testing = /^(test|bench|bin)\/|\.(test|fixture|child)\.tsx?$/;
const browser = /^(sdk|src\/console)\//;
const either = (...parts: RegExp[]) => new RegExp(parts.map((p) => p.source).join("|"));
const nowhere = /^$/;

const bans: Ban[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\s*\)/g,
    instead: "take a Clock and ask clock.now(), so that tests can move time",
    allowed: either(testing, browser, /^src\/platform\/(clock|log)\//),
  },
  {
    pattern: /\bMath\.random\(/g,
    instead: "crypto.getRandomValues, or an injected source of randomness",
    allowed: either(testing, /^sdk\//),
  },
  {
    // A method of that name that takes a request is no call: a block or a type follows it.
    pattern:
      /(?:\b(?:await|return|void)|=>|[=(,?:!&|])\s*fetch\((?![^()]*\)\s*[:{])|\b(?:globalThis|Bun)\.fetch\(/g,
    instead: "platform/outbound, which checks and pins the address (the console: sdk/)",
    allowed: either(testing, /^(sdk|src\/platform\/outbound)\//),
  },
  {
    pattern: /\bBun\.(?:connect|udpSocket|dns)\b|\bcreateRemoteJWKSet\b|\bnew WebSocket\(/g,
    instead: "platform/outbound, the only way out",
    // The tunnel ends at this very process.
    allowed: either(testing, /^src\/platform\/(outbound\/|http\/tunnel\.ts)/),
  },
  {
    pattern: /\bconsole\.\w+\(/g,
    instead: "a Log from platform/log",
    allowed: either(testing, /^src\/cli\//),
  },
  {
    pattern: /\bprocess\.env\b|\bBun\.env\b/g,
    instead: "a setting in platform/config/config.ts",
    // PostgreSQL is given an environment of its own, and PATH is all it inherits.
    allowed: either(
      testing,
      /^src\/(main\.ts|cli\/|platform\/config\/|platform\/db\/embedded-runner\.ts)/,
    ),
  },
  {
    pattern: /\bprocess\.exit\(/g,
    instead: "throw, and let main.ts or the command decide",
    allowed: either(testing, /^src\/(main\.ts|cli\/)/),
  },
  {
    pattern: /\bnew SQL\(/g,
    instead: "the Db of platform/db, which bounds, times and explains",
    allowed: either(testing, /^src\/platform\/db\//),
  },
  {
    pattern: /\bnew (?:Bun\.)?RedisClient\(/g,
    instead: "the State of platform/state, which has deadlines and a breaker",
    allowed: either(testing, /^src\/platform\/state\//),
  },
  {
    pattern: /\bBun\.password\b/g,
    instead: "platform/auth/password.ts, which bounds how many run at once",
    allowed: either(testing, /^src\/platform\/auth\//),
  },
  {
    pattern: /\bdangerouslySetInnerHTML\b|\.(?:inner|outer)HTML\s*=/g,
    instead: "let React make the text safe",
    allowed: nowhere,
  },
  {
    pattern: /\b(?:test|it|describe)\.(?:skip|only|todo|failing)\b|\.skipIf\(|\bx(?:test|it)\(/g,
    instead: "a test that runs; one that cannot run here fails and says what it needs",
    allowed: nowhere,
  },
  {
    pattern: /(?:[:<|&]\s*|\bas\s+)any\b(?!\s*[(:])/g,
    instead: "the real type, or unknown and a check",
    allowed: nowhere,
  },
  {
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm,
    instead: "a union of strings, or an object `as const`",
    allowed: nowhere,
  },
  {
    pattern: /@ts-(?:ignore|nocheck|expect-error)\b|\b(?:eslint|oxlint)-disable\b/g,
    instead: "mend the type or the rule's cause",
    allowed: nowhere,
    over: "text",
  },
  {
    // The classes keep these words out of this very file.
    pattern: /\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/g,
    instead: "do it now or leave it out",
    allowed: nowhere,
    over: "text",
  },
];

export function bannedCalls(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  for (const source of sources.filter((s) => isCode(s.path))) {
    for (const { pattern, instead, allowed, over = "code" } of bans) {
      if (allowed.test(source.path)) continue;
      for (const match of source[over].matchAll(pattern)) {
        const line = lineAt(source.text, match.index + match[0].search(/\S/));
        const found = match[0].trim().replace(/\s+/g, " ");
        out.push({ path: source.path, line, message: `${found}: use instead ${instead}` });
      }
    }
  }
  return out;
}

const outwardModules = /^(node:)?(http|https|http2|net|tls|dgram|dns)(\/promises)?$/;
/** Telling an address from a name goes nowhere, and neither do types. */
const goesNowhere = /^(isIP(v[46])?|type \w+)$/;
/** Listening is not going out: gRPC needs trailers, which Bun's own server does not have. */
const listens = { path: "src/systems/limits/grpc-server.ts", name: /^create(Secure)?Server$/ };

export function outwardImports(sources: Source[]): Violation[] {
  return sources
    .filter((s) => !testing.test(s.path) && !s.path.startsWith("src/platform/outbound/"))
    .flatMap((source) =>
      source.imports
        .filter((i) => outwardModules.test(i.specifier) && reachesOut(source.path, i))
        .map((i) => ({
          path: source.path,
          line: i.line,
          message: `${i.specifier}: use instead platform/outbound, the only way out`,
        })),
    );
}

function reachesOut(path: string, { typeOnly, names }: Source["imports"][number]): boolean {
  if (typeOnly) return false;
  const words = names.split(",").map((name) => name.trim());
  return !words.every(
    (name) => goesNowhere.test(name) || (path === listens.path && listens.name.test(name)),
  );
}

/** A load comes at a pace; nobody waits for anything there. */
const paced = ["test/faults/load.ts"];

/**
 * A fixed sleep is too short on a busy machine and too long on every other. Inside a loop that
 * asks again it is only the pause between questions.
 */
export function sleepsInTests(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  // Letting others run for a moment (0 or 1 ms) is no waiting.
  const sleeps =
    /\bBun\.sleep(?:Sync)?\((?![01]\))|\bsystemClock\.sleep\(|=>\s*\{?\s*(?:void\s+)?setTimeout\(/g;
  for (const source of sources.filter((s) => isCode(s.path) && isTest(s.path))) {
    if (paced.includes(source.path)) continue;
    for (const match of source.code.matchAll(sleeps)) {
      if (standsInLoop(source.code, match.index)) continue;
      const line = lineAt(source.text, match.index);
      const message = "a fixed sleep: wait in a loop until what you wait for is true";
      out.push({ path: source.path, line, message });
    }
  }
  return out;
}

/** Whether a loop is on this line before it, or opened a block around it. */
function standsInLoop(code: string, offset: number): boolean {
  let depth = 0;
  for (let i = offset; i >= 0; i--) {
    if (code[i] === "}") depth++;
    else if (code[i] === "{" && depth > 0) depth--;
    else if (code[i] === "{" || i === offset) {
      const start = code.lastIndexOf("\n", i) + 1;
      if (/\b(while|for|do)\b/.test(code.slice(start, i))) return true;
    }
  }
  return false;
}
