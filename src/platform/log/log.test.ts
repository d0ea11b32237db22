import { expect, test } from "bun:test";
import { createLog } from "./log.ts";

function lines(level: "info" | "warn") {
  const written: Record<string, unknown>[] = [];
  let at = 0;
  const log = createLog({
    level: "info",
    write: (line) => written.push(JSON.parse(line)),
    now: () => at,
  });
  const say = (time: number, fields: object) => {
    at = time;
    log.with({ process: 1 })[level]("it failed", { ...fields });
  };
  return { written, say };
}

test("the same warning again is written once in ten seconds, with how often it came", () => {
  const { written, say } = lines("warn");
  const error = new Error("away");
  for (const time of [0, 500, 9_999, 10_000, 10_500, 30_000]) say(time, { error });
  const repeated = written.map((line) => [Date.parse(String(line["time"])), line["repeated"]]);
  expect(repeated).toEqual([
    [0, undefined],
    [10_000, 2],
    [30_000, 1],
  ]);
});

test("another error, and another subject, are said at once", () => {
  const { written, say } = lines("warn");
  say(0, { error: new Error("away") });
  say(1, { error: new Error("full") });
  say(2, { error: "away", link: "1" });
  say(3, { error: "away", link: "2" });
  expect(written.length).toBe(4);
});

test("what is no warning is written each time", () => {
  const { written, say } = lines("info");
  for (let time = 0; time < 5; time++) say(time, {});
  expect(written.length).toBe(5);
});
