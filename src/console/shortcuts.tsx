import { useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { useAccount } from "./session.tsx";
import { Dialog } from "./ui/dialog.tsx";

/** Keys that work on every page, unless somebody is typing or a dialog is open. */
const goTo: Record<string, [path: string, label: string]> = {
  o: ["/", "Overview"],
  l: ["/links", "Links"],
  b: ["/bulk", "Bulk and import"],
  d: ["/domains", "Domains"],
  m: ["/chat", "Chat"],
  k: ["/keys", "API keys"],
  w: ["/webhooks", "Webhooks"],
  a: ["/account", "Account"],
};

/** Of administrators alone. */
const adminGoTo: typeof goTo = { ...goTo, r: ["/limits", "Limits"] };

/** How long the second key of `g l` may take. */
const sequenceMs = 1_200;

export function useShortcuts(actions: { create: () => void; help: () => void }): void {
  const [, navigate] = useLocation();
  const targets = useTargets();
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    let wentAt = -Infinity;
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const target = performance.now() - wentAt < sequenceMs ? targets[event.key] : undefined;
      wentAt = -Infinity;
      if (target) navigate(target[0]);
      else if (event.key === "g") wentAt = performance.now();
      else if (event.key === "c") focusOr("[data-shortcut=create]", latest.current.create);
      else if (event.key === "/") focusOr("[data-shortcut=search]", () => navigate("/links?focus"));
      else if (event.key === "?") latest.current.help();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [navigate, targets]);
}

function useTargets(): typeof goTo {
  return useAccount().role === "admin" ? adminGoTo : goTo;
}

function focusOr(selector: string, otherwise: () => void): void {
  const element = document.querySelector<HTMLInputElement>(selector);
  if (!element) return otherwise();
  element.focus();
  element.select();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && /^(checkbox|radio|button)$/.test(target.type))
  );
}

export function Shortcuts(props: { onClose: () => void }) {
  const targets = useTargets();
  const rows: [string[], string][] = [
    [["C"], "New link"],
    [["/"], "Search links"],
    [["J"], "Next link in the list"],
    [["K"], "Previous link in the list"],
    [["Esc"], "Close, or leave a field"],
    [["?"], "This list"],
    ...Object.entries(targets).map(
      ([key, [, label]]) => [["G", key.toUpperCase()], `Go to ${label}`] as [string[], string],
    ),
  ];
  return (
    <Dialog title="Keyboard shortcuts" onClose={props.onClose}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-5 gap-y-2">
        {rows.map(([keys, label]) => (
          <div key={label} className="contents">
            <dt className="flex gap-1">
              {keys.map((key) => (
                <kbd key={key} className="kbd">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd className="text-muted">{label}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
