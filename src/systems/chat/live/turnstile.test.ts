import { expect, test } from "bun:test";
import { Turnstile } from "./turnstile.ts";

test("no more than so many are within, all get through, and in turn", async () => {
  const turnstile = new Turnstile(3);
  let within = 0;
  let most = 0;
  const order: number[] = [];
  const pass = (n: number) =>
    turnstile.pass(async () => {
      order.push(n);
      most = Math.max(most, ++within);
      await Bun.sleep(0);
      within--;
      if (n === 5) throw new Error("one that fails lets the next in too");
    });
  const all = await Promise.allSettled([...Array(20).keys()].map(pass));
  expect(all.filter(({ status }) => status === "rejected")).toHaveLength(1);
  expect([most, within]).toEqual([3, 0]);
  expect(order).toEqual([...Array(20).keys()]);
});
