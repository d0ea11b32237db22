import { expect, test } from "bun:test";
import { install, openEmbedded } from "./install.ts";
import { Line, NoAnswer, type Answer } from "./line.ts";
import { startProxy, type Proxy } from "./proxy.ts";
import { counterproof } from "./sabotage.ts";
import { Stage } from "./stage.ts";
import { startStoa } from "./stoa.ts";
import { storedLinks } from "./stored.ts";

/**
 * R7 and R8: the reply is lost after the commit and the client tries again and again with its
 * key; a hundred clients use one key at once; somebody uses a key for something else. One link
 * is made, every answer is the same to the byte, and another body is refused.
 */
type Given = { key: string; idempotencyKey: string; url: string };

async function post(port: number, { key, idempotencyKey, url }: Given): Promise<Answer | null> {
  const line = new Line(port);
  try {
    return await line.ask({
      method: "POST",
      path: "/api/v1/links",
      headers: { authorization: `Bearer ${key}`, "idempotency-key": idempotencyKey },
      body: JSON.stringify({ url, title: idempotencyKey }),
    });
  } catch (error) {
    if (error instanceof NoAnswer && error.sent) return null;
    throw error;
  } finally {
    line.close();
  }
}

async function tenTries(brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const proxy: Proxy = await startProxy(stage, stoa);
  const given = { key, idempotencyKey: "lost-reply", url: "https://example.com/once" };
  const answers: Answer[] = [];
  for (let tries = 0; tries < 11; tries++) {
    proxy.set(tries < 6 ? "cut" : "pass");
    const answer = await post(proxy.port, given);
    expect(answer === null).toBe(tries < 6);
    if (answer) answers.push(answer);
  }
  expect(proxy.cuts()).toBe(6);
  const sql = await openEmbedded(stage, dataDir);
  return { answers, links: await storedLinks(sql) };
}

test("ten retries after lost replies make one link and get one body", async () => {
  const { answers, links } = await tenTries();
  expect(links.map((link) => link.title)).toEqual(["lost-reply"]);
  expect(answers.map((a) => a.status)).toEqual([201, 201, 201, 201, 201]);
  expect(new Set(answers.map((a) => a.body)).size).toBe(1);
  expect(JSON.parse(answers[0]!.body).id).toBe(links[0]!.id);
  expect(answers.every((a) => a.headers.get("idempotency-replayed") === "true")).toBe(true);
});

async function hundredAtOnce(brokenTree?: string) {
  await using stage = new Stage();
  const { dataDir, key } = await install(stage);
  const stoa = await startStoa(stage, { dataDir, tree: brokenTree });
  const given = { key, idempotencyKey: "hundred", url: "https://example.com/hundred" };
  const answers = await Promise.all(Array.from({ length: 100 }, () => post(stoa.port, given)));
  const other = await post(stoa.port, { ...given, url: "https://example.com/other" });
  const sql = await openEmbedded(stage, dataDir);
  return { answers, other: other!, links: await storedLinks(sql) };
}

test("a hundred at once with one key make one link; another body with it is refused", async () => {
  const { answers, other, links } = await hundredAtOnce();
  const made = answers.filter((a) => a?.status === 201);
  const waiting = answers.filter((a) => a?.status === 409);
  expect(made.length).toBeGreaterThan(0);
  expect(made.length + waiting.length).toBe(100);
  expect(new Set(made.map((a) => a!.body)).size).toBe(1);
  expect(other.status).toBe(422);
  expect(JSON.parse(other.body).code).toBe("idempotency.key_reused");
  expect(links.map((link) => link.title)).toEqual(["hundred"]);
});

counterproof(
  "a key that is only remembered in memory, until the answer is out",
  [
    {
      file: "src/platform/http/idempotency.ts",
      from: "return ordered.filter(({ claim }) => !free.delete(claim.keyHash));",
      to: "return ordered.filter(({ claim }) => claim.caller === '' && free.size < 0);",
    },
  ],
  async (broken) => {
    const { links } = await tenTries(broken);
    expect(links.length).toBeGreaterThan(1);
  },
);

counterproof(
  "a key that each request of a hundred takes for its own",
  [
    {
      file: "src/platform/http/idempotency.ts",
      from: "ON CONFLICT DO NOTHING\n    RETURNING",
      to: `ON CONFLICT (caller, key_hash) DO UPDATE SET request_mac = EXCLUDED.request_mac
    RETURNING`,
    },
  ],
  async (broken) => {
    expect((await hundredAtOnce(broken)).links.length).toBeGreaterThan(1);
  },
);

counterproof(
  "a key that is good for whatever is sent with it",
  [
    {
      file: "src/platform/http/idempotency.ts",
      from: "if (!timingSafeEqual(",
      to: "if (caller === '' && !timingSafeEqual(",
    },
  ],
  async (broken) => {
    expect((await hundredAtOnce(broken)).other.status).toBe(201);
  },
);
