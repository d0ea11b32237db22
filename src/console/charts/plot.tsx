import { count } from "../messages.ts";
import { padding, plotHeight, type Layout, type TimePoint } from "./scale.ts";

/** The curve itself; its words are elsewhere, so it is hidden from screen readers. */
type PlotProps = {
  points: TimePoint[];
  layout: Layout;
  width: number;
  at: number | null;
  label: (iso: string) => string;
};

export function Plot(props: PlotProps) {
  const { points, layout, width } = props;
  const { x, y, floor } = layout;
  const line = points.map((point, i) => `${i ? "L" : "M"}${x(i)} ${y(point.clicks)}`).join("");
  const area = `${line}L${x(points.length - 1)} ${floor}L${x(0)} ${floor}Z`;
  const only = points.length === 1 ? points[0] : undefined;
  return (
    <svg width={width} height={plotHeight} className="block max-w-full" aria-hidden="true">
      <Grid {...props} />
      {points.length > 0 && <path d={area} className="fill-accent opacity-15" />}
      <path
        d={line}
        className="fill-none stroke-accent"
        strokeWidth="1.75"
        strokeLinejoin="round"
      />
      {only && <circle cx={x(0)} cy={y(only.clicks)} r="3.5" className="fill-accent" />}
      <Cursor {...props} />
    </svg>
  );
}

const labelWidth = 84;

function Grid({ points, layout, width, label }: PlotProps) {
  const { x, y, scale, inner } = layout;
  const labelsMax = Math.max(2, Math.floor(inner.width / labelWidth));
  const every = Math.max(1, Math.ceil(points.length / labelsMax));
  const last = points.length - 1;
  return (
    <>
      {scale.ticks.map((tick) => (
        <g key={tick}>
          <line
            x1={padding.left}
            x2={width - padding.right}
            y1={y(tick)}
            y2={y(tick)}
            className="stroke-line"
          />
          <text
            x={padding.left - 8}
            y={y(tick) + 4}
            textAnchor="end"
            className="fill-muted text-[11px]"
          >
            {count(tick)}
          </text>
        </g>
      ))}
      {points.map((point, i) =>
        (last - i) % every === 0 ? (
          <text
            key={point.key}
            x={x(i)}
            y={plotHeight - 8}
            textAnchor={last > 0 && i === last ? "end" : "middle"}
            className="fill-muted text-[11px]"
          >
            {label(point.key)}
          </text>
        ) : null,
      )}
    </>
  );
}

function Cursor({ points, layout, at }: PlotProps) {
  const point = at === null ? undefined : points[at];
  if (!point || at === null) return null;
  const { x, y, floor } = layout;
  return (
    <>
      <line x1={x(at)} x2={x(at)} y1={padding.top} y2={floor} className="stroke-line-strong" />
      <circle
        cx={x(at)}
        cy={y(point.clicks)}
        r="4.5"
        strokeWidth="2"
        className="fill-accent stroke-surface"
      />
    </>
  );
}
