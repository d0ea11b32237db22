import { afterEach, beforeEach, expect, test } from "bun:test";
import { verifyWebhook } from "../../../sdk/verify-webhook.ts";
import { type Delivery, openReceiver, openStage, type Stage } from "./webhooks.fixture.ts";
import { breakerFailures, retrySeconds } from "./health.ts";

let stage: Stage;
const receivers: { close(): unknown }[] = [];
beforeEach(async () => {
  stage = await openStage();
});
afterEach(async () => {
  for (const opened of receivers.splice(0)) await opened.close();
  await stage.close();
});

function receiver(answer: (n: number) => Response | Promise<Response> = () => new Response("ok")) {
  const opened = openReceiver(answer);
  receivers.push(opened);
  return opened;
}

const codesOf = (got: { body: string }[]) =>
  got.map((one) => (JSON.parse(one.body) as { data: { code: string } }).data.code);

/** Passes time in steps until `done`, running what is due after each. */
async function passTime(stepMs: number, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let steps = 0; !(await done()); steps++) {
    if (steps > 200) throw new Error("it did not happen in time");
    stage.clock.advance(stepMs);
    await stage.settle();
  }
}

test("an owner's event arrives once, signed, under the event's id", async () => {
  const hook = receiver();
  const { id, secret } = await stage.subscribe(hook.url, { event_types: ["links.*"] });
  const other = receiver();
  await stage.subscribe(other.url, { event_types: ["links.*"] }, "bob");
  const deaf = receiver();
  await stage.subscribe(deaf.url, { event_types: ["links.deleted", "accounts.*"] });

  const eventId = await stage.publish("abc");
  await stage.settle();
  expect(hook.received).toHaveLength(1);
  expect(other.received).toHaveLength(0);
  expect(deaf.received).toHaveLength(0);
  const [got] = hook.received;
  const now = () => stage.clock.now();
  const event = await verifyWebhook(got?.body ?? "", got?.headers ?? {}, secret, { now });
  expect(event).toMatchObject({ id: eventId, type: "links.created", data: { code: "abc" } });
  expect(got?.headers.get("webhook-id")).toBe(eventId);
  expect(await stage.deliveries(id)).toMatchObject([
    {
      ...{ event_id: eventId, event_type: "links.created", status: "delivered", attempts: 1 },
      ...{ response_status: 200, response_body: "ok", error: null, next_attempt_at: null },
    },
  ]);
});

test("an event that is handed out twice is delivered once", async () => {
  const hook = receiver();
  await stage.subscribe(hook.url);
  const eventId = await stage.publish("abc");
  await stage.settle();
  await stage.db.write((tx) => stage.events.replay(tx, eventId));
  await stage.settle();
  expect(hook.received).toHaveLength(1);
});

test("during a change of secrets both sign, a day later only the new one", async () => {
  const hook = receiver();
  const { id, secret: old } = await stage.subscribe(hook.url);
  const rotated = await stage.call("ada", "POST", `/api/v1/webhooks/${id}/rotate_secret`);
  const { secret: fresh } = rotated.body as { secret: string };
  expect(fresh).not.toBe(old);
  await stage.publish("during");
  await stage.settle();
  stage.clock.advance(24 * 3_600_000);
  await stage.publish("after");
  await stage.settle();
  const [during, after] = hook.received;
  const now = () => stage.clock.now();
  const verify = (got: typeof during, secret: string, toleranceSeconds: number) =>
    verifyWebhook(got?.body ?? "", got?.headers ?? {}, secret, { now, toleranceSeconds });
  await verify(during, old, 90_000);
  await verify(during, fresh, 90_000);
  await verify(after, fresh, 300);
  await expect(verify(after, old, 300)).rejects.toThrow("No signature fits");
});

test("a failing delivery is retried for about a day, then dead, then replayed", async () => {
  let broken = true;
  const hook = receiver(() => new Response("no", { status: broken ? 500 : 204 }));
  const { id } = await stage.subscribe(hook.url);
  await stage.publish("abc");
  await stage.settle();
  const began = stage.clock.now();
  const [first] = await stage.deliveries(id);
  expect(first).toMatchObject({ status: "pending", attempts: 1, response_status: 500 });
  expect(Date.parse(first?.next_attempt_at ?? "")).toBe(began + 5_000);
  await passTime(600_000, async () => (await stage.deliveries(id))[0]?.status !== "pending");
  const hours = (stage.clock.now() - began) / 3_600_000;
  expect(hours).toBeGreaterThan(20);
  expect(hours).toBeLessThan(28);
  const attempts = retrySeconds.length + 1;
  expect(hook.received).toHaveLength(attempts);
  expect(new Set(hook.received.map((got) => got.headers.get("webhook-id"))).size).toBe(1);
  const [dead] = (await stage.deliveries(id)) as [Delivery];
  expect(dead).toMatchObject({ status: "dead", attempts, error: "the receiver answered 500" });

  broken = false;
  stage.clock.advance(3_600_000);
  const path = `/api/v1/webhooks/${id}/deliveries/${dead.id}/replay`;
  expect((await stage.call("ada", "POST", path)).status).toBe(202);
  await stage.settle();
  expect((await stage.deliveries(id))[0]).toMatchObject({ status: "delivered", attempts: 1 });
});

test("a receiver that is down is paused and probed; all arrive once it is up", async () => {
  let down = true;
  const hook = receiver(() => new Response(null, { status: down ? 503 : 200 }));
  await stage.subscribe(hook.url);
  for (let n = 0; n < 20; n++) await stage.publish(`c${n}`);
  await stage.settle();
  // Two at a time, so one more may be on its way when the fifth has failed.
  expect(hook.received.length).toBeGreaterThanOrEqual(breakerFailures);
  expect(hook.received.length).toBeLessThanOrEqual(breakerFailures + 1);
  const before = hook.received.length;
  stage.clock.advance(70_000);
  await stage.settle();
  expect(hook.received.length).toBe(before + 1);
  down = false;
  const reached = () => new Set(codesOf(hook.received.slice(before + 1))).size;
  await passTime(60_000, () => reached() >= 20);
});

test("410 disables at once, gives up what waits and tells the owner by an event", async () => {
  const hook = receiver((n) => new Response(null, { status: n === 1 ? 500 : 410 }));
  const told = receiver();
  const { id } = await stage.subscribe(hook.url, { event_types: ["links.*"] });
  await stage.subscribe(told.url, { event_types: ["webhooks.disabled"] });
  await stage.publish("first");
  await stage.settle();
  await stage.publish("second");
  await stage.settle();
  expect((await stage.call("ada", "GET", `/api/v1/webhooks/${id}`)).body).toMatchObject({
    enabled: false,
    disabled_reason: "gone",
  });
  expect((await stage.deliveries(id)).map((d) => d.status)).toEqual(["dead", "dead"]);
  expect(told.received).toHaveLength(1);
  expect(JSON.parse(told.received[0]?.body ?? "")).toMatchObject({
    type: "webhooks.disabled",
    data: { webhook_id: id, url: hook.url, reason: "gone" },
  });
  await stage.publish("third");
  await stage.settle();
  expect(hook.received).toHaveLength(2);
});

test("three days without a success disable; enabling starts anew", async () => {
  let broken = true;
  const hook = receiver(() => new Response(null, { status: broken ? 500 : 200 }));
  const { id } = await stage.subscribe(hook.url);
  const look = async () =>
    (await stage.call("ada", "GET", `/api/v1/webhooks/${id}`)).body as {
      enabled: boolean;
      disabled_reason: string | null;
    };
  await stage.publish("day 0");
  await stage.settle();
  for (let day = 1; day <= 2; day++) {
    stage.clock.advance(86_400_000);
    await stage.publish(`day ${day}`);
    await stage.settle();
    expect((await look()).enabled).toBe(true);
  }
  stage.clock.advance(86_400_000);
  await stage.publish("day 3");
  await stage.settle();
  expect(await look()).toMatchObject({ enabled: false, disabled_reason: "failing" });

  broken = false;
  const enable = { body: { enabled: true } };
  expect((await stage.call("ada", "PATCH", `/api/v1/webhooks/${id}`, enable)).status).toBe(200);
  expect(await look()).toMatchObject({ enabled: true, disabled_reason: null });
  await stage.publish("again");
  await stage.settle();
  expect(codesOf(hook.received).at(-1)).toBe("again");
});

test("a slow receiver gets two at a time and holds up nobody", async () => {
  const gate = Promise.withResolvers<void>();
  const slow = receiver(async () => {
    await gate.promise;
    return new Response();
  });
  const quick = receiver();
  await stage.subscribe(slow.url);
  await stage.subscribe(quick.url);
  for (let n = 0; n < 10; n++) await stage.publish(`c${n}`);
  const settled = stage.settle();
  const until = Date.now() + 20_000;
  while (quick.received.length < 10 || slow.received.length < 2) {
    if (Date.now() > until) throw new Error("the quick receiver was held up");
    await Bun.sleep(2);
  }
  expect(slow.state.atOnce).toBe(2);
  gate.resolve();
  await settled;
  expect(slow.received).toHaveLength(10);
  expect(slow.state.atOnceMost).toBe(2);
});

test("answers are kept to 2 KB of harmless text, and redirects count as failures", async () => {
  const elsewhere = receiver();
  const answers = [
    new Response(`a\0b${"x".repeat(100_000)}`),
    Response.redirect(elsewhere.url, 307),
    new Response(new Uint8Array([0xff, 0xfe, 0x00, 0x41])),
  ];
  const hook = receiver((n) => answers[n - 1] ?? new Response());
  const { id } = await stage.subscribe(hook.url);
  for (let n = 0; n < 3; n++) {
    await stage.publish(`c${n}`);
    await stage.settle();
  }
  const [odd, redirected, long] = await stage.deliveries(id);
  expect(long?.status).toBe("delivered");
  expect(long?.response_body?.length).toBeLessThanOrEqual(2_048);
  expect(long?.response_body?.startsWith("a\uFFFDbxxx")).toBe(true);
  expect(redirected).toMatchObject({ status: "pending", response_status: 307 });
  expect(elsewhere.received).toHaveLength(0);
  expect(odd).toMatchObject({ status: "delivered", response_body: "\uFFFD\uFFFD\uFFFDA" });
});

test("a receiver that cannot be reached is recorded with the reason", async () => {
  const closed = openReceiver(() => new Response());
  await closed.close();
  const { id } = await stage.subscribe(closed.url);
  await stage.publish("abc");
  await stage.settle();
  const [delivery] = await stage.deliveries(id);
  expect(delivery).toMatchObject({ status: "pending", response_status: null });
  expect(delivery?.error).toStartWith("connection: ");
});

test("deliveries of a disabled webhook wait until it is enabled", async () => {
  const hook = receiver((n) => new Response(null, { status: n === 1 ? 500 : 200 }));
  const { id } = await stage.subscribe(hook.url);
  await stage.publish("abc");
  await stage.settle();
  await stage.call("ada", "PATCH", `/api/v1/webhooks/${id}`, { body: { enabled: false } });
  stage.clock.advance(3_600_000);
  await stage.settle();
  expect(hook.received).toHaveLength(1);
  await stage.call("ada", "PATCH", `/api/v1/webhooks/${id}`, { body: { enabled: true } });
  await stage.settle();
  expect((await stage.deliveries(id))[0]).toMatchObject({ status: "delivered", attempts: 2 });
});

test("the sweep forgets old deliveries and wakes what was left behind", async () => {
  const hook = receiver((n) => new Response(null, { status: n === 1 ? 500 : 200 }));
  const { id } = await stage.subscribe(hook.url);
  await stage.publish("abc");
  await stage.settle();
  // As after a job that died.
  await stage.db.write((tx) => tx.run`DELETE FROM platform.jobs WHERE kind = 'webhooks.deliver'`);
  stage.clock.advance(3_600_000);
  await stage.settle();
  expect((await stage.deliveries(id))[0]?.status).toBe("delivered");
  stage.clock.advance(31 * 86_400_000);
  await stage.settle();
  expect(await stage.deliveries(id)).toEqual([]);
});
