import { count, plural } from "../messages.ts";
import { Badge } from "../ui/page.tsx";
import { aboutText, spanText } from "./rule-text.ts";
import type { Tally } from "./tally.ts";

/** One algorithm's columns over time: what passed, and on top of it what was refused. */
const width = 480;
const height = 96;
const gap = 1;

export function TrialPlot(props: {
  label: string;
  tally: Tally;
  /** The same for all that are compared. */
  highest: number;
  /** Of windows, as shares of the width. */
  edges: number[];
  limit: number;
  windowMs: number;
}) {
  const { label, tally, highest, edges, limit, windowMs } = props;
  const { columns, passed, refused, delayMsMax, inWindowMax } = tally;
  const told = `${label}: ${count(passed)} passed, ${count(refused)} refused`;
  return (
    <section className="min-w-0">
      <header className="mb-1 flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-[0.8125rem] font-semibold">{label}</h3>
        {inWindowMax > limit ? (
          <Badge kind="warn">{count(inWindowMax)} within one window</Badge>
        ) : (
          <Badge kind="good">never above the limit</Badge>
        )}
      </header>
      <svg
        role="img"
        aria-label={told}
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        className="block h-24 w-full rounded-md bg-sunken"
      >
        {edges.map((share) => (
          <line
            key={share}
            x1={share * width}
            x2={share * width}
            y1="0"
            y2={height}
            vectorEffect="non-scaling-stroke"
            className="stroke-line-strong"
            strokeDasharray="2 3"
          />
        ))}
        <Columns columns={columns} highest={highest} />
      </svg>
      <p className="hint mt-1 tabular-nums">
        {plural(passed, "request")} passed, {count(refused)} refused
        {delayMsMax > 0 && `, the longest wait ${aboutText(delayMsMax)}`}. At most{" "}
        {count(inWindowMax)} in any {spanText(windowMs, true)}.
      </p>
    </section>
  );
}

function Columns({ columns, highest }: { columns: Tally["columns"]; highest: number }) {
  const step = width / columns.length;
  const tall = (value: number) => (value / Math.max(1, highest)) * height;
  return columns.map(({ passed, refused }, i) => (
    <g key={i * step}>
      <rect
        x={i * step}
        y={height - tall(passed)}
        width={step - gap}
        height={tall(passed)}
        className="fill-accent"
      />
      <rect
        x={i * step}
        y={height - tall(passed + refused)}
        width={step - gap}
        height={tall(refused)}
        className="fill-danger opacity-45"
      />
    </g>
  ));
}
