import { useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { QuickCreateDialog } from "./links/quick-create.tsx";
import { useUnreadConversations } from "./chat/use-chat.ts";
import { placeGroups } from "./places.ts";
import { useAccount } from "./session.tsx";
import { Shortcuts, useShortcuts } from "./shortcuts.tsx";
import { signOut } from "./stoa.ts";
import { chooseTheme, useTheme, type Theme } from "./theme.ts";
import { Button, IconButton } from "./ui/button.tsx";
import { Dialog } from "./ui/dialog.tsx";
import { Segments } from "./ui/field.tsx";
import { Icon, Mark } from "./ui/icons.tsx";
import { messageOf } from "./messages.ts";
import { toast } from "./ui/toast.tsx";

/** The frame around every page: a column at the side, or a bar at the bottom of a phone. */
export function Shell(props: { children: ReactNode }) {
  const [open, setOpen] = useState<"create" | "help" | "menu" | null>(null);
  const close = () => setOpen(null);
  useShortcuts({ create: () => setOpen("create"), help: () => setOpen("help") });
  return (
    <div className="min-h-dvh md:grid md:grid-cols-[14rem_minmax(0,1fr)]">
      <a href="#content" className="skip-link">
        Skip to content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col overflow-y-auto border-r border-line px-3 py-4 md:flex">
        <Wordmark />
        <Button kind="primary" icon="plus" className="mt-4" onClick={() => setOpen("create")}>
          New link{" "}
          <kbd className="rounded border border-current px-1 font-sans text-[0.625rem] opacity-80">
            C
          </kbd>
        </Button>
        <Navigation />
        <div className="mt-auto pt-6">
          <Foot onHelp={() => setOpen("help")} />
        </div>
      </aside>
      <main id="content">{props.children}</main>
      <BottomBar onCreate={() => setOpen("create")} onMenu={() => setOpen("menu")} />
      {open === "create" && <QuickCreateDialog onClose={close} />}
      {open === "help" && <Shortcuts onClose={close} />}
      {open === "menu" && (
        <Dialog title="Menu" side onClose={close}>
          <Navigation onGo={close} />
          <div className="mt-6">
            <Foot />
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Wordmark() {
  return (
    <Link href="/" className="flex items-center gap-2.5 rounded-md px-2 py-1">
      <Mark />
      <span className="font-serif text-xl tracking-wide">Stoa</span>
    </Link>
  );
}

function Navigation(props: { onGo?: () => void }) {
  const account = useAccount();
  const [path] = useLocation();
  const isHere = (to: string) =>
    to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`);
  return (
    <nav aria-label="Main" className="mt-4 flex flex-col gap-4">
      {placeGroups.map((group) => {
        const places = group.places.filter((place) => !place.admin || account.role === "admin");
        if (places.length === 0) return null;
        return (
          <div key={group.title}>
            <p className="px-2 pb-1 text-xs text-muted">{group.title}</p>
            <ul>
              {places.map((place) => (
                <li key={place.to}>
                  <Link
                    href={place.to}
                    onClick={props.onGo}
                    aria-current={isHere(place.to) ? "page" : undefined}
                    className="nav-link"
                  >
                    <Icon name={place.icon} />
                    {place.label}
                    {place.to === "/chat" && <UnreadCount />}
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

function UnreadCount() {
  const unread = useUnreadConversations();
  if (unread === 0) return null;
  return (
    <span className="ml-auto rounded-full bg-accent px-1.5 text-xs leading-5 text-accent-ink tabular-nums">
      {unread}
      <span className="sr-only"> {unread === 1 ? "conversation" : "conversations"} unread</span>
    </span>
  );
}

const themes: { value: Theme; label: string }[] = [
  { value: "system", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

function Foot(props: { onHelp?: () => void }) {
  const account = useAccount();
  const theme = useTheme();
  const leave = () => signOut().catch((error: unknown) => toast(messageOf(error), "error"));
  return (
    <div className="flex flex-col gap-3">
      <Segments label="Theme" value={theme} options={themes} onChange={chooseTheme} />
      <div className="flex items-center gap-1 border-t border-line pt-3">
        <div className="min-w-0 grow px-2">
          <p className="truncate text-[0.8125rem] font-medium">{account.name}</p>
          <p className="truncate text-xs text-muted">{account.email}</p>
        </div>
        {props.onHelp && (
          <Button
            kind="quiet"
            className="btn-icon"
            aria-label="Keyboard shortcuts"
            onClick={props.onHelp}
          >
            ?
          </Button>
        )}
        <IconButton icon="exit" label="Sign out" onClick={leave} />
      </div>
    </div>
  );
}

function BottomBar(props: { onCreate: () => void; onMenu: () => void }) {
  const [path] = useLocation();
  return (
    <nav aria-label="Quick" className="bottom-bar">
      <Link href="/" className="bottom-link" aria-current={path === "/" ? "page" : undefined}>
        <Icon name="overview" className="size-5" />
        Overview
      </Link>
      <Link
        href="/links"
        className="bottom-link"
        aria-current={path === "/links" ? "page" : undefined}
      >
        <Icon name="links" className="size-5" />
        Links
      </Link>
      <Link
        href="/chat"
        className="bottom-link"
        aria-current={path.startsWith("/chat") ? "page" : undefined}
      >
        <Icon name="chat" className="size-5" />
        Chat
      </Link>
      <button type="button" className="bottom-link" onClick={props.onCreate}>
        <span className="-mb-0.5 flex h-5.5 w-10 items-center justify-center rounded-full bg-accent text-accent-ink">
          <Icon name="plus" className="size-4" />
        </span>
        New link
      </button>
      <button type="button" className="bottom-link" onClick={props.onMenu}>
        <Icon name="menu" className="size-5" />
        Menu
      </button>
    </nav>
  );
}
