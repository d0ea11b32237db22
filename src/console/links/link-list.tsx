import { useEffect, useRef, type ReactNode } from "react";

/** J and K walk from row to row. */
export function LinkList(props: { children: ReactNode }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const step = { j: 1, k: -1 }[event.key];
      const typing = (event.target as HTMLElement).matches("input, textarea, select");
      if (!step || typing || event.metaKey || event.ctrlKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      const rows = [...(list.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
      const now = rows.findIndex((row) => row.contains(document.activeElement));
      rows[Math.min(rows.length - 1, Math.max(0, now + step))]?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <ul ref={list} className="card divide-y divide-line">
      {props.children}
    </ul>
  );
}
