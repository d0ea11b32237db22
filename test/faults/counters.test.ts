import { expect, test } from "bun:test";
import { checkCounter, rulesOf, type Violation } from "./checks.ts";
import { gone, History } from "./history.ts";
import { Client, type LoadOptions, type Made } from "./load.ts";
import { startMany } from "./many.ts";
import { counterproof } from "./sabotage.ts";
import { rounds } from "./seed.ts";
import { lasting, Stage } from "./stage.ts";
import { storedLinks } from "./stored.ts";

/**
 * R13: visitors of two processes race for links with a limit while the processes are killed. Who
 * was sent on is counted, nobody is counted who did not come, and a link of ten clicks sends ten
 * on and no more.
 */
const limited = 30;
const limit = 10;
const big = 1_000_000;

async function race(kills: number, brokenTree?: string): Promise<Violation[]> {
  await using stage = new Stage();
  const { postgres, key, stoas, again } = await startMany(stage, 2, { tree: brokenTree });
  const history = new History();
  const { random } = stage;
  const ports = () => stoas.map((stoa) => stoa.port);
  const options = (max_clicks: number): LoadOptions => ({
    ...{ ports, key, history, random, writers: 0, visitors: 0, pauseMs: 2, fields: { max_clicks } },
  });
  const maker = new Client(options(limit));
  const links: Made[] = [];
  for (let n = 0; n < limited; n++) links.push((await maker.create(`limited-${n}`, () => true))!);
  maker.close();
  const roomy = new Client(options(big));
  links.push((await roomy.create("roomy", () => true))!);
  roomy.close();
  let racing = true;
  const visitors = Array.from({ length: 8 }, async () => {
    const client = new Client(options(limit));
    while (racing) {
      await client.visit(random.pick(links));
      await client.pause();
    }
    client.close();
  });
  for (let kill = 0; kill < kills; kill++) {
    await lasting(400 + random.below(400));
    await stoas[kill % 2]!.kill();
    await again(kill % 2);
  }
  await lasting(1_000);
  racing = false;
  await Promise.all(visitors);
  console.log(history.summary());
  const used = new Map((await storedLinks(postgres.admin)).map((l) => [l.id, l.clicks_used]));
  return links.flatMap((link) => {
    const visits = history.operations.filter((o) => o.kind === "visit" && o.link === link.id);
    const taken = visits.filter((o) => o.outcome === "ok" && o.seen !== gone).length;
    const unsure = visits.filter((o) => o.outcome === "unknown" || o.status === 503).length;
    return checkCounter(link.code, {
      acknowledged: taken,
      attempted: taken + unsure,
      value: used.get(link.id)!,
      max: link === links.at(-1) ? big : limit,
    });
  });
}

test("clicks of limited links are counted exactly, over two processes and kills", async () => {
  expect(await race(rounds(3))).toEqual([]);
});

counterproof(
  "a limit that is looked at before it is taken",
  [
    {
      file: "src/systems/links/store.ts",
      from: "WHERE id = ${id} AND clicks_used < max_clicks AND deleted_at IS NULL`;",
      to: "WHERE id = ${id} AND deleted_at IS NULL`;",
    },
    {
      file: "src/systems/links/schema.sql",
      from: "CHECK (clicks_used >= 0 AND (max_clicks IS NULL OR clicks_used <= max_clicks))",
      to: "CHECK (clicks_used >= 0)",
    },
  ],
  async (broken) => {
    expect(rulesOf(await race(1, broken))).toContain("count too high");
  },
);

counterproof(
  "a count that is made some time after the answer",
  [
    {
      file: "src/systems/links/redirect.ts",
      from: "const left = await this.deps.db.write((tx) => useClick(tx, target.id));",
      to: `const left = await this.deps.db.write(async (tx) => {
        const take = () => this.deps.db.write((late) => useClick(late, target.id));
        setTimeout(() => void take().catch(() => {}), 300);
        return tx !== null;
      });`,
    },
  ],
  async (broken) => {
    expect(rulesOf(await race(2, broken))).toContain("count too low");
  },
);
