import type { LimitAlgorithm, Simulation } from "../../../sdk/types.ts";
import { count } from "../messages.ts";
import { Card } from "../ui/page.tsx";
import { Scroll } from "../ui/scroll.tsx";
import { aboutText, algorithmLabel, spanText } from "./rule-text.ts";
import { tallyOf } from "./tally.ts";
import type { Traffic } from "./traffic.ts";
import { TrialPlot } from "./trial-plot.tsx";

/** The five algorithms one above the other on one scale of time, then the same as a table. */
const columnsDrawn = 72;
const shown = [
  "fixed_window",
  "sliding_window",
  "sliding_log",
  "token_bucket",
  "leaky_bucket",
] as const satisfies (LimitAlgorithm & keyof Simulation)[];
/** Of more windows the edges would hide the columns. */
const edgesMax = 24;

export function TrialResult(props: { simulation: Simulation; traffic: Traffic; limit: number }) {
  const { simulation, traffic, limit } = props;
  const { windowMs, windows } = traffic;
  const endMs = windows * windowMs;
  const tallies = shown.map((name) => ({
    name,
    label: algorithmLabel(name),
    tally: tallyOf(simulation[name], { endMs, windowMs, columns: columnsDrawn }),
  }));
  const highest = Math.max(
    ...tallies.flatMap(({ tally }) => tally.columns.map((c) => c.passed + c.refused)),
  );
  const inner = Array.from({ length: Math.ceil(windows) - 1 }, (_, i) => (i + 1) / windows);
  const edges = inner.length > edgesMax ? [] : inner;
  return (
    <Card
      title="What would pass"
      note={`Over ${spanText(endMs)}. Filled: passed. Pale: refused. Dashed: where a window ends.`}
    >
      <div className="flex flex-col gap-5">
        {tallies.map(({ name, label, tally }) => (
          <TrialPlot key={name} {...{ label, tally, highest, edges, limit, windowMs }} />
        ))}
      </div>
      <Scroll label="What would pass, as a table" className="mt-5">
        <table className="w-full text-[0.8125rem] tabular-nums">
          <thead>
            <tr>
              <th className="th">Algorithm</th>
              <th className="th">Passed</th>
              <th className="th">Refused</th>
              <th className="th">Longest wait</th>
              <th className="th">Most in any {spanText(windowMs, true)}</th>
            </tr>
          </thead>
          <tbody>
            {tallies.map(({ name, label, tally }) => (
              <tr key={name}>
                <td className="td whitespace-nowrap">{label}</td>
                <td className="td">{count(tally.passed)}</td>
                <td className="td">{count(tally.refused)}</td>
                <td className="td whitespace-nowrap">
                  {tally.delayMsMax > 0 ? aboutText(tally.delayMsMax) : "–"}
                </td>
                <td className="td">{count(tally.inWindowMax)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}
