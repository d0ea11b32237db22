import { useEffect, useRef, type ReactNode } from "react";
import { messageOf } from "../messages.ts";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icons.tsx";

/** A page: its title is also the window's, and is where the focus goes on arrival. */
export function Page(props: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · Stoa`;
  }, [props.title]);
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="mx-auto w-full max-w-5xl px-4 pt-5 pb-28 md:px-8 md:pt-8 md:pb-16">
      <header className="mb-5 flex flex-wrap items-end justify-between gap-x-4 gap-y-3">
        <div className="min-w-0">
          <h1 ref={heading} tabIndex={-1} className="font-serif text-2xl md:text-[1.75rem]">
            {props.title}
          </h1>
          {props.lead && <p className="mt-1 max-w-2xl text-muted">{props.lead}</p>}
        </div>
        {props.actions && <div className="flex flex-wrap gap-2">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

export function Card(props: {
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card min-w-0 p-4 md:p-5 ${props.className ?? ""}`}>
      {props.title && (
        <header className="mb-3 flex flex-wrap items-start justify-between gap-2">
          <div className="min-w-0">
            <h2 className="text-sm font-semibold">{props.title}</h2>
            {props.note && <p className="hint mt-0.5">{props.note}</p>}
          </div>
          {props.actions}
        </header>
      )}
      {props.children}
    </section>
  );
}

/** Nothing here yet: what this place is for and the way to the first one. */
export function Empty(props: {
  icon: IconName;
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="card flex flex-col items-center px-6 py-12 text-center">
      <div className="empty-icon">
        <Icon name={props.icon} className="size-5" />
      </div>
      <h2 className="font-serif text-lg">{props.title}</h2>
      <div className="mt-1 mb-4 max-w-md text-muted">{props.children}</div>
      {props.action}
    </div>
  );
}

export function Failed(props: { error: unknown; retry?: () => void; what: string }) {
  return (
    <div role="alert" className="card flex flex-wrap items-center gap-3 border-danger/50 p-4">
      <Icon name="warning" className="size-5 shrink-0 text-danger" />
      <div className="min-w-0 grow">
        <p className="font-medium">{props.what} could not be loaded</p>
        <p className="text-muted">{messageOf(props.error)}</p>
      </div>
      {props.retry && (
        <Button icon="retry" onClick={props.retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Grey bars where the content will stand, so that nothing jumps when it comes. */
export function Loading(props: { rows?: number; height?: "row" | "card" }) {
  const height = props.height === "card" ? "h-40" : "h-14";
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2">
      {Array.from({ length: props.rows ?? 4 }, (_, i) => (
        <div key={i} className={`skeleton ${height}`} />
      ))}
    </div>
  );
}

export function Notice(props: { kind?: "info" | "warn" | "danger"; children: ReactNode }) {
  const look = {
    info: "bg-accent-soft text-ink",
    warn: "bg-warn-soft text-warn",
    danger: "bg-danger-soft text-danger",
  };
  return (
    <div className={`rounded-lg px-3 py-2 ${look[props.kind ?? "info"]}`}>{props.children}</div>
  );
}

export function Badge(props: { kind?: "plain" | "good" | "warn" | "danger"; children: ReactNode }) {
  const look = {
    plain: "bg-sunken text-muted",
    good: "bg-accent-soft text-accent",
    warn: "bg-warn-soft text-warn",
    danger: "bg-danger-soft text-danger",
  };
  return <span className={`badge ${look[props.kind ?? "plain"]}`}>{props.children}</span>;
}
