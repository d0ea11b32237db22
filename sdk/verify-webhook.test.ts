import { expect, test } from "bun:test";
import { type WebhookProblem, verifyWebhook, WebhookVerificationError } from "./verify-webhook.ts";

// The example of the Standard Webhooks reference libraries, so that any of them fits as well.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const body = '{"test": 2432232314}';
const sentAt = 1_614_265_330;
const headers = {
  "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "webhook-timestamp": String(sentAt),
  "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
const at = (seconds: number) => ({ now: () => (sentAt + seconds) * 1000 });

async function problem(...args: Parameters<typeof verifyWebhook>): Promise<WebhookProblem | null> {
  try {
    await verifyWebhook(...args);
    return null;
  } catch (error) {
    return error instanceof WebhookVerificationError ? error.problem : Promise.reject(error);
  }
}

test("a message with a fitting signature is parsed", async () => {
  const expected: unknown = { test: 2_432_232_314 };
  expect((await verifyWebhook(body, headers, secret, at(0))) as unknown).toEqual(expected);
  const bytes = new TextEncoder().encode(body);
  expect(await problem(bytes, new Headers(headers), secret, at(0))).toBeNull();
  const shouting = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
  );
  expect(await problem(body, shouting, secret, at(0))).toBeNull();
});

test("one of several signatures or secrets is enough", async () => {
  const signature = `v2,AAAA v1,AAAA v1,@@ ${headers["webhook-signature"]}`;
  const several = { ...headers, "webhook-signature": signature };
  expect(await problem(body, several, ["whsec_AAAA", secret], at(0))).toBeNull();
});

test("anything that was changed is refused", async () => {
  const changed: [string, Record<string, string>, string][] = [
    [body.replace("2", "3"), headers, secret],
    [`${body} `, headers, secret],
    [body, { ...headers, "webhook-id": "msg_other" }, secret],
    [body, { ...headers, "webhook-timestamp": String(sentAt + 1) }, secret],
    [body, headers, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    [body, { ...headers, "webhook-signature": "v1," }, secret],
    [body, { ...headers, "webhook-signature": headers["webhook-signature"].slice(3) }, secret],
  ];
  for (const [text, sent, key] of changed) {
    expect(await problem(text, sent, key, at(0))).toBe("wrong_signature");
  }
});

test("what is too old or too new is refused, within a tolerance", async () => {
  expect(await problem(body, headers, secret, at(300))).toBeNull();
  expect(await problem(body, headers, secret, at(301))).toBe("too_old");
  expect(await problem(body, headers, secret, at(-301))).toBe("too_new");
  expect(await problem(body, headers, secret, { ...at(30), toleranceSeconds: 20 })).toBe("too_old");
  expect(await problem(body, headers, secret)).toBe("too_old");
});

test("what is not a webhook is refused with the reason", async () => {
  const without = { ...headers, "webhook-id": undefined };
  expect(await problem(body, without, secret, at(0))).toBe("missing_headers");
  const odd = { ...headers, "webhook-timestamp": "1e9" };
  expect(await problem(body, odd, secret, at(0))).toBe("bad_timestamp");
  expect(await problem(body, headers, "whsec_", at(0))).toBe("bad_secret");
  expect(await problem(body, headers, "whsec_é", at(0))).toBe("bad_secret");
});
