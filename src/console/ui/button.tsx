import type { ButtonHTMLAttributes, ReactNode } from "react";
import { useEffect, useRef, useState } from "react";
import { Icon, type IconName } from "./icons.tsx";
import { toast } from "./toast.tsx";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconName;
  /** Shows that the work has begun and keeps a second click from starting it again. */
  busy?: boolean;
  children?: ReactNode;
};

export function Button({ kind = "plain", icon, busy, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : rest.onClick}
      className={`btn btn-${kind} ${className ?? ""}`}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Its label is for screen readers and shows as a tooltip. */
export function IconButton(props: Omit<ButtonProps, "children"> & { label: string }) {
  const { label, className, kind = "quiet", ...rest } = props;
  return (
    <Button
      {...rest}
      kind={kind}
      aria-label={label}
      title={label}
      className={`btn-icon ${className ?? ""}`}
    />
  );
}

export function Spinner() {
  return (
    <svg viewBox="0 0 16 16" className="size-4 animate-spin" fill="none" aria-hidden="true">
      <circle cx="8" cy="8" r="6" stroke="currentColor" strokeOpacity=".3" strokeWidth="2" />
      <path d="M14 8a6 6 0 0 0-6-6" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}

export async function copyText(text: string, what: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
    return true;
  } catch {
    toast(`This browser did not allow copying. ${what}: ${text}`, "error");
    return false;
  }
}

export function CopyButton(props: { text: string; what: string; label?: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    if (!(await copyText(props.text, props.what))) return;
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 1_500);
  };
  const icon = done ? "check" : "copy";
  if (props.label) {
    return (
      <Button icon={icon} onClick={copy}>
        {props.label}
      </Button>
    );
  }
  return <IconButton icon={icon} label={`Copy ${props.what.toLowerCase()}`} onClick={copy} />;
}
