import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { sdkTypes, sdkTypesFile } from "../../bin/sdk-types.ts";
import { createStoa, type Stoa } from "../../sdk/stoa.ts";
import { password, startWorld, type World } from "../world.ts";

/** What people and programs do with links, from the first call to the last. */
let world: World;
let ada: Stoa;
let bob: Stoa;

const human = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0" };

beforeAll(async () => {
  world = await startWorld();
  ada = createStoa({ baseUrl: world.url, apiKey: world.ada.key });
  bob = createStoa({ baseUrl: world.url, apiKey: world.bob.key });
}, 60_000);

afterAll(() => world?.stop(), 60_000);

test("the client's types are those of the routes (else run bin/sdk-types.ts)", async () => {
  const current = await Bun.file(sdkTypesFile).text();
  expect(current === (await sdkTypes(world.running.routes))).toBe(true);
});

test("the very next visitor gets an edit, and finds a deleted link gone", async () => {
  const link = await ada.links.create({ url: "https://example.com/one" });
  const target = async () => (await world.visit(`/${link.code}`, human)).headers.get("location");
  expect(await target()).toBe("https://example.com/one");
  await ada.links.update(link.id, { url: "https://example.com/two", tags: ["moved"] });
  expect(await target()).toBe("https://example.com/two");
  await ada.links.delete(link.id);
  expect((await world.visit(`/${link.code}`)).status).toBe(410);
  await world.settle();
  // Its history stays.
  expect((await ada.links.stats(link.id)).totals.humans).toBe(2);
});

test("a link belongs to its maker alone", async () => {
  const { id } = await ada.links.create({ url: "https://example.com/mine" });
  for (const call of [
    () => bob.links.get(id),
    () => bob.links.update(id, { title: "x" }),
    () => bob.links.delete(id),
    () => bob.links.stats(id),
  ]) {
    await expect(call()).rejects.toMatchObject({ status: 404, code: "links.not_found" });
  }
});

test("the clicks arrive live, and by whom", async () => {
  const link = await ada.links.create({ url: "https://example.com/live" });
  const stop = new AbortController();
  const live = ada.stats.live({ signal: stop.signal });
  const first = live.next();
  // The stream opens in its own time; somebody goes on clicking until it has heard.
  let heard = false;
  void first.then(() => (heard = true));
  for (let i = 0; !heard && i < 200; i++) {
    await world.visit(`/${link.code}`, human);
    await world.settle();
  }
  const { value } = await first;
  expect(value?.links.map(({ id }) => id)).toContain(link.id);
  stop.abort();
  await expect(live.next()).rejects.toThrow();
  const browsers = await ada.links.stats(link.id, { group_by: "browser" });
  expect(browsers.rows.map(({ key }) => key)).toEqual(["Firefox"]);
});

test("one key makes one link, however often it is sent", async () => {
  const options = { idempotencyKey: crypto.randomUUID() };
  const wish = { url: "https://example.com/once" };
  const made = await Promise.all(Array.from({ length: 5 }, () => ada.links.create(wish, options)));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  const other = ada.links.create({ url: "https://example.com/other" }, options);
  await expect(other).rejects.toMatchObject({ code: "idempotency.key_reused" });
});

test("many at once, each with its own result, read back page by page", async () => {
  const wishes = Array.from({ length: 60 }, (_, i) => ({
    url: i === 7 ? "javascript:alert(1)" : `https://example.com/bulk/${i}`,
    tags: ["bulk"],
  }));
  const reply = await ada.links.bulk(wishes);
  expect([reply.created, reply.failed]).toEqual([59, 1]);
  expect(reply.results[7]).toMatchObject({ status: 422, code: "links.url_refused" });
  const codes = new Set<string>();
  let pages = 0;
  for await (const page of ada.links.list({ tag: "bulk", limit: 25 }).pages()) {
    pages++;
    for (const link of page.items) codes.add(link.code);
  }
  expect([codes.size, pages]).toEqual([59, 3]);
});

test("one person's export is another's import, and a second import changes nothing", async () => {
  await ada.links.create({ url: "https://example.com/moving", alias: "moving-on", title: "Mövé" });
  const csv = await (await ada.links.export()).text();
  // Ada's codes are taken, so Bob brings them as somebody else's short links.
  const file = "keyword,url,title\nbrought-1,https://example.com/b1,One\nbrought-2,https://x,Two\n";
  const reply = await bob.links.import(file);
  expect(reply).toMatchObject({ format: "yourls", rows: 2, created: 1 });
  expect(reply.errors.map(({ row }) => row)).toHaveLength(1);
  expect((await world.visit("/brought-1")).headers.get("location")).toBe("https://example.com/b1");
  expect(await bob.links.import(file)).toMatchObject({ created: 0, skipped: 1 });
  expect(csv).toContain("Mövé");
  expect(await ada.links.import(csv)).toMatchObject({ format: "stoa", created: 0, errors: [] });
});

test("a long import says how far it is", async () => {
  const rows = Array.from({ length: 1_500 }, (_, i) => `row-${i},https://example.com/row/${i}`);
  const seen: number[] = [];
  const onProgress = (progress: { rows: number }) => seen.push(progress.rows);
  const reply = await bob.links.import(["keyword,url", ...rows].join("\n"), { onProgress });
  expect(reply).toMatchObject({ rows: 1_500, created: 1_500, errors: [] });
  expect(seen[0]).toBeLessThan(1_500);
});

test("tags are listed with their links, and renamed on all of them", async () => {
  const tags = ["journey-a", "journey-b"];
  const links = [
    await bob.links.create({ url: "https://example.com/tagged/1", tags }),
    await bob.links.create({ url: "https://example.com/tagged/2", tags: tags.slice(0, 1) }),
  ];
  expect(await bob.links.tags({ prefix: "journey-" }).take(9)).toEqual([
    { tag: "journey-a", links: 2 },
    { tag: "journey-b", links: 1 },
  ]);
  await bob.links.renameTag("journey-a", "journey-b");
  await world.settle();
  expect((await bob.links.get(links[0]?.id as string)).tags).toEqual(["journey-b"]);
  await bob.links.renameTag("journey-b", null);
  await world.settle();
  expect(await bob.links.tags({ prefix: "journey-" }).take(9)).toEqual([]);
});

test("a stop is found, told to the owner, and lifted", async () => {
  const admin = createStoa({ baseUrl: world.url, apiKey: world.admin.key });
  const link = await bob.links.create({ url: "https://example.com/suspect" });
  const { owner } = await admin.safety.lookUp({ short_url: link.short_url });
  expect(owner).toMatchObject({ id: world.bob.id, stopped: null });
  await admin.safety.quarantine("owners", world.bob.id, "spam");
  const stopped = await bob.links.get(link.id);
  expect([stopped.state, stopped.quarantine]).toEqual([
    "quarantined",
    { of: "owner", reason: "admin: spam" },
  ]);
  expect((await world.visit(`/${link.code}`, human)).status).toBe(410);
  await admin.safety.release("owners", world.bob.id);
  expect((await bob.links.get(link.id)).state).toBe("active");
  expect((await world.visit(`/${link.code}`, human)).status).toBe(302);
});

test("who leaves takes links and keys along; the next call and visit find nothing", async () => {
  const email = "carol@stoa.test";
  const { operations } = world.running;
  await world.db.write((tx) => operations.createAccount(tx, { email, password }));
  const anonymous = createStoa({ baseUrl: world.url });
  const { access_token } = await anonymous.sessions.signIn({ email, password, cookie: false });
  const carol = createStoa({ baseUrl: world.url, getToken: async () => access_token });
  const { key } = await carol.keys.create({ name: "k", scopes: ["*"], expires_at: null });
  const program = createStoa({ baseUrl: world.url, apiKey: key });
  const link = await program.links.create({ url: "https://example.com/carol" });
  await expect(carol.account.delete("wrong")).rejects.toMatchObject({ status: 401 });
  await carol.account.delete(password);
  for (const gone of [carol, program]) {
    await expect(gone.links.list().page()).rejects.toMatchObject({ status: 401 });
  }
  await world.settle();
  expect((await world.visit(`/${link.code}`, human)).status).toBe(410);
});

test("a webhook hears of a new link and can prove who spoke", async () => {
  const heard = Promise.withResolvers<{ headers: Headers; body: string }>();
  const receiver = Bun.serve({
    port: 0,
    async fetch(request) {
      heard.resolve({ headers: request.headers, body: await request.text() });
      return new Response("thanks");
    },
  });
  const webhook = await ada.webhooks.create({
    url: `http://127.0.0.1:${receiver.port}/hook`,
    event_types: ["links.created"],
  });
  const link = await ada.links.create({ url: "https://example.com/told" });
  await world.settle();
  const { headers, body } = await heard.promise;
  const content = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
  const key = Buffer.from(webhook.secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key).update(content).digest("base64");
  expect(headers.get("webhook-signature")).toContain(`v1,${signature}`);
  expect(body).toContain(link.id);
  const [delivery] = await ada.webhooks.deliveries(webhook.id).take(1);
  expect(delivery).toMatchObject({ status: "delivered", response_status: 200 });
  receiver.stop(true);
});
