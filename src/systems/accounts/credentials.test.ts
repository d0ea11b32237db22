import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Principal } from "../../platform/auth/principal.ts";
import { fakeClock } from "../../platform/clock/clock.ts";
import type { Db } from "../../platform/db/db.ts";
import type { Change, Changes } from "./changes.ts";
import { createCredentials } from "./credentials.ts";
import { openStage, type Process, type Stage, until } from "./accounts.fixture.ts";

/** What other processes know of a change, and what any of them does while the database is away. */
/** A second, and what a busy machine adds; who does not hear goes on for a minute. */
const toldWithinMs = 20_000;
let stage: Stage;
let other: Process;
let owner: { id: string; token: string; email: string };
let admin: { id: string; token: string };
beforeAll(async () => {
  stage = await openStage();
  other = await stage.another();
  owner = await stage.person();
  admin = await stage.person("admin");
});
afterAll(() => stage.close());

const who = async (process_: Process, token: string) => {
  const request = new Request("http://stoa.test/", {
    headers: { authorization: `Bearer ${token}` },
  });
  return await process_.accounts.authenticate(request, "192.0.2.1").then(
    (principal) => principal?.role ?? "nobody",
    (error: { code: string }) => error.code,
  );
};
const makeKey = async () => {
  const body = { name: "k", scopes: ["*"] };
  return (await stage.call("POST", "/keys", { token: owner.token, body })).body;
};

/** Holds the tables so that every read of a credential waits, as with a frozen database. */
async function freeze(db: Db): Promise<() => Promise<void>> {
  const { promise: held, resolve: thaw } = Promise.withResolvers<void>();
  const { promise: locked, resolve: ready } = Promise.withResolvers<void>();
  const done = db.write(
    async (tx) => {
      await tx.all`LOCK TABLE accounts.accounts, accounts.keys, accounts.sessions
        IN ACCESS EXCLUSIVE MODE`;
      ready();
      await held;
    },
    { timeoutMs: 30_000 },
  );
  await locked;
  return async () => {
    thaw();
    await done;
  };
}

/** How many statements wait for the tables. */
async function statementsHeld(): Promise<number> {
  const [row] = await stage.db.all<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return row?.n ?? 0;
}

test("most requests ask no database at all", async () => {
  const { key } = await makeKey();
  await who(other, key);
  await who(other, owner.token);
  // A machine so busy that a second passes without a pulse makes it ask now and then.
  for (let tries = 0, asked = 1; asked > 0; tries++) {
    expect(tries).toBeLessThan(10);
    const thaw = await freeze(stage.db);
    for (let i = 0; i < 40; i++) {
      expect([await who(other, key), await who(other, owner.token)]).toEqual(["member", "member"]);
    }
    asked = await statementsHeld();
    await thaw();
  }
});

test("another process refuses within a second what was ended here", async () => {
  const changes: [string, (person: { id: string; token: string }) => Promise<unknown>, string][] = [
    [
      "sign-out",
      ({ token }) => stage.call("DELETE", "/sessions/current", { token }),
      "auth.invalid_token",
    ],
    [
      "sign-out everywhere",
      ({ token }) => stage.call("DELETE", "/sessions", { token }),
      "auth.invalid_token",
    ],
    ["disabling", ({ id }) => administer(id, { disabled: true }), "auth.invalid_token"],
    ["a new role", ({ id }) => administer(id, { role: "admin" }), "admin"],
    [
      "a reset",
      ({ id }) => administer(id, { password: "temporary but long" }),
      "auth.invalid_token",
    ],
  ];
  for (const [what, apply, outcome] of changes) {
    const person = await stage.person();
    expect(await who(other, person.token)).toBe("member");
    await apply(person);
    expect([what, await who(stage, person.token)]).toEqual([what, outcome]);
    await until(what, async () => (await who(other, person.token)) === outcome, toldWithinMs);
  }
  const { key, id } = await makeKey();
  expect(await who(other, key)).toBe("member");
  await stage.call("DELETE", `/keys/${id}`, { token: owner.token });
  expect(await who(stage, key)).toBe("auth.invalid_token");
  await until(
    "a revoked key",
    async () => (await who(other, key)) === "auth.invalid_token",
    toldWithinMs,
  );
});

const administer = (id: string, body: unknown) =>
  stage.call("PATCH", `/accounts/${id}`, { token: admin.token, body });

/** They come back by themselves, a while after they were cut off. */
async function cutListeners(): Promise<void> {
  await until("there is a listener", async () => {
    const cut = await stage.db.all`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND query ILIKE 'listen%'`;
    return cut.length > 0;
  });
}

test("a process whose listener was cut off still learns of it within a second", async () => {
  for (let round = 0; round < 3; round++) {
    const { key, id } = await makeKey();
    expect(await who(other, key)).toBe("member");
    await cutListeners();
    await stage.call("DELETE", `/keys/${id}`, { token: owner.token });
    await until(
      "revoked",
      async () => (await who(other, key)) === "auth.invalid_token",
      toldWithinMs,
    );
  }
});

test("without a listener every use asks the database", async () => {
  const deaf = await stage.another({ started: false });
  const { key, id } = await makeKey();
  expect(await who(deaf, key)).toBe("member");
  await stage.call("DELETE", `/keys/${id}`, { token: owner.token });
  expect(await who(deaf, key)).toBe("auth.invalid_token");
});

test("a frozen database stops nobody known for a minute, and nobody unknown gets in", async () => {
  const clock = fakeClock(Date.now());
  const deaf = await stage.another({ started: false, clock });
  const { key } = await makeKey();
  const { key: unseen } = await makeKey();
  expect(await who(deaf, key)).toBe("member");
  const thaw = await freeze(stage.db);
  // The database would hold it for ten seconds.
  const started = performance.now();
  expect(await who(deaf, key)).toBe("member");
  expect(performance.now() - started).toBeLessThan(8_000);
  const asked = await statementsHeld();
  expect(await who(deaf, key)).toBe("member");
  expect(await statementsHeld()).toBe(asked);
  clock.advance(59_000);
  expect(await who(deaf, key)).toBe("member");
  clock.advance(2_000);
  expect(await who(deaf, key)).toBe("server.database_unavailable");
  const waiting = who(deaf, unseen);
  await thaw();
  expect(await waiting).toBe("member");
  expect(await who(deaf, key)).toBe("member");
});

test("a read that a change overtook is not kept", async () => {
  const clock = fakeClock();
  let tell: (change: Change) => void = () => {};
  const changes: Changes = {
    announce: async (_, change) => tell(change),
    onChange: (listener) => {
      tell = listener;
      return () => {};
    },
    confirmedAt: () => clock.monotonic(),
    start: async () => {},
    stop: async () => {},
  };
  const credentials = createCredentials({ changes, clock });
  const principal: Principal = {
    kind: "key",
    account_id: "1",
    role: "admin",
    tier: "free",
    scopes: ["*"],
    credential_id: "2",
  };
  const good = { principal, expires_at: null };
  const overtaken = Promise.withResolvers<typeof good>();
  const first = credentials.find("key", () => overtaken.promise);
  tell({ kind: "account", id: "1" });
  // Whoever asks after the change must not join the read that began before it.
  expect(await credentials.find("key", async () => null)).toBeNull();
  overtaken.resolve(good);
  expect(await first).toEqual(good);
  expect(await credentials.find("key", async () => null)).toBeNull();
  expect(await credentials.find("key", async () => good)).toEqual(good);
  const held = credentials.find("key", () => Promise.reject(new Error("it is held")));
  expect(await held).toEqual(good);
});

test("connections that outlive a request are told when their caller's welcome ends", async () => {
  const person = await stage.person();
  const request = new Request("http://stoa.test/", {
    headers: { authorization: `Bearer ${person.token}` },
  });
  const principal = await other.accounts.authenticate(request, "192.0.2.1");
  if (!principal) throw new Error("not signed in");
  const ended: string[] = [];
  const watcher = (name: string) => {
    return { principal, ended: (certain: boolean) => void ended.push(`${name} ${certain}`) };
  };
  const stopped = watcher("stopped");
  other.accounts.contract.watch(stopped);
  other.accounts.contract.watch(watcher("watched"));
  other.accounts.contract.unwatch(stopped);
  await stage.call("DELETE", "/sessions/current", { token: person.token });
  await until("the connection is told", () => ended.length > 0);
  expect(ended).toEqual(["watched true"]);
});

test("tokens signed by any process open every other, also after the key was replaced", async () => {
  const before = await other.signIn(owner.email);
  expect(await who(stage, before.token)).toBe("member");
  await stage.db.write(
    (tx) => tx.run`
      UPDATE accounts.signing_keys SET created_at = created_at - interval '31 days'`,
  );
  const prune = stage.accounts.jobs?.find((job) => job.kind === "accounts.prune");
  const job = { id: "1", kind: "accounts.prune", payload: null, attempt: 1, key: null };
  await prune?.run(job, AbortSignal.timeout(5_000));
  const after = await stage.signIn(owner.email);
  const kid = (token: string) => JSON.parse(atob(token.split(".")[0] ?? "")).kid as string;
  expect(kid(after.token)).not.toBe(kid(before.token));
  for (const token of [before.token, after.token]) {
    expect([await who(stage, token), await who(other, token)]).toEqual(["member", "member"]);
  }
});

test("a listener that was away ends only connections of those who were turned away", async () => {
  const kept = await makeKey();
  const revoked = await makeKey();
  const [person, demoted] = [await stage.person(), await stage.person()];
  const ended: string[] = [];
  const watch = async (name: string, token: string) => {
    const request = new Request("http://stoa.test/", {
      headers: { authorization: `Bearer ${token}` },
    });
    const principal = await other.accounts.authenticate(request, "192.0.2.1");
    const watcher = {
      principal,
      ended: (certain: boolean) => void ended.push(`${name} ${certain}`),
    };
    other.accounts.contract.watch(watcher);
  };
  await watch("kept", kept.key);
  await watch("signed in", person.token);
  await watch("revoked", revoked.key);
  await watch("another role", demoted.token);
  // Unseen: nobody is told of what is done to the rows themselves.
  await stage.db.write((tx) => tx.run`DELETE FROM accounts.keys WHERE id = ${revoked.id}`);
  await stage.db.write(
    (tx) => tx.run`UPDATE accounts.accounts SET role = 'admin' WHERE id = ${demoted.id}`,
  );
  await cutListeners();
  await until("both are told", () => ended.length >= 2);
  // Whoever looks at all others has done so by the time that somebody later is told.
  const later = await makeKey();
  await watch("later", later.key);
  await stage.call("DELETE", `/keys/${later.id}`, { token: owner.token });
  await until("the last is told", () => ended.includes("later true"));
  expect(ended.toSorted()).toEqual(["another role true", "later true", "revoked true"]);
});
