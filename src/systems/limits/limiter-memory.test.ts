import { fakeClock } from "../../platform/clock/clock.ts";
import { behavesAsLimiter } from "./limiter-suite.fixture.ts";
import { MemoryLimiter } from "./memory.ts";

behavesAsLimiter("in process", async () => {
  // Away from the end of every window that the suite uses.
  const clock = fakeClock(10 ** 12 + 12_345_678);
  return {
    limiter: new MemoryLimiter({ clock, keysMax: 10_000 }),
    pass: async (ms) => clock.advance(ms),
    close: async () => {},
  };
});
