import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { findRunning } from "../platform/db/embedded.ts";
import { createPlace, type Place, type Server, startServer } from "./cli.fixture.ts";

/** The commands as they are called, beside a running server. */
let place: Place;
let server: Server;
// Each command is a process, and there may be little processor to go round.
setDefaultTimeout(120_000);

beforeAll(async () => {
  place = await createPlace({ STOA_PUBLIC_URL: "http://stoa.test" });
  server = await startServer(place);
});

afterAll(async () => {
  await server.stop();
  await place.remove();
});

async function done(...args: string[]): Promise<string> {
  const ran = await place.stoa(args);
  expect(`${ran.code} ${ran.err}`).toStartWith("0 ");
  return ran.out.trimEnd();
}

const call = (path: string, key: string, init: RequestInit = {}) =>
  fetch(server.url + path, { ...init, headers: { authorization: `Bearer ${key}` } });
const visit = (path: string) => fetch(server.url + path, { redirect: "manual" });

/** Other processes hear of a change within a second; a busy machine adds to that. */
async function becomes(status: number, ask: () => Promise<Response>): Promise<number> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const found = (await ask()).status;
    if (found === status || performance.now() > deadline) return found;
    await Bun.sleep(20);
  }
}

describe("help", () => {
  test("fits a screen, whatever the configuration", async () => {
    const { code, out, err } = await place.stoa(["help"], { env: { PORT: "none" } });
    expect([code, err]).toEqual([0, ""]);
    const lines = out.split("\n");
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await place.stoa([])).out).toBe(out);
    expect((await place.stoa(["--help"])).out).toBe(out);
  });

  test("says what a command takes, in each way of asking", async () => {
    const page = await done("help", "key", "create");
    expect(page).toStartWith("stoa key create EMAIL [FLAGS]\n");
    expect(page).toContain("--scope SCOPE");
    expect(await done("key", "create", "--help")).toBe(page);
    expect(await done("help", "link")).toContain("stoa link import FILE");
    expect(await done("--version")).toMatch(/^stoa \d+\.\d+\.\d+ \(Bun \d/);
  });

  test("a wrong call is 2 and nothing on stdout; so is a wrong setting", async () => {
    const wrong = await place.stoa(["link", "crate", "x"]);
    const said = 'stoa: there is no command "link crate"; did you mean "link create"?\n';
    expect(wrong).toEqual({ code: 2, out: "", err: said });
    const unset = await place.stoa(["user", "list"], { env: { PORT: "none" } });
    expect(unset.code).toBe(2);
    expect(unset.err).toContain('PORT: "none" is not integer 0..65535');
  });

  test("a reader that goes away is no error", async () => {
    const program = join(import.meta.dir, "../../bin/stoa");
    const ran = Bun.spawnSync(["sh", "-c", `"${program}" help link 2>&1 >&3 3>&- | cat`], {
      stdio: ["ignore", "pipe", "pipe", "ignore"],
    });
    expect(ran.stderr.toString() + ran.stdout.toString()).not.toContain("EPIPE");
  });
});

describe("user", () => {
  test("makes accounts that can sign in, with the password on stdout alone", async () => {
    const made = await place.stoa(["user", "create", "Ada@Example.com", "--name", "Ada"]);
    expect(made.code).toBe(0);
    expect(made.out).toMatch(/^[0-9A-Za-z]{20}\n$/);
    expect(made.err).not.toContain(made.out.trim());
    const signedIn = await fetch(`${server.url}/api/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "ada@example.com", password: made.out.trim() }),
    });
    expect(signedIn.status).toBe(200);
    const again = await place.stoa(["user", "create", "ada@example.com"]);
    expect([again.code, again.out]).toEqual([1, ""]);
    expect(again.err).toBe("stoa: email: an account with it exists already.\n");
  });

  test("takes a password from standard input, and refuses weak ones", async () => {
    const args = ["user", "create", "bob@example.com", "--password-stdin", "--json"];
    const weak = await place.stoa(args, { stdin: "password\n" });
    expect(weak.code).toBe(1);
    expect(weak.err).toContain("password: at least 10 characters");
    const made = await place.stoa(args, { stdin: "correct horse battery staple\n" });
    expect(made.code).toBe(0);
    expect(JSON.parse(made.out)).toMatchObject({ email: "bob@example.com", role: "member" });
    expect(made.out).not.toContain("staple");
    expect(JSON.parse(made.out)).not.toHaveProperty("password");
    expect((await place.stoa(args)).err).toContain("no password on standard input");
  });

  test("lists, changes roles, disables and enables, at once for a running server", async () => {
    const email = "carol@example.com";
    await done("user", "create", email);
    const key = await done("key", "create", email);
    expect((await call("/api/v1/accounts", key)).status).toBe(403);
    await done("user", "role", email, "admin");
    expect(await becomes(200, () => call("/api/v1/accounts", key))).toBe(200);
    await done("user", "disable", email);
    expect(await becomes(401, () => call("/api/v1/links", key))).toBe(401);
    expect(await done("user", "list")).toMatch(/carol@example\.com +admin +disabled/);
    const listed = JSON.parse(await done("user", "list", "--json"));
    expect(listed).toContainEqual(expect.objectContaining({ email, disabled: true }));
    await done("user", "enable", email);
    expect(await becomes(200, () => call("/api/v1/links", key))).toBe(200);
    await done("user", "role", email, "member");
    await done("user", "tier", email, "paid");
    expect(await done("user", "list")).toMatch(/carol@example\.com +member +active +paid/);
    const golden = await place.stoa(["user", "tier", email, "golden"]);
    expect(golden).toMatchObject({ code: 1, err: expect.stringContaining("one of free, paid") });
  });

  test("deletes for good, once it is told what becomes of the links", async () => {
    const [leaving, heir] = ["leaving@example.com", "heir@example.com"];
    await done("user", "create", leaving);
    await done("user", "create", heir);
    const [key, heirs] = [await done("key", "create", leaving), await done("key", "create", heir)];
    const unsaid = await place.stoa(["user", "delete", leaving]);
    expect([unsaid.code, unsaid.err]).toEqual([
      2,
      expect.stringContaining("either --transfer-to EMAIL or --erase-links"),
    ]);
    const both = ["user", "delete", leaving, "--erase-links", "--transfer-to", heir];
    expect((await place.stoa(both)).code).toBe(2);
    await done("user", "delete", leaving, "--transfer-to", heir);
    expect(await becomes(401, () => call("/api/v1/links", key))).toBe(401);
    await done("user", "delete", heir, "--erase-links");
    expect(await becomes(401, () => call("/api/v1/links", heirs))).toBe(401);
    expect(await done("user", "list")).not.toMatch(/leaving@|heir@/);
    const again = await place.stoa(["user", "delete", heir, "--erase-links"]);
    expect([again.code, again.err]).toEqual([1, "stoa: There is no such account.\n"]);
  });

  test("keeps the last administrator, and names what it does not know", async () => {
    const last = await place.stoa(["user", "disable", server.admin]);
    expect([last.code, last.err]).toEqual([
      1,
      "stoa: This is the last administrator; make another one first.\n",
    ]);
    const unknown = await place.stoa(["user", "password", "nobody@example.com"]);
    expect([unknown.code, unknown.out]).toEqual([1, ""]);
    expect(unknown.err).toContain("no such account");
    expect((await place.stoa(["user", "create", "no address"])).code).toBe(2);
    expect((await place.stoa(["user", "role", "a@b.c", "king"])).code).toBe(2);
  });

  test("a new password ends every session", async () => {
    const email = "dora@example.com";
    const before = await done("user", "create", email);
    const signIn = (password: string) =>
      fetch(`${server.url}/api/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email, password }),
      });
    const { access_token } = (await (await signIn(before)).json()) as { access_token: string };
    expect((await call("/api/v1/links", access_token)).status).toBe(200);
    const after = await done("user", "password", email);
    expect(await becomes(401, () => call("/api/v1/links", access_token))).toBe(401);
    expect((await signIn(before)).status).toBe(401);
    expect((await signIn(after)).status).toBe(200);
  });
});

describe("key", () => {
  test("create prints the key and nothing else", async () => {
    const { code, out, err } = await place.stoa(["key", "create", server.admin, "--name", "first"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^stoa_key_[0-9A-Za-z]{43}\n$/);
    expect(err).not.toContain(out.trim());
    expect((await call("/api/v1/links", out.trim())).status).toBe(200);
  });

  test("scopes and expiry are what was asked for", async () => {
    const make = (...flags: string[]) => done("key", "create", server.admin, ...flags);
    const key = await make("--scope", "links:read", "--ttl-days", "30", "--name", "reader");
    expect((await call("/api/v1/links", key)).status).toBe(200);
    expect((await call("/api/v1/account", key)).status).toBe(403);
    const listed = JSON.parse(await done("key", "list", server.admin, "--json"));
    const reader = listed.find((entry: { name: string }) => entry.name === "reader");
    expect(reader.scopes).toEqual(["links:read"]);
    const life = Date.parse(reader.expires_at) - Date.parse(reader.created_at);
    expect(life / 86_400_000).toBeCloseTo(30, 3);
    expect(JSON.stringify(listed)).not.toContain(key);
    for (const flags of [
      ["--scope", "links:fly"],
      ["--ttl-days", "0"],
    ]) {
      const refused = await place.stoa(["key", "create", server.admin, ...flags]);
      expect([refused.code, refused.out]).toEqual([2, ""]);
    }
  });

  test("revoke takes a key, a prefix or an id, and is known at once", async () => {
    for (const part of ["key", "prefix", "id"]) {
      const key = await done("key", "create", server.admin, "--name", `by ${part}`);
      const listed = JSON.parse(await done("key", "list", server.admin, "--json"));
      const entry = listed.find(({ name }: { name: string }) => name === `by ${part}`);
      expect((await call("/api/v1/links", key)).status).toBe(200);
      const ran = await place.stoa(["key", "revoke", { ...entry, key }[part]]);
      expect([ran.code, ran.out]).toEqual([0, ""]);
      expect(ran.err).not.toContain(key);
      expect(await becomes(401, () => call("/api/v1/links", key))).toBe(401);
    }
    const unknown = await place.stoa(["key", "revoke", `stoa_key_${"x".repeat(43)}`]);
    expect(unknown.err).toBe("stoa: there is no such API key\n");
  });
});

describe("link", () => {
  test("create prints the short URL, which leads there; delete ends it", async () => {
    const created = await done("link", "create", "https://example.com/a", "--alias", "hello");
    expect(created).toBe("http://stoa.test/hello");
    const visited = await visit("/hello");
    expect(visited.status).toBe(302);
    expect(visited.headers.get("location")).toBe("https://example.com/a");
    expect(await done("link", "delete", "http://stoa.test/hello")).toBe("");
    expect(await becomes(410, () => visit("/hello"))).toBe(410);
    const again = await place.stoa(["link", "delete", "hello"]);
    expect(again.code).toBe(1);
  });

  test("an alias that somebody just asked for is there for a running server", async () => {
    expect((await visit("/asked-before")).status).toBe(404);
    await done("link", "create", "https://example.com/", "--alias", "asked-before");
    expect(await becomes(302, () => visit("/asked-before"))).toBe(302);
  });

  test("refuses what the API refuses, with the field", async () => {
    const refused = await place.stoa(["link", "create", "javascript:alert(1)"]);
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toContain("url:");
    const blocked = join(place.folder, "blocked.txt");
    await Bun.write(blocked, "evil.example.com\n");
    const env = { STOA_LINK_BLOCKLIST_FILES: blocked };
    const listed = await place.stoa(["link", "create", "https://evil.example.com/"], { env });
    expect(listed.code).toBe(1);
    expect(listed.err).toContain("block list");
  });

  test("acts for the account that --as names, and the audit log says so", async () => {
    await done("user", "create", "erin@example.com");
    const as = ["--as", "erin@example.com"];
    await done("link", "create", "https://example.com/erin", "--alias", "erins", ...as);
    expect(JSON.parse(await done("link", "list", "--json"))).not.toContainEqual(
      expect.objectContaining({ code: "erins" }),
    );
    const [link] = JSON.parse(await done("link", "list", "--json", ...as));
    expect(link).toMatchObject({ code: "erins", url: "https://example.com/erin" });
    expect(await done("link", "show", "erins", ...as)).toContain("https://example.com/erin");
    expect(JSON.parse(await done("link", "show", link.id, "--json"))).toEqual(link);
    await done("link", "delete", "erins", ...as);
    const key = await done("key", "create", "erin@example.com");
    const log = await (await call("/api/v1/audit", key)).json();
    expect((log as { items: unknown[] }).items).toContainEqual(
      expect.objectContaining({ action: "links.deleted", credential_id: "command line" }),
    );
  });

  test("lists more than a page, filtered, and says when there is more", async () => {
    const rows = Array.from({ length: 250 }, (_, n) => `https://example.com/many/${n},many`);
    const file = join(place.folder, "many.csv");
    await Bun.write(file, `url,tags\n${rows.join("\n")}\n`);
    expect(await done("link", "import", file)).toContain("250 rows: 250 made, 0 there already");
    const all = JSON.parse(
      await done("link", "list", "--tag", "many", "--limit", "1000", "--json"),
    );
    expect(all.length).toBe(250);
    expect(new Set(all.map(({ id }: { id: string }) => id)).size).toBe(250);
    const some = await place.stoa(["link", "list", "--tag", "many", "--limit", "120"]);
    expect(some.out.trim().split("\n").length).toBe(121);
    expect(some.err).toContain("There are more");
    const one = await done("link", "list", "--search", "many/249", "--json");
    expect(JSON.parse(one).length).toBe(1);
    expect((await place.stoa(["link", "list", "--state", "dead"])).code).toBe(2);
  });

  test("an export is imported again without a double", async () => {
    const file = join(place.folder, "out.csv");
    expect(await done("link", "export", file)).toBe("");
    const text = await Bun.file(file).text();
    expect(await done("link", "export")).toBe(text.trimEnd());
    const rows = text.trim().split("\r\n").length - 1;
    const planned = await done("link", "import", file, "--dry-run", "--json");
    expect(JSON.parse(planned)).toMatchObject({ format: "stoa", rows, created: 0 });
    const missing = await place.stoa(["link", "import", join(place.folder, "none.csv")]);
    expect([missing.code, missing.out]).toEqual([1, ""]);
  });

  test("an interrupted import ends between batches, and goes on when repeated", async () => {
    const total = 8_000;
    const rows = Array.from({ length: total }, (_, n) => `https://example.com/big/${n},big`);
    const file = join(place.folder, "big.csv");
    await Bun.write(file, `url,tags\n${rows.join("\n")}\n`);
    const running = place.start(["link", "import", file, "--json"]);
    await running.until(/importing: 25 %/);
    running.signal("SIGINT");
    const stopped = await running.ended;
    expect(stopped.code).toBe(130);
    const { created } = JSON.parse(stopped.out) as { created: number };
    expect(created).toBeGreaterThan(0);
    expect(created).toBeLessThan(total);
    const rest = JSON.parse(await done("link", "import", file, "--json"));
    expect(rest.created + created).toBe(total);
    expect(rest.skipped).toBe(created);
  });
});

describe("plan", () => {
  const numbers = ["--writes-per-day", "100M", "--reads-per-write", "100", "--years", "5"];

  test("without measurements says so, and names the bottleneck", async () => {
    const none = ["--measured", join(place.folder, "none.json")];
    const page = await done("plan", "links", ...numbers, ...none);
    for (const part of [
      "1.16k/s",
      "116k/s",
      "183B",
      "5.18 %",
      "The bottleneck is",
      "bench/links",
    ]) {
      expect(page).toContain(part);
    }
    expect(page).toContain("Every rate here is an assumption");
    expect(Math.max(...page.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("with measurements reckons with them", async () => {
    const file = join(place.folder, "measured.json");
    const measured = { cores: 2, date: "2026-11-21", redirects_per_core_s: 1_000 };
    await Bun.write(file, JSON.stringify(measured));
    const args = ["plan", "links", ...numbers, "--measured", file, "--json"];
    const plan = JSON.parse(await done(...args));
    // 347,222 a second at peak / (1,000 x 0.7).
    expect(plan.processes.for_reads).toBe(497);
    expect(plan.rates.redirects_per_core_s).toBe(1_000);
    expect(plan.assumed).not.toContain("redirects_per_core_s");
    expect(plan.assumed).toContain("bytes_per_link");
    expect(plan.note).toStartWith("Measured on a machine of 2 cores, 2026-11-21");
    await Bun.write(file, "not json");
    expect((await place.stoa(args)).code).toBe(2);
  });

  test.each([
    [["plan", "links"], "--writes-per-day is needed"],
    [["plan", "links", "--writes-per-day", "many"], '"many" is not a number'],
    [["plan", "links", "--writes-per-day", "0"], '"0" is not a number'],
    [["plan", "chat", "--writes-per-day", "1"], 'no plan for "chat"'],
  ])("%p is refused", async (args, message) => {
    const ran = await place.stoa(args);
    expect([ran.code, ran.out]).toEqual([2, ""]);
    expect(ran.err).toContain(message);
  });
});

test("the doctor knows a Stoa that runs already", async () => {
  const { port } = new URL(server.url);
  const env = { PORT: port, HOST: "127.0.0.1", STOA_PUBLIC_URL: "" };
  const { code, out, err } = await place.stoa(["doctor"], { env });
  expect([code, err]).toEqual([0, "Everything is sound.\n"]);
  expect(out).toMatch(new RegExp(`^ok +port +${port}: Stoa answers there already$`, "m"));
  expect(out).toMatch(/^ok +durability /m);
});

test("the same works through DATABASE_URL", async () => {
  const running = await findRunning(place.dataDir);
  const socket = join(running?.app.path ?? "", "..");
  const env = {
    DATABASE_URL: `postgres://stoa@localhost/stoa?host=${socket}`,
    STOA_DATA_DIR: join(place.folder, "elsewhere"),
  };
  const { code, out } = await place.stoa(["key", "create", server.admin], { env });
  expect(code).toBe(0);
  expect((await call("/api/v1/links", out.trim())).status).toBe(200);
  const away = { ...env, DATABASE_URL: "postgres://stoa:hunter2@127.0.0.1:1/stoa" };
  const failed = await place.stoa(["user", "list"], { env: away });
  expect(failed.code).toBe(1);
  expect(failed.err).toStartWith("stoa: The database is unavailable.");
  expect(failed.err).not.toContain("hunter2");
});
