import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { startRedis, type TestRedis } from "../../../test/redis.ts";
import { limitOf } from "./limiter-suite.fixture.ts";
import { ask, openMember, until } from "./spread.fixture.ts";

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(() => redis.stop());

const limit = limitOf("fixed_window", { limit: 10 ** 8 });

test("a process that asks ends with the one that started it, Redis or not", async () => {
  const child = join(import.meta.dir, "spread.child.ts");
  const command = JSON.stringify([process.execPath, child, redis.url, JSON.stringify(limit), "16"]);
  const program = `
    const child = Bun.spawn(${command}, { stdin: "pipe", stdout: "ignore" });
    child.stdin.write("go\\n");
    await child.stdin.flush();
    console.log(child.pid);
    await child.exited;
  `;
  const parent = Bun.spawn([process.execPath, "-e", program], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(Buffer.from(value ?? []).toString());
  const client = await redis.client();
  await until(async () => Number(await client.send("DBSIZE", [])) > 0);
  await redis.kill();
  expect(lives(pid)).toBe(true);
  parent.kill("SIGKILL");
  try {
    await until(() => !lives(pid));
  } finally {
    if (lives(pid)) process.kill(pid, "SIGKILL");
  }
}, 30_000);

test("those who are refused because Redis is away do not ask again at once", async () => {
  const member = await openMember(redis.url);
  await redis.kill();
  await until(() => member.state.state() === "down");
  const [callers, forMs] = [16, 300];
  const end = performance.now() + forMs;
  let asked = 0;
  const charges = () => {
    asked++;
    return [{ limit, key: "key", cost: 1 }];
  };
  const enough = () => performance.now() > end;
  expect(await ask([member], { callers, charges, enough })).toBe(0);
  // Each 5 ms one; without a pause it is tens of thousands.
  expect(asked).toBeLessThanOrEqual(callers * (forMs / 5 + 2));
  await member.close();
});

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
