import { expect, test } from "bun:test";
import type { WriteChanges } from "../ports.ts";
import { Page, readTogether } from "./page.ts";

const pageOf = (id: string, since: number) =>
  new Page({ conversation_id: id, since, rev: since + 1, more: false }, []);

test("those who ask while the same is read share the read after it", async () => {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const changes = readTogether(async (id, since, limit) => {
    asked.push(`${id} ${since} ${limit}`);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return pageOf(id, since);
  });
  const answer = async () => {
    for (const done of waiting.splice(0)) done();
    await Bun.sleep(0);
  };
  const first = changes("1", 5, 200);
  const herd = [...Array(1_000).keys()].map(() => changes("1", 5, 200));
  const others = [changes("1", 6, 200), changes("2", 5, 200)];
  expect(asked).toEqual(["1 5 200", "1 6 200", "2 5 200"]);
  await answer();
  await Promise.all([first, ...others]);
  expect(asked.slice(3)).toEqual(["1 5 200"]);
  const late = changes("1", 5, 200);
  await answer();
  const answers = await Promise.all(herd);
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatchObject({ rev: 6, more: false });
  await answer();
  expect(await late).not.toBe(answers[0] as Page);
  expect(asked).toHaveLength(5);
});

test("a failure is everybody's who shares it, and nobody's after", async () => {
  let fails = true;
  const changes = readTogether(async (id, since) => {
    if (fails) throw new Error("away");
    return pageOf(id, since);
  });
  const asked = [changes("1", 0, 1), changes("1", 0, 1), changes("1", 0, 1)];
  const failed = await Promise.allSettled(asked);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  fails = false;
  expect(await changes("1", 0, 1)).toMatchObject({ rev: 1 });
});

test("it is written out once for all who may see the whole of it", () => {
  const message = (seq: number) => ({ type: "message", message: { seq } }) as never;
  const conversation = { type: "conversation" } as never;
  const place = { conversation_id: "1", since: 3, rev: 6, more: false };
  const page = new Page(place, [message(4), message(5), conversation]);
  let written = 0;
  const write: WriteChanges = ({ since }, frames) =>
    `${++written}: ${frames.length} since ${since}`;
  expect(page.textFor(0, write)).toBe("1: 3 since 3");
  expect(page.textFor(3, write)).toBe("1: 3 since 3");
  expect(page.textFor(4, write)).toBe("2: 2 since 3");
  expect(page.textFor(9, write)).toBe("3: 1 since 3");
  expect([page.isFor(3), page.isFor(4)]).toEqual([true, false]);
});
