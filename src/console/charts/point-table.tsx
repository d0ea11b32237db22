import { count } from "../messages.ts";
import { Scroll } from "../ui/scroll.tsx";
import type { TimePoint } from "./scale.ts";

/** The numbers of a curve, for whoever would rather read than look. */
export type Unit = { one: string; many: string };

export function PointTable(props: {
  title: string;
  unit: Unit;
  points: TimePoint[];
  longLabel: (iso: string) => string;
}) {
  const { many } = props.unit;
  const hasVisitors = props.points.some((point) => point.unique !== null);
  return (
    <details className="mt-1 text-xs">
      <summary className="text-muted">Show as a table</summary>
      <Scroll label={`${props.title}, as a table`} className="mt-2 max-h-64">
        <table className="w-full tabular-nums">
          <thead>
            <tr>
              <th className="th">Time</th>
              <th className="th">{many.charAt(0).toUpperCase() + many.slice(1)}</th>
              {hasVisitors && <th className="th">Visitors</th>}
            </tr>
          </thead>
          <tbody>
            {props.points.map((point) => (
              <tr key={point.key}>
                <td className="td">{props.longLabel(point.key)}</td>
                <td className="td">{count(point.clicks)}</td>
                {hasVisitors && (
                  <td className="td">{point.unique === null ? "–" : count(point.unique)}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
