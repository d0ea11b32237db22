import type { ReactNode } from "react";

/** Stands at the foot of a long form while there is something to save. */
export function SaveBar(props: { problem: string; children: ReactNode }) {
  return (
    <div className="sticky bottom-16 z-20 flex flex-wrap items-center justify-end gap-2 rounded-xl border border-line bg-surface p-3 shadow-card md:bottom-4">
      <p role="alert" className="min-w-0 grow text-danger">
        {props.problem}
      </p>
      {props.children}
    </div>
  );
}
