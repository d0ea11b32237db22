import type { FormEvent, ReactNode } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./page.tsx";

/** A dialog to be filled in. What is wrong with no field in particular stands above them all. */
export function FormDialog(props: {
  title: string;
  /** What sending it is called. */
  action: string;
  danger?: boolean;
  busy: boolean;
  /** Whether enough is filled in. */
  ready?: boolean;
  error: Error | null;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const { busy, ready = true, error } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready && !busy) props.onSubmit();
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {error && Object.keys(fieldErrors(error)).length === 0 && (
          <Notice kind="danger">{messageOf(error)}</Notice>
        )}
        {props.children}
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button
            kind={props.danger ? "danger" : "primary"}
            type="submit"
            busy={busy}
            disabled={!ready}
          >
            {props.action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
