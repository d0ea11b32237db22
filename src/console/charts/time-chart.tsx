import {
  useEffect,
  useId,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
} from "react";
import { count } from "../messages.ts";
import { PointTable, type Unit } from "./point-table.tsx";
import { layOut, padding, plotHeight, type TimePoint } from "./scale.ts";
import { Plot } from "./plot.tsx";

/**
 * Clicks over time, or other things that are counted. One stop for the keyboard: the arrow keys
 * move along the curve, and what stands at the point is read out. The same numbers are in the
 * table below it.
 */
const widthMin = 240;
const clicks: Unit = { one: "click", many: "clicks" };

export function TimeChart(props: {
  title: string;
  /** Above the curve too, and not only for screen readers. */
  showTitle?: boolean;
  unit?: Unit;
  points: TimePoint[];
  label: (iso: string) => string;
  longLabel: (iso: string) => string;
}) {
  const { points, unit = clicks } = props;
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [at, setAt] = useState<number | null>(null);
  const readoutId = useId();
  const layout = layOut(points, width);
  const current = at === null ? undefined : points[at];

  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") setAt(null);
    const to = pointFor(event.key, at, points.length - 1);
    if (to === null) return;
    event.preventDefault();
    setAt(to);
  };
  const onPointer = (event: PointerEvent<HTMLDivElement>) => {
    if (points.length === 0) return;
    const left = event.clientX - event.currentTarget.getBoundingClientRect().left - padding.left;
    setAt(clamp(Math.round(left / layout.step), points.length - 1));
  };
  return (
    <div>
      {props.showTitle && <h2 className="mb-2 text-sm font-semibold">{props.title}</h2>}
      <div
        ref={box}
        role="img"
        tabIndex={0}
        aria-label={`${props.title}. Use the arrow keys to read each point.`}
        aria-describedby={readoutId}
        className="w-full touch-pan-y rounded-md"
        style={{ height: plotHeight }}
        onKeyDown={onKey}
        onBlur={() => setAt(null)}
        onPointerMove={onPointer}
        onPointerLeave={() => setAt(null)}
      >
        <Plot points={points} layout={layout} width={width} at={at} label={props.label} />
      </div>
      <p id={readoutId} aria-live="polite" className="min-h-5 text-center text-xs text-muted">
        {current && (
          <>
            {props.longLabel(current.key)}:{" "}
            <b className="text-ink">
              {count(current.clicks)} {current.clicks === 1 ? unit.one : unit.many}
            </b>
            {current.unique !== null && <>, {count(current.unique)} visitors</>}
          </>
        )}
      </p>
      <PointTable title={props.title} unit={unit} points={points} longLabel={props.longLabel} />
    </div>
  );
}

/** The point that a key leads to; the first arrow lands on the newest one. */
function pointFor(key: string, at: number | null, last: number): number | null {
  if (last < 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key !== "ArrowLeft" && key !== "ArrowRight") return null;
  return at === null ? last : clamp(at + (key === "ArrowLeft" ? -1 : 1), last);
}

function clamp(index: number, last: number): number {
  return Math.min(last, Math.max(0, index));
}

function useWidth(box: RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(widthMin, element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return width;
}
