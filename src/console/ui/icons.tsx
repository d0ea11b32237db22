/** Line icons on a 16-unit grid, drawn in the colour of the text around them. */
const paths = {
  overview: "M2.5 13.5v-5M6.2 13.5v-9M9.8 13.5v-6.5M13.5 13.5v-11",
  links:
    "M6.8 9.2a2.8 2.8 0 0 0 4 0l2-2a2.8 2.8 0 0 0-4-4l-.8.8M9.2 6.8a2.8 2.8 0 0 0-4 0l-2 2a2.8 2.8 0 0 0 4 4l.8-.8",
  bulk: "M8 2v7.5M4.8 6.5 8 9.7l3.2-3.2M2.5 11v1.5a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1V11",
  domains:
    "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM2 8h12M8 2c2 1.7 2.6 3.8 2.6 6S10 12.3 8 14c-2-1.7-2.6-3.8-2.6-6S6 3.7 8 2z",
  webhooks:
    "M5.5 10.5 8 6a2.5 2.5 0 1 0-2-1M5.5 10.500a2 2 0 1 1-2-2M10.5 10.800H5.500M8 6l2.5 4.300M10.3 9.200a2 2 0 1 1-.3 2.6",
  keys: "M9.5 6.500a3 3 0 1 0-2.8 2.99L8 10.800h1.500v1.500H11v1.500h2.500v-2.300L9.3 7.300zM5.8 5.700h.01",
  devices: "M2.5 3.500h11v7h-11zM6 13.500h4M8 10.500v3",
  audit: "M4 2.500h8v11H4zM6 5.500h4M6 8h4M6 10.500h2.5",
  health: "M2 8.500h3l1.5-4 3 7 1.5-3h3",
  reports: "M3.5 13.500v-11h8l-1.5 3 1.5 3h-8",
  accounts:
    "M6 7.500a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.600zM2 13.500c0-2.4 1.6-4 4-4s4 1.6 4 4M10.5 3.200a2.3 2.3 0 0 1 0 4M11.5 9.700c1.5.5 2.5 1.9 2.5 3.8",
  limits: "M2.5 12a5.5 5.5 0 1 1 11 0M8 12l2.500-4M4.5 12h.01M11.5 12h.01",
  settings: "M3 4.500h6M12 4.500h1M3 11.500h1M7 11.500h6M10.5 3v3M5.5 10v3",
  plus: "M8 3v10M3 8h10",
  search: "M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.300l3.2 3.2",
  copy: "M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3",
  check: "m3 8.5 3.2 3.200L13 5",
  close: "m4 4 8 8M12 4l-8 8",
  menu: "M2.5 4.500h11M2.5 8h11M2.5 11.500h11",
  trash: "M3 4.500h10M6 4.500v-2h4v2M4.5 4.500l.5 9h6l.5-9M6.8 7v4M9.2 7v4",
  external: "M9 2.500h4.500V7M13.5 2.5 7.5 8.500M11.5 9v4.500h-9v-9H7",
  back: "M9.5 3.5 5 8l4.5 4.5",
  next: "M6.5 3.5 11 8l-4.5 4.5",
  qr: "M2.5 2.500h4v4h-4zM9.5 2.500h4v4h-4zM2.5 9.500h4v4h-4zM9.5 9.500h1.500v1.500M13.5 9.500v1.500M9.5 13.500h1.500M13.5 13.500v-.5",
  edit: "M10.5 3 13 5.5 6 12.500H3.500V10zM9 4.5 11.5 7",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.7M11.9 11.900l.7.7M3.4 12.600l.7-.7M11.9 4.100l.7-.7",
  moon: "M13 9.500A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.500z",
  auto: "M8 2.500a5.5 5.5 0 1 0 0 11zM8 2.500a5.5 5.5 0 0 1 0 11",
  exit: "M6.5 2.500h-4v11h4M10 5l3 3-3 3M13 8H6",
  warning: "M8 2.5 14 13H2zM8 6.500v3M8 11.300v.2",
  lock: "M4 7.500h8v6H4zM5.5 7.500V5.300a2.5 2.5 0 0 1 5 0v2.2",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.800V8l2.2 1.5",
  route: "M3.5 13.500v-4c0-2 1-3 3-3h6M10 4l2.5 2.500L10 9M3.5 9.500v-7",
  up: "M8 13V3.500M4 7l4-4 4 4",
  down: "M8 3v9.500M4 9l4 4 4-4",
  play: "M5 3.5 12 8l-7 4.500z",
  pause: "M5.500 3.500v9M10.500 3.500v9",
  mic: "M8 2a2 2 0 0 0-2 2v4a2 2 0 0 0 4 0V4a2 2 0 0 0-2-2zM3.500 7.500a4.500 4.500 0 0 0 9 0M8 12v2",
  retry: "M13 8a5 5 0 1 1-1.5-3.500L13 6M13 2.800V6H9.8",
  chat: "M2.5 3.500h11v7.500H8l-3 2.500v-2.500H2.500z",
  send: "M2.5 8h6M2.5 13.500 14 8 2.5 2.500l1.500 5.500z",
  attach:
    "m12.500 7.300-5 5a3 3 0 0 1-4.200-4.200l5.300-5.300a2 2 0 0 1 2.800 2.800l-5.200 5.200a.9.9 0 0 1-1.300-1.300l4.600-4.600",
  smile:
    "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.500 9.500c.6 1 1.500 1.500 2.500 1.500s1.900-.5 2.500-1.500M6 6.300h.01M10 6.300h.01",
  reply: "M6.500 4 2.500 7.500l4 3.500M2.500 7.500h6.500c3 0 4.500 1.500 4.500 5",
  forward: "m9.500 4 4 3.500-4 3.500M13.500 7.500H7c-3 0-4.500 1.500-4.500 5",
  more: "M3 8h.800M7.600 8h.800M12.200 8h.800",
  pin: "M6 2.500h4l-.5 4.500 2 2h-7l2-2zM8 9v4.500",
  mute: "M3 3l10 10M4.500 10.500V7a3.500 3.500 0 0 1 .6-2M7 3.600A3.500 3.500 0 0 1 11.500 7v2.500M4.500 10.500h6M7 12.500c.4.7 1.600.7 2 0",
  archive: "M2.500 3h11v3h-11zM3.500 6v7h9V6M6.500 8.500h3",
  thread: "M3 3.500h10M3 7h10M6 10.500h7M3 7v3.500M3 10.500h1",
  poll: "M3 3v10M3 4.500h8M3 8h5M3 11.500h10",
  tick: "m3 8.500 3.200 3.200L13 5",
  ticks: "m1 8.500 3 3 6-6.500M7.500 10.700l.8.800L14.500 5",
  info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.500v3.500M8 5.200h.01",
  shield: "M8 2l5 2v4c0 3-2 5-5 6-3-1-5-3-5-6V4z",
  file: "M4 2.500h5l3 3v8H4zM9 2.500v3h3",
} as const;

export type IconName = keyof typeof paths;

export function Icon(props: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      className={props.className ?? "size-4 shrink-0"}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.35"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[props.name]} />
    </svg>
  );
}

/** A portico: what a stoa is. */
export function Mark(props: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={props.className ?? "size-6"} aria-hidden="true">
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path
        className="fill-accent-ink"
        d="M6 11 16 5l10 6zM7 25h18v2H7zM9 13h2.600v10H9zM14.7 13h2.600v10h-2.600zM20.4 13H23v10h-2.600z"
      />
    </svg>
  );
}
