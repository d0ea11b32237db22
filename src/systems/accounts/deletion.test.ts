import { afterAll, beforeAll, expect, test } from "bun:test";
import { openStage, password, type Stage, until } from "./accounts.fixture.ts";

/** The end of an account, by its person or by an administrator. */
let stage: Stage;
let admin: { id: string; token: string };

beforeAll(async () => {
  stage = await openStage();
  admin = await stage.person("admin");
});
afterAll(() => stage.close());

const leave = (token: string, current_password = password) =>
  stage.call("POST", "/account/delete", { token, body: { current_password } });
const remove = (id: string, transfer_to: string | null, token = admin.token) =>
  stage.call("POST", `/accounts/${id}/delete`, { token, body: { transfer_to } });

async function keyOf(token: string): Promise<string> {
  const body = { name: "k", scopes: ["*"] };
  return (await stage.call("POST", "/keys", { token, body })).body.key;
}

/** Everything that the tables of accounts hold about somebody, as text. */
async function remains(needle: string): Promise<string[]> {
  const rows = await stage.db.all<{ text: string }>`
    SELECT a::text AS text FROM accounts.accounts a
    UNION ALL SELECT i::text FROM accounts.identities i
    UNION ALL SELECT s::text FROM accounts.sessions s
    UNION ALL SELECT k::text FROM accounts.keys k
    UNION ALL SELECT t::text FROM accounts.audit t`;
  return rows.map((row) => row.text).filter((text) => text.includes(needle));
}

test("a person who gives the password again is gone at once, everywhere", async () => {
  const person = await stage.person();
  const other = await stage.another();
  const key = await keyOf(person.token);
  expect((await other.call("GET", "/account", { token: key })).status).toBe(200);
  expect((await leave(person.token)).status).toBe(204);
  for (const token of [person.token, key]) {
    expect((await stage.call("GET", "/account", { token })).status).toBe(401);
    await until("another process refuses it too", async () => {
      return (await other.call("GET", "/account", { token })).status === 401;
    });
  }
  const body = { refresh_token: person.refresh };
  expect((await stage.call("POST", "/sessions/refresh", { body })).status).toBe(401);
  expect(stage.signIn(person.email)).rejects.toThrow("wrong");
});

test("what is left is the id in the audit log, and one event for the other systems", async () => {
  const person = await stage.person();
  await keyOf(person.token);
  await leave(person.token);
  expect(await remains(person.email)).toEqual([]);
  const left = await remains(person.id);
  expect(left.length).toBeGreaterThan(0);
  expect(left.every((row) => row.includes("accounts."))).toBe(true);
  const { body } = await stage.call("GET", `/audit?account_id=${person.id}`, admin);
  expect(body.items[0]).toMatchObject({
    ...{ action: "accounts.deleted", actor_id: person.id, target: person.id },
  });
  const events = await stage.published(person.id);
  expect(events.filter(({ type }) => type === "accounts.deleted")).toEqual([
    {
      ...{ type: "accounts.deleted", owner_id: person.id },
      data: { id: person.id, transfer_to: null },
    },
  ]);
});

test("a wrong password, a key or another's token deletes nobody", async () => {
  const person = await stage.person();
  const wrong = await leave(person.token, "not the password");
  expect([wrong.status, wrong.body.code]).toEqual([401, "auth.invalid_credentials"]);
  const byKey = await leave(await keyOf(person.token));
  expect([byKey.status, byKey.body.code]).toEqual([403, "auth.forbidden"]);
  const keyOfAdmin = await keyOf(admin.token);
  expect((await remove(person.id, null, keyOfAdmin)).status).toBe(403);
  expect((await remove(admin.id, null, person.token)).status).toBe(403);
  const empty = await stage.call("POST", "/account/delete", { token: person.token, body: {} });
  expect(empty.status).toBe(400);
  expect((await stage.call("GET", "/account", person)).status).toBe(200);
});

test("an administrator says plainly what is to become of what it owned", async () => {
  const person = await stage.person();
  for (const body of [{}, { transfer_to: "x" }, { transfer_to: null, erase: true }]) {
    const path = `/accounts/${person.id}/delete`;
    const refused = await stage.call("POST", path, { token: admin.token, body });
    expect(refused.status).toBe(400);
  }
  expect((await remove("none", null)).status).toBe(400);
  expect((await stage.call("GET", "/account", person)).status).toBe(200);
});

test("guessing the password of a stolen session is limited as signing in is", async () => {
  const person = await stage.person();
  let last = 401;
  for (let i = 0; i < 40 && last === 401; i++) {
    const body = { current_password: "guess" };
    const address = `198.51.100.${i}`;
    last = (await stage.call("POST", "/account/delete", { ...person, body, address })).status;
  }
  expect(last).toBe(429);
});

test("an administrator deletes and says who gets what it owned", async () => {
  const [person, heir] = [await stage.person(), await stage.person()];
  expect((await remove(person.id, heir.id)).status).toBe(204);
  const events = await stage.published(person.id);
  expect(events.at(-1)?.data).toEqual({ id: person.id, transfer_to: heir.id });
  expect((await remove(person.id, null)).status).toBe(404);
  expect((await stage.call("GET", "/account", heir)).status).toBe(200);
});

test("nobody inherits who is not there, is disabled, or is the one who leaves", async () => {
  const [person, heir] = [await stage.person(), await stage.person()];
  const body = { disabled: true };
  await stage.call("PATCH", `/accounts/${heir.id}`, { token: admin.token, body });
  for (const to of [person.id, heir.id, "12345"]) {
    const refused = await remove(person.id, to);
    expect([refused.status, refused.body.errors[0]?.field]).toEqual([409, "transfer_to"]);
  }
  expect((await remove(admin.id, null)).status).toBe(409);
  expect((await stage.call("GET", "/account", person)).status).toBe(200);
});

test("the last administrator stays, also when two leave at once", async () => {
  const alone = await openStage();
  try {
    const both = [await alone.person("admin"), await alone.person("admin")];
    const body = { current_password: password };
    const answers = await Promise.all(
      both.map(({ token }) => alone.call("POST", "/account/delete", { token, body })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, 409]);
  } finally {
    await alone.close();
  }
});

test("an address that was freed is a new account that owns nothing of the old", async () => {
  const person = await stage.person();
  await leave(person.token);
  const body = { email: person.email, password };
  const again = await stage.call("POST", "/accounts", { body });
  expect([again.status, again.body.id === person.id]).toEqual([201, false]);
});

test("accounts are found by a part of the address or name, whatever its case", async () => {
  const person = await stage.person();
  const search = async (text: string) => {
    const path = `/accounts?search=${encodeURIComponent(text)}`;
    return (await stage.call("GET", path, admin)).body.items.map(({ id }) => id);
  };
  expect(await search(person.email.slice(2, -4).toUpperCase())).toEqual([person.id]);
  expect(await search("no%such_person")).toEqual([]);
});
