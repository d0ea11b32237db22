import { count } from "../messages.ts";

/** The top values of one kind, as a list that reads without seeing the bars. */
export type Bar = { key: string; label: string; clicks: number };

export function BarList(props: { title: string; bars: Bar[]; total: number; empty: string }) {
  const bars = props.bars.filter((bar) => bar.clicks > 0);
  if (bars.length === 0) return <p className="py-6 text-center text-muted">{props.empty}</p>;
  const highest = Math.max(...bars.map((bar) => bar.clicks));
  return (
    <ol aria-label={props.title} className="flex flex-col gap-1">
      {bars.map((bar) => {
        const share = props.total > 0 ? bar.clicks / props.total : 0;
        return (
          <li key={bar.key} className="relative flex min-h-8 items-center gap-3 rounded-md px-2.5">
            <svg className="absolute inset-0 size-full rounded-md" aria-hidden="true">
              <rect
                width={`${Math.max(1, (bar.clicks / highest) * 100)}%`}
                height="100%"
                rx="6"
                className="fill-accent-soft"
              />
            </svg>
            <span className="relative min-w-0 grow truncate" title={bar.label}>
              {bar.label}
            </span>
            <span className="relative font-medium tabular-nums">{count(bar.clicks)}</span>
            <span className="relative w-10 text-right text-xs text-muted tabular-nums">
              {(share * 100).toFixed(share < 0.1 && share > 0 ? 1 : 0)}%
            </span>
          </li>
        );
      })}
    </ol>
  );
}
