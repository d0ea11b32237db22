import { expect, test } from "bun:test";
import { Crowd } from "./crowd.ts";

test("memory is collected once a crowd has come, and once it has gone", () => {
  let collected = 0;
  const crowd = new Crowd(() => void collected++);
  const second = (moves: number) => {
    for (let n = 0; n < moves; n++) crowd.note();
    crowd.turn();
    return collected;
  };
  expect([second(700), second(700), second(20), second(0)]).toEqual([0, 0, 1, 1]);
  expect([second(90), second(90)]).toEqual([1, 1]);
  expect([second(5_000), second(0), second(0)]).toEqual([1, 2, 2]);
});
