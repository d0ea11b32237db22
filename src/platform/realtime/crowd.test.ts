import { expect, test } from "bun:test";
import { Crowd } from "./crowd.ts";

test("garbage is collected once a thousand came or went, and not for fewer", () => {
  let collections = 0;
  const crowd = new Crowd(() => void collections++);
  const after = (moves: number) => {
    for (let n = 0; n < moves; n++) crowd.note();
    crowd.turn();
    return collections;
  };
  expect([after(0), after(999), after(1), after(5_000), after(0), after(999), after(1)]).toEqual([
    ...[0, 0, 1, 2, 2, 2, 3],
  ]);
});
