import type { ReactNode } from "react";

/** What may scroll by itself can be reached by the keyboard, and says what it holds. */
export function Scroll(props: { label: string; className?: string; children: ReactNode }) {
  return (
    <section
      tabIndex={0}
      aria-label={props.label}
      className={`overflow-auto ${props.className ?? ""}`}
    >
      {props.children}
    </section>
  );
}
