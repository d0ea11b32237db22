import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Button, IconButton } from "./button.tsx";

/** The browser's own modal dialog: it keeps the focus inside, and Escape closes it. */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
  /** Slides in from the side, as the phone's menu does. */
  side?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    focusField(dialog);
    return () => dialog?.close();
  }, []);
  const width = props.wide ? "max-w-2xl" : "max-w-md";
  const place = props.side ? "dialog-side" : `dialog-center ${width}`;
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      className={`dialog enter ${place}`}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === ref.current) props.onClose();
      }}
    >
      <div className="p-5">
        <header className="mb-4 flex items-start justify-between gap-3">
          <h2 id={titleId} className="font-serif text-xl">
            {props.title}
          </h2>
          <IconButton icon="close" label="Close" className="-mt-1 -mr-2" onClick={props.onClose} />
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/** What is to be filled in comes before the way out; a finger opens the keyboard when it wants to. */
function focusField(dialog: HTMLDialogElement | null): void {
  if (matchMedia("(pointer: coarse)").matches) return;
  const fields = "form :is(input:not([type=radio], [type=checkbox]), textarea, select)";
  const [first] = dialog?.querySelectorAll<HTMLElement>(fields) ?? [];
  first?.focus();
}

/** Asks before what cannot be taken back. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  action: string;
  /** What not doing it is called. */
  keep?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await props.onConfirm();
      props.onClose();
    } catch {
      // Whoever gave the action has told what went wrong.
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <div className="text-muted">{props.children}</div>
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={props.onClose}>{props.keep ?? "Keep it"}</Button>
        <Button kind="danger" busy={busy} onClick={confirm}>
          {props.action}
        </Button>
      </div>
    </Dialog>
  );
}
