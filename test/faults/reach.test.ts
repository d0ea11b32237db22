import { expect, test } from "bun:test";
import { firstSignIn } from "./install.ts";
import { Line, type Answer } from "./line.ts";
import { counterproof, type Break } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { Stage, until } from "./stage.ts";
import { processes, startTogether, type Together } from "./together.ts";

/**
 * What one process acknowledged holds in every other one within a second: edits of links, links
 * and owners that are stopped, sign-outs, keys that are revoked, accounts that are disabled,
 * plans and rules of limits. Each is in the memory of all before it changes.
 */
const lagMs = 1_000;
/** The clients themselves, on a busy machine. */
const measuringMs = 250;

type Body = Record<string, unknown>;
type Given = Record<string, string>;

/** Somebody signed in, who speaks to each process on a connection of its own. */
class Caller {
  readonly credential: string;
  private readonly lines: readonly Line[];

  constructor(lines: readonly Line[], credential: string) {
    this.lines = lines;
    this.credential = credential;
  }

  async ask(process: number, method: string, path: string, body?: Body): Promise<Answer> {
    return await this.lines[process]!.ask({
      ...{ method, path },
      ...(this.credential && { headers: { authorization: `Bearer ${this.credential}` } }),
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  /** Of the first process, which is then the one that knows at once. */
  async done(method: string, path: string, body?: Body): Promise<Given> {
    const answer = await this.ask(0, method, path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return answer.body === "" ? {} : (JSON.parse(answer.body) as Given);
  }

  async seesEverywhere(what: string, sees: (answer: Answer) => boolean, ask: Look) {
    const lags = this.lines.map((_, process) =>
      until(`process ${process} sees ${what}`, async () => sees(await ask(this, process)), {
        ...{ withinMs: 5_000, everyMs: 5 },
      }),
    );
    return Math.max(...(await Promise.all(lags)));
  }
}

type Look = (caller: Caller, process: number) => Promise<Answer>;

/** Says how long the slowest of all processes took to see `change`. */
async function lagOf(
  caller: Caller,
  what: string,
  steps: {
    look: Look;
    before: (answer: Answer) => boolean;
    change: () => Promise<unknown>;
    after: (answer: Answer) => boolean;
  },
): Promise<[what: string, ms: number]> {
  await caller.seesEverywhere(`what is before ${what}`, steps.before, steps.look);
  await steps.change();
  return [what, await caller.seesEverywhere(what, steps.after, steps.look)];
}

const is =
  (...statuses: number[]) =>
  ({ status }: Answer) =>
    statuses.includes(status);
const own: Look = (caller, process) => caller.ask(process, "GET", "/api/v1/account");
const visit =
  (code: string): Look =>
  (caller, process) =>
    caller.ask(process, "GET", `/${code}`);

type People = { admin: Caller; as(credential: string): Caller };

async function lagsOfLinks({ admin, as }: People) {
  const url = "https://example.com/";
  const make = (by: Caller) => by.done("POST", "/api/v1/links", { url });
  const edited = await make(admin);
  const stopped = await make(admin);
  const { member, owner } = await signUp(admin, as);
  const owned = await make(member);
  const stop = (what: string, id: string) =>
    admin.done("POST", `/api/v1/admin/${what}/${id}/quarantine`, { reason: "test" });
  return [
    await lagOf(admin, "an edit", {
      look: visit(edited["code"]!),
      before: ({ headers }) => headers.get("location") === url,
      change: () => admin.done("PATCH", `/api/v1/links/${edited["id"]}`, { url: `${url}new` }),
      after: ({ headers }) => headers.get("location") === `${url}new`,
    }),
    await lagOf(admin, "a stopped link", {
      look: visit(stopped["code"]!),
      before: is(302),
      change: () => stop("links", stopped["id"]!),
      after: ({ status }) => status >= 400 && status < 500,
    }),
    await lagOf(admin, "a stopped owner", {
      look: visit(owned["code"]!),
      before: is(302),
      change: () => stop("owners", owner),
      after: ({ status }) => status >= 400 && status < 500,
    }),
  ];
}

let people = 0;
const password = "a long phrase of nobody's";

async function signUp(admin: Caller, as: People["as"]) {
  const email = `person-${++people}@example.org`;
  const account = await admin.done("POST", "/api/v1/accounts", { email, password });
  // A password that somebody else chose is good for choosing one's own.
  const first = await as("").done("POST", "/api/v1/sessions", { email, password });
  const change = { current_password: password, password: `${password} own` };
  await as(first["access_token"]!).done("PATCH", "/api/v1/account", change);
  const signIn = { email, password: `${password} own` };
  const { access_token } = await as("").done("POST", "/api/v1/sessions", signIn);
  return { member: as(access_token!), owner: account["id"]! };
}

async function lagsOfAccess({ admin, as }: People) {
  const leaving = (await signUp(admin, as)).member;
  const { member, owner } = await signUp(admin, as);
  const made = await member.done("POST", "/api/v1/keys", { name: "k", scopes: ["*"] });
  const key = as(made["key"]!);
  const seen = { look: own, before: is(200), after: is(401, 403) };
  const plan = (tier: string) => (answer: Answer) => JSON.parse(answer.body).tier === tier;
  const account = `/api/v1/accounts/${owner}`;
  return [
    await lagOf(leaving, "a sign-out", {
      ...seen,
      change: () => leaving.done("DELETE", "/api/v1/sessions/current"),
    }),
    await lagOf(key, "a revoked key", {
      ...seen,
      change: () => member.done("DELETE", `/api/v1/keys/${made["id"]}`),
    }),
    await lagOf(member, "another plan", {
      ...{ look: own, before: plan("free"), after: plan("paid") },
      change: () => admin.done("PATCH", account, { tier: "paid" }),
    }),
    await lagOf(member, "a disabled account", {
      ...seen,
      change: () => admin.done("PATCH", account, { disabled: true }),
    }),
  ];
}

async function lagsOfRules({ admin }: People) {
  const rule = `reach.test-${++people}`;
  const look: Look = (caller, process) =>
    caller.ask(process, "POST", "/api/v1/limits/check", { rule, key: "somebody" });
  const allows = (yes: boolean) => (answer: Answer) =>
    answer.status === 200 && JSON.parse(answer.body).allowed === yes;
  const numbers = { algorithm: "fixed_window", limit: 1_000_000, window_ms: 3_600_000 };
  let made: Given = {};
  return [
    await lagOf(admin, "a new rule", {
      ...{ look, before: is(404), after: allows(true) },
      change: async () => {
        const body = { name: rule, service: true, ...numbers, key: ["who"] };
        made = await admin.done("POST", "/api/v1/limits/rules", body);
      },
    }),
    await lagOf(admin, "a narrower rule", {
      ...{ look, before: allows(true), after: allows(false) },
      change: () => admin.done("PATCH", `/api/v1/limits/rules/${made["id"]}`, { limit: 1 }),
    }),
  ];
}

type Lags = (people: People) => Promise<[what: string, ms: number][]>;
const all: Lags[] = [lagsOfLinks, lagsOfAccess, lagsOfRules];

async function measure(lagsOf: Lags[], brokenTree?: string) {
  await using stage = new Stage();
  const dataDir = await stage.folder("data");
  const together = await startTogether(stage, { dataDir, tree: brokenTree });
  const lines = await Promise.all(together.pids().map((pid) => together.lineTo(pid)));
  expect(lines.length).toBe(processes);
  const as = (credential: string) => new Caller(lines, credential);
  const admin = as(await adminToken(together, as("")));
  const lags: [what: string, ms: number][] = [];
  for (let round = 0; round < rounds(2); round++) {
    for (const measured of lagsOf) lags.push(...(await measured({ admin, as })));
  }
  for (const line of lines) line.close();
  console.log(lags.map(([what, ms]) => `${what} ${Math.round(ms)} ms`).join(", "));
  return lags;
}

async function adminToken({ stoa }: Together, nobody: Caller): Promise<string> {
  const { access_token } = await nobody.done("POST", "/api/v1/sessions", await firstSignIn(stoa));
  return access_token!;
}

test("what one process acknowledged holds in all of them within a second", async () => {
  const late = (await measure(all)).filter(([, ms]) => ms > lagMs + measuringMs);
  expect(late).toEqual([]);
});

const untold: [what: string, lags: Lags, broken: Break][] = [
  [
    "edits of links that nobody is told of",
    lagsOfLinks,
    {
      file: "src/systems/links/store.ts",
      from: "tx.send`SELECT pg_notify(${changesChannel}, ${text})`;",
      to: "tx.send`SELECT ${changesChannel}::text, ${text}::text`;",
    },
  ],
  [
    "sign-outs and revoked keys that nobody is told of",
    lagsOfAccess,
    {
      file: "src/systems/accounts/changes.ts",
      from: "await tx.all`SELECT pg_notify(${channel}, ${payload})`;",
      to: "await tx.all`SELECT ${channel}::text, ${payload}::text`;",
    },
  ],
  [
    "rules that each process reads once",
    lagsOfRules,
    {
      file: "src/systems/limits/rule-book.ts",
      from: "if (revision === this.revision) continue;",
      to: 'if (revision === this.revision || this.revision !== "") continue;',
    },
  ],
];

for (const [what, lags, broken] of untold) {
  counterproof(what, [broken], async (tree) => {
    await expect(measure([lags], tree)).rejects.toThrow("not within");
  });
}
