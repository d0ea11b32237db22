import { useRef, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { IconButton } from "./button.tsx";
import { Icon, type IconName } from "./icons.tsx";

/** Actions behind one button. The browser closes it by Escape and by a click elsewhere. */
export type MenuItem = { label: string; icon: IconName; danger?: boolean; onChoose: () => void };

const edgePx = 8;

export function Menu(props: {
  label: string;
  icon: IconName;
  items: readonly MenuItem[];
  /** Stands above the items, e.g. a row of small choices. */
  top?: ReactNode;
  tabIndex?: number;
  className?: string;
}) {
  const button = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = (event: MouseEvent) => {
    if ((event.target as HTMLElement).closest("button")) panel.current?.hidePopover();
  };
  const open = () => {
    const at = button.current?.getBoundingClientRect();
    const menu = panel.current;
    if (!at || !menu) return;
    menu.showPopover();
    const { width, height } = menu.getBoundingClientRect();
    const fitsBelow = at.bottom + height + edgePx < innerHeight;
    const left = Math.min(Math.max(edgePx, at.right - width), innerWidth - width - edgePx);
    menu.style.left = `${left}px`;
    menu.style.top = `${fitsBelow ? at.bottom + 4 : Math.max(edgePx, at.top - height - 4)}px`;
    menu.querySelector("button")?.focus();
  };
  return (
    <div ref={button} className={`inline-flex ${props.className ?? ""}`}>
      <IconButton
        icon={props.icon}
        label={props.label}
        aria-haspopup="true"
        tabIndex={props.tabIndex}
        onClick={open}
      />
      <div
        ref={panel}
        popover="auto"
        role="group"
        aria-label={props.label}
        className="menu"
        onKeyDown={step}
        // Whatever was chosen in it.
        onClickCapture={close}
      >
        {props.top}
        {props.items.map((item) => (
          <button
            key={item.label}
            type="button"
            className={`menu-item ${item.danger ? "text-danger" : ""}`}
            onClick={item.onChoose}
          >
            <Icon name={item.icon} />
            {item.label}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Arrows go round, as in every menu. */
function step(event: KeyboardEvent<HTMLElement>): void {
  const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  buttons[(at + way + buttons.length) % buttons.length]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
