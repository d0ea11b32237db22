import { afterAll, beforeAll, expect, test } from "bun:test";
import { openStage, password, type Stage } from "./accounts.fixture.ts";

let stage: Stage;
let admin: { token: string; id: string };
beforeAll(async () => {
  stage = await openStage();
  admin = await stage.person("admin");
});
afterAll(() => stage.close());

const fresh = () => `new-${crypto.randomUUID()}@example.com`;
const signUp = (body: Record<string, unknown>, token?: string) =>
  stage.call("POST", "/accounts", { body, ...(token ? { token } : {}) });

test("signing up makes a member and tells of it once", async () => {
  const email = fresh();
  const made = await signUp({ email: email.toUpperCase(), password, name: "Ada" });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    email,
    name: "Ada",
    role: "member",
    must_change_password: false,
  });
  expect(Object.keys(made.body)).not.toContain("password_hash");
  expect(await stage.published(made.body.id)).toEqual([
    {
      type: "accounts.created",
      owner_id: made.body.id,
      data: { id: made.body.id, email, role: "member" },
    },
  ]);
});

test("one address makes one account, however it is typed and however many try", async () => {
  const email = fresh();
  const spellings = [email, ` ${email}`, email.toUpperCase(), `${email} `];
  const answers = await Promise.all(spellings.map((typed) => signUp({ email: typed, password })));
  expect(answers.map((a) => a.status).sort()).toEqual([201, 409, 409, 409]);
  const refused = answers.find((a) => a.status === 409);
  expect(refused?.body.code).toBe("accounts.email_taken");
});

test("sign-up can be closed; an administrator still adds people", async () => {
  const closed = await openStage({ config: { signUpOpen: false } });
  try {
    const refused = await closed.call("POST", "/accounts", { body: { email: fresh(), password } });
    expect([refused.status, refused.body.code]).toEqual([403, "accounts.sign_up_closed"]);
    const { token } = await closed.person("admin");
    const body = { email: fresh(), password };
    expect((await closed.call("POST", "/accounts", { body, token })).status).toBe(201);
    const member = await closed.person();
    const byMember = await closed.call("POST", "/accounts", { body, token: member.token });
    expect(byMember.status).toBe(403);
  } finally {
    await closed.close();
  }
});

test("a temporary password is good for choosing one's own and nothing else", async () => {
  const email = fresh();
  const made = await signUp({ email, password }, admin.token);
  expect(made.body.must_change_password).toBe(true);
  const { token } = await stage.signIn(email);
  const principal = await stage.accounts.authenticate(bearer(token), "192.0.2.1");
  expect(principal?.scopes).toEqual(["accounts:*"]);
  const body = { password: "a quite different one", current_password: password };
  const changed = await stage.call("PATCH", "/account", { token, body });
  expect(changed.body.must_change_password).toBe(false);
  const after = await stage.accounts.authenticate(bearer(token), "192.0.2.1");
  expect(after?.scopes).toEqual(["*"]);
});

test("bad addresses, names and passwords are refused by field", async () => {
  const cases: [Record<string, unknown>, number, string][] = [
    [{ email: "nobody", password }, 400, "email"],
    [{ email: "a@b@example.com", password }, 400, "email"],
    [{ email: `${"a".repeat(250)}@example.com`, password }, 400, "email"],
    [{ email: fresh(), password, name: "line\nbreak" }, 400, "name"],
    [{ email: fresh(), password, name: "" }, 400, "name"],
    [{ email: fresh(), password: 12345678901 }, 400, "password"],
    [{ email: fresh(), password: "short" }, 422, "password"],
    [{ email: fresh(), password: "Password2026!" }, 422, "password"],
    [{ email: fresh(), password: "x".repeat(300) }, 422, "password"],
  ];
  for (const [body, status, field] of cases) {
    const answer = await signUp(body);
    expect([answer.status, answer.body.errors[0]?.field]).toEqual([status, field]);
  }
});

test("fields that are nobody's to set are refused by name", async () => {
  for (const extra of ["role", "id", "disabled_at", "must_change_password", "owner_id"]) {
    const answer = await signUp({ email: fresh(), password, [extra]: "admin" });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body)).toContain(extra);
  }
  const { token } = await stage.person();
  const raised = await stage.call("PATCH", "/account", { token, body: { role: "admin" } });
  expect(raised.status).toBe(400);
  expect((await stage.call("GET", "/account", { token })).body.role).toBe("member");
});

test("changing one's password needs the current one and signs out the other devices", async () => {
  const { email, token } = await stage.person();
  const other = await stage.signIn(email);
  const next = "a quite different one";
  const change = (body: unknown) => stage.call("PATCH", "/account", { token, body });
  expect((await change({ password: next })).status).toBe(400);
  const wrong = await change({ password: next, current_password: "wrong password" });
  expect([wrong.status, wrong.body.code]).toEqual([401, "auth.invalid_credentials"]);
  expect((await change({ password: next, current_password: password })).status).toBe(200);
  expect((await stage.call("GET", "/account", { token })).status).toBe(200);
  expect((await stage.call("GET", "/account", { token: other.token })).status).toBe(401);
  const refreshed = await stage.call("POST", "/sessions/refresh", {
    body: { refresh_token: other.refresh },
  });
  expect(refreshed.status).toBe(401);
  expect(stage.signIn(email)).rejects.toThrow("cannot sign in");
  await stage.signIn(email, { password: next });
});

test("a role given or taken counts for tokens already out", async () => {
  const person = await stage.person();
  const list = () => stage.call("GET", "/accounts", { token: person.token });
  expect((await list()).status).toBe(403);
  await stage.call("PATCH", `/accounts/${person.id}`, {
    token: admin.token,
    body: { role: "admin" },
  });
  expect((await list()).status).toBe(200);
  await stage.call("PATCH", `/accounts/${person.id}`, {
    token: admin.token,
    body: { role: "member" },
  });
  const refused = await list();
  expect([refused.status, refused.body.code]).toEqual([403, "auth.forbidden"]);
});

test("disabling signs out, stops keys and sign-in, and enabling lets back in", async () => {
  const person = await stage.person();
  const made = await stage.call("POST", "/keys", {
    token: person.token,
    body: {
      name: "k",
      scopes: ["*"],
    },
  });
  const set = (disabled: boolean) =>
    stage.call("PATCH", `/accounts/${person.id}`, { token: admin.token, body: { disabled } });
  expect((await set(true)).body.disabled_at).not.toBeNull();
  for (const token of [person.token, made.body.key]) {
    expect((await stage.call("GET", "/account", { token })).status).toBe(401);
  }
  expect(stage.signIn(person.email)).rejects.toThrow("wrong");
  expect((await set(false)).body.disabled_at).toBeNull();
  expect((await stage.call("GET", "/account", { token: person.token })).status).toBe(401);
  expect((await stage.call("GET", "/account", { token: made.body.key })).status).toBe(200);
  await stage.signIn(person.email);
});

test("an administrator's reset signs out and must be followed by one's own choice", async () => {
  const person = await stage.person();
  const body = { password: "temporary but long" };
  const reset = await stage.call("PATCH", `/accounts/${person.id}`, { token: admin.token, body });
  expect(reset.body.must_change_password).toBe(true);
  expect((await stage.call("GET", "/account", { token: person.token })).status).toBe(401);
  const { token } = await stage.signIn(person.email, body);
  expect((await stage.call("GET", "/account", { token })).body.must_change_password).toBe(true);
});

test("the last administrator stays, also when two leave at once", async () => {
  const alone = await openStage();
  try {
    const [a, b] = [await alone.person("admin"), await alone.person("admin")];
    const demote = (of: { id: string }, by: { token: string }) =>
      alone.call("PATCH", `/accounts/${of.id}`, { token: by.token, body: { role: "member" } });
    const both = await Promise.all([demote(a, a), demote(b, b)]);
    expect(both.map((answer) => answer.status).sort()).toEqual([200, 409]);
    const left = both[0]?.status === 409 ? a : b;
    const body = { disabled: true };
    const gone = await alone.call("PATCH", `/accounts/${left.id}`, { token: left.token, body });
    expect([gone.status, gone.body.code]).toEqual([409, "request.conflict"]);
  } finally {
    await alone.close();
  }
});

test("accounts are listed page by page, for administrators", async () => {
  await stage.person();
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const path: string = `/accounts?limit=2${cursor ? `&cursor=${cursor}` : ""}`;
    const page = await stage.call("GET", path, { token: admin.token });
    expect(page.body.items.length).toBeLessThanOrEqual(2);
    seen.push(...page.body.items.map((account) => account.id));
    cursor = page.body.next_cursor;
  } while (cursor !== null);
  expect(new Set(seen).size).toBe(seen.length);
  const [count] = await stage.db.all<{
    n: number;
  }>`SELECT count(*)::int AS n FROM accounts.accounts`;
  expect(seen.length).toBe(count?.n ?? 0);
  for (const bad of ["cursor=x", "limit=0", "limit=101", "cursor=9999999999999999999"]) {
    expect((await stage.call("GET", `/accounts?${bad}`, { token: admin.token })).status).toBe(400);
  }
});

test("the audit log shows members their own and administrators everybody's", async () => {
  const one = await stage.person();
  const two = await stage.person();
  await stage.call("PATCH", "/account", { token: one.token, body: { name: "Renamed" } });
  const own = await stage.call("GET", "/audit", { token: one.token });
  expect(own.body.items.map((row) => row.action)).toEqual([
    "accounts.renamed",
    "accounts.signed_in",
    "accounts.created",
  ]);
  expect(own.body.items[0]).toMatchObject({ account_id: one.id, actor_id: one.id });
  const foreign = await stage.call("GET", `/audit?account_id=${one.id}`, { token: two.token });
  const unknown = await stage.call("GET", "/audit?account_id=77", { token: two.token });
  expect([foreign.status, unknown.status]).toEqual([404, 404]);
  const path = `/audit?account_id=${one.id}&action=accounts.renamed`;
  const all = await stage.call("GET", path, { token: admin.token });
  expect(all.body.items.length).toBe(1);
  const page = await stage.call("GET", "/audit?limit=2", { token: one.token });
  const rest = await stage.call("GET", `/audit?limit=2&cursor=${page.body.next_cursor}`, {
    token: one.token,
  });
  expect([page.body.items.length, rest.body.items.length]).toEqual([2, 1]);
  expect(rest.body.next_cursor).toBeNull();
});

test("what looks like a secret does not enter the audit log", async () => {
  const { id } = await stage.person();
  const secret = "stoa_key_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
  await stage.db.write((tx) =>
    stage.accounts.contract.audit(tx, {
      account_id: id,
      actor: "system",
      action: "tests.planted",
      target: "1",
      detail: { note: `here is ${secret}` },
    }),
  );
  const [row] = await stage.db.all<{ detail: { note: string } }>`
    SELECT detail FROM accounts.audit WHERE action = 'tests.planted'`;
  expect(row?.detail.note).toBe("here is stoa_key_[secret]");
});

test("of several processes on an empty database one makes the administrator", async () => {
  const empty = await openStage();
  try {
    const others = await Promise.all([empty.another(), empty.another(), empty.another()]);
    const made = await Promise.all(
      [empty, ...others].map((process_) => process_.accounts.operations.ensureAdmin()),
    );
    const credentials = made.filter((one) => one !== null);
    expect(credentials.length).toBe(1);
    const admins = await empty.db.all`SELECT 1 FROM accounts.accounts`;
    expect(admins.length).toBe(1);
    const { email, password: generated } = credentials[0] ?? { email: "", password: "" };
    const { token } = await empty.signIn(email, { password: generated });
    expect((await empty.call("GET", "/accounts", { token })).status).toBe(200);
    expect(await empty.accounts.operations.ensureAdmin()).toBeNull();
  } finally {
    await empty.close();
  }
});

test("the command line sets a password and lists accounts", async () => {
  const person = await stage.person();
  const { operations } = stage.accounts;
  const next = "set from the command line";
  await stage.db.write((tx) => operations.setPassword(tx, person.email.toUpperCase(), next));
  expect((await stage.call("GET", "/account", { token: person.token })).status).toBe(401);
  await stage.signIn(person.email, { password: next });
  const unknown = stage.db.write((tx) => operations.setPassword(tx, "nobody@example.com", next));
  expect(unknown).rejects.toThrow("no such account");
  const [newest] = await operations.listAccounts(stage.db, { before: null, limit: 1 });
  expect(newest?.id).toBe(person.id);
});

test("sign-up with an idempotency key happens once", async () => {
  const body = { email: fresh(), password };
  const headers = { "idempotency-key": crypto.randomUUID() };
  const answers = await Promise.all([
    stage.call("POST", "/accounts", { body, headers }),
    stage.call("POST", "/accounts", { body, headers }),
  ]);
  expect(answers.map((a) => a.status)).toEqual([201, 201]);
  expect(answers[0]?.body.id).toBe(answers[1]?.body.id ?? "");
});

function bearer(token: string): Request {
  return new Request("http://stoa.test/", { headers: { authorization: `Bearer ${token}` } });
}

test("other systems find accounts, and hear of a new name", async () => {
  const [one, two] = [await stage.person(), await stage.person()];
  await stage.call("PATCH", "/account", { token: one.token, body: { name: "Another name" } });
  expect((await stage.published(one.id)).at(-1)).toEqual({
    type: "accounts.renamed",
    owner_id: one.id,
    data: { id: one.id, name: "Another name" },
  });
  const { contract } = stage.accounts;
  const { db } = stage.database;
  const found = await contract.findAccounts(db, [one.id, "77", two.id]);
  expect(found.map(({ id }) => id).toSorted()).toEqual([one.id, two.id].toSorted());
  const spelled = ` ${found.find(({ id }) => id === one.id)?.email?.toUpperCase()}`;
  expect(await contract.findByEmail(db, spelled)).toMatchObject({ name: "Another name" });
  expect(await contract.findByEmail(db, "nobody@example.com")).toBeNull();
  const [newest] = await contract.listAccounts(db, { before: null, limit: 1 });
  expect(newest?.id).toBe(two.id);
});
