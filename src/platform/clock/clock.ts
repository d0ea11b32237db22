/**
 * Time is injected so that state machines run on a fake clock in tests. `now` is the wall
 * clock in milliseconds since 1970 and may step in either direction; `monotonic` never goes
 * back and is the one to measure durations with.
 */
export type Clock = {
  now(): number;
  monotonic(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done);
    }),
};

export type FakeClock = Clock & { advance(ms: number): void; set(ms: number): void };

/** A clock that moves only when told to; sleepers wake when `advance` passes their time. */
export function fakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = start;
  let elapsed = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  const wakeDue = () => {
    const due = sleepers.filter((s) => s.at <= elapsed);
    sleepers = sleepers.filter((s) => s.at > elapsed);
    for (const sleeper of due) sleeper.wake();
  };
  return {
    now: () => wall,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { at: elapsed + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          resolve();
        });
        wakeDue();
      }),
    advance(ms) {
      wall += ms;
      elapsed += ms;
      wakeDue();
    },
    set(ms) {
      wall = ms;
    },
  };
}
