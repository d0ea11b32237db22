import type { ReactNode } from "react";
import { Button, CopyButton } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./page.tsx";

/** What is shown this once: Stoa itself cannot show it again. */
export function SecretDialog(props: {
  title: string;
  warning: string;
  secret: string;
  /** What it is, as a message tells that it was copied. */
  what: string;
  onClose: () => void;
  children?: ReactNode;
}) {
  return (
    <Dialog title={props.title} wide onClose={props.onClose}>
      <Notice kind="warn">{props.warning}</Notice>
      <div className="my-4 flex items-center gap-2">
        <code className="code min-w-0 grow" data-secret>
          {props.secret}
        </code>
        <CopyButton text={props.secret} what={props.what} label="Copy" />
      </div>
      {props.children}
      <div className="mt-5 flex justify-end">
        <Button kind="primary" onClick={props.onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
