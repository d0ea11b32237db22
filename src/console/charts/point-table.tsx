import { count } from "../messages.ts";
import { Scroll } from "../ui/scroll.tsx";
import type { TimePoint } from "./scale.ts";

/** The numbers of a curve, for whoever would rather read than look. */
export function PointTable(props: {
  title: string;
  points: TimePoint[];
  longLabel: (iso: string) => string;
}) {
  return (
    <details className="mt-1 text-xs">
      <summary className="text-muted">Show as a table</summary>
      <Scroll label={`${props.title}, as a table`} className="mt-2 max-h-64">
        <table className="w-full tabular-nums">
          <thead>
            <tr>
              <th className="th">Time</th>
              <th className="th">Clicks</th>
              <th className="th">Visitors</th>
            </tr>
          </thead>
          <tbody>
            {props.points.map((point) => (
              <tr key={point.key}>
                <td className="td">{props.longLabel(point.key)}</td>
                <td className="td">{count(point.clicks)}</td>
                <td className="td">{point.unique === null ? "–" : count(point.unique)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}
