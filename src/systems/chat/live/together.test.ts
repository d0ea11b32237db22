import { expect, test } from "bun:test";
import { readTogether, Turnstile } from "./together.ts";

test("those who ask the same while it is read share one answer; later ones read anew", async () => {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const changes = readTogether({
    async changes(id, since, limit) {
      asked.push(`${id} ${since} ${limit}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { frames: [], rev: since + 1, more: false };
    },
  });
  const herd = [...Array(1_000).keys()].map(() => changes("1", 5, 200));
  const others = [changes("1", 6, 200), changes("2", 5, 200)];
  for (const answer of waiting.splice(0)) answer();
  const answers = await Promise.all(herd);
  expect(answers.every(({ rev, more }) => rev === 6 && !more)).toBe(true);
  await Promise.all(others);
  expect(asked).toEqual(["1 5 200", "1 6 200", "2 5 200"]);
  const later = changes("1", 5, 200);
  waiting[0]?.();
  await later;
  expect(asked).toHaveLength(4);
});

test("a failure is everybody's who asked, and nobody's after", async () => {
  let fails = true;
  const changes = readTogether({
    async changes(_, since) {
      if (fails) throw new Error("away");
      return { frames: [], rev: since, more: false };
    },
  });
  const failed = await Promise.allSettled([changes("1", 0, 1), changes("1", 0, 1)]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fails = false;
  expect(await changes("1", 0, 1)).toMatchObject({ rev: 0 });
});

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
