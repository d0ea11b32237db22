import { ask, openMember } from "./spread.fixture.ts";
import type { Charge, Limit } from "./limiter.ts";

/**
 * A process of its own that asks a limit until it is refused for good: `bun spread.child.ts URL
 * LIMIT CALLERS`. Says "ready", begins at the next line it reads, and prints how many passed. Ends
 * early when its input does, which is when whoever started it is gone.
 */
const [url, limitText, callers] = process.argv.slice(2) as [string, string, string];
const limit = JSON.parse(limitText) as Limit;
const member = await openMember(url);
process.stdout.write("ready\n");
await new Promise<void>((begin) => {
  process.stdin.on("data", () => begin());
  process.stdin.on("end", () => process.exit(1));
});
const charges = (): Charge[] => [{ limit, key: "key", cost: 1 }];
const passed = await ask([member], {
  callers: Number(callers),
  charges,
  // A closed rule says a second while Redis is away; this one's window is longer than that.
  enough: ({ allowed, answers }) => !allowed && (answers[0]?.retryAfterMs ?? 0) > 10_000,
});
await member.close();
process.stdout.write(`${passed}\n`);
process.exit(0);
