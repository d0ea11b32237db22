/** How far long work has come. */
export function Progress(props: { label: string; done: number; of: number }) {
  const share = props.of > 0 ? props.done / props.of : 0;
  return (
    <div className="mt-3">
      <div className="mb-1 flex justify-between text-xs text-muted">
        <span>{props.label}</span>
        <span className="tabular-nums">
          {props.done.toLocaleString("en")} of {props.of.toLocaleString("en")}
        </span>
      </div>
      <div
        role="progressbar"
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={props.of}
        aria-valuenow={props.done}
        className="h-1.5 overflow-hidden rounded-full bg-sunken"
      >
        <svg className="block size-full" aria-hidden="true">
          <rect width={`${share * 100}%`} height="100%" className="fill-accent" />
        </svg>
      </div>
    </div>
  );
}
