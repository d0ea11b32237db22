import { useSyncExternalStore } from "react";
import { Icon } from "./icons.tsx";

/** Short messages in a corner, read out by screen readers, gone by themselves. */
type Toast = { id: number; text: string; kind: "done" | "error"; undo?: () => void };

const shownMs = 5_000;
const shownErrorMs = 10_000;
const shownMax = 3;

let toasts: Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

export function toast(text: string, kind: Toast["kind"] = "done", undo?: () => void): void {
  const id = ++lastId;
  change([...toasts.slice(1 - shownMax), { id, text, kind, undo }]);
  setTimeout(() => dismiss(id), kind === "error" ? shownErrorMs : shownMs);
}

function dismiss(id: number): void {
  change(toasts.filter((entry) => entry.id !== id));
}

function change(next: Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div aria-live="polite" className="toasts">
      {shown.map((entry) => (
        <div key={entry.id} className="toast enter">
          <Icon name={entry.kind === "error" ? "warning" : "check"} />
          <span className="min-w-0 grow">{entry.text}</span>
          {entry.undo && (
            <button
              type="button"
              className="rounded px-2 py-1 font-medium underline underline-offset-2"
              onClick={() => {
                entry.undo?.();
                dismiss(entry.id);
              }}
            >
              Undo
            </button>
          )}
          <button
            type="button"
            aria-label="Dismiss"
            className="rounded p-1.5 hover:opacity-70"
            onClick={() => dismiss(entry.id)}
          >
            <Icon name="close" className="size-3.5" />
          </button>
        </div>
      ))}
    </div>
  );
}
