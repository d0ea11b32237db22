import { expect, test } from "bun:test";
import { Pulse } from "./serve-pulse.ts";

const silenceMsMax = 200;

/** A process that answers at once as long as it `answers`. */
function watch(answers: () => boolean) {
  const begun = performance.now();
  const seen = { asked: 0, silentAfterMs: 0 };
  const pulse = new Pulse({
    silenceMsMax,
    ask() {
      seen.asked++;
      // As a message does, it comes back in a later turn.
      if (answers()) setImmediate(() => pulse.heard());
    },
    silent() {
      seen.silentAfterMs = performance.now() - begun;
    },
  });
  return { pulse, seen };
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !holds(); await Bun.sleep(5)) {
    if (performance.now() > end) throw new Error(`not so: ${String(holds)}`);
  }
}

test("one that stops answering is given up, no sooner than it may be silent", async () => {
  let answered = 0;
  const { pulse, seen } = watch(() => answered++ < 5);
  await until(() => seen.silentAfterMs > 0);
  // Five answers, one look apart, came first.
  expect(seen.silentAfterMs).toBeGreaterThan(silenceMsMax * 1.4);
  expect(seen.asked).toBe(6);
  pulse.stop();
});

test("one that has not answered yet is given more time", async () => {
  const { pulse, seen } = watch(() => false);
  const begun = performance.now();
  await until(() => performance.now() - begun > silenceMsMax * 3);
  expect(seen).toEqual({ asked: 1, silentAfterMs: 0 });
  pulse.stop();
});

test("whoever was paused itself does not take others for silent", async () => {
  const { pulse, seen } = watch(() => true);
  await until(() => seen.asked > 1);
  for (let pause = 0; pause < 3; pause++) {
    for (const end = performance.now() + silenceMsMax * 2; performance.now() < end;) Math.sqrt(end);
    const { asked } = seen;
    await until(() => seen.asked > asked + 1);
  }
  expect(seen.silentAfterMs).toBe(0);
  pulse.stop();
});
