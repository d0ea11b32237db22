import { useEffect, useRef, type ReactNode } from "react";
import { IconButton } from "../ui/button.tsx";

/** Whether a panel covers what is chosen in it: then it goes out of the way. */
export function isOverMessages(): boolean {
  return matchMedia("(width < 64rem)").matches;
}

/** Stands beside the messages; over them where there is no room. Escape closes it. */
export function SidePanel(props: { title: string; onClose: () => void; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside
      aria-label={props.title}
      className="chat-panel"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        if ((event.target as HTMLElement).closest("dialog,[popover]")) return;
        props.onClose();
      }}
    >
      <header className="flex min-h-14 items-center gap-2 border-b border-line px-4 py-1.5">
        <h2 ref={heading} tabIndex={-1} className="grow font-serif text-lg outline-none">
          {props.title}
        </h2>
        <IconButton icon="close" label="Close" onClick={props.onClose} />
      </header>
      {props.children}
    </aside>
  );
}
