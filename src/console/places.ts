import type { IconName } from "./ui/icons.tsx";

/** Where the menu leads, as it is grouped there. */
type Place = { to: string; label: string; icon: IconName; admin?: boolean };

export const placeGroups: { title: string; places: Place[] }[] = [
  {
    title: "Short links",
    places: [
      { to: "/", label: "Overview", icon: "overview" },
      { to: "/links", label: "Links", icon: "links" },
      { to: "/bulk", label: "Bulk and import", icon: "bulk" },
      { to: "/domains", label: "Domains", icon: "domains" },
    ],
  },
  { title: "People", places: [{ to: "/chat", label: "Chat", icon: "chat" }] },
  {
    title: "Programs",
    places: [
      { to: "/keys", label: "API keys", icon: "keys" },
      { to: "/webhooks", label: "Webhooks", icon: "webhooks" },
    ],
  },
  {
    title: "You",
    places: [
      { to: "/account", label: "Account", icon: "devices" },
      { to: "/audit", label: "Audit log", icon: "audit" },
    ],
  },
  {
    title: "Administration",
    places: [
      { to: "/health", label: "System health", icon: "health", admin: true },
      { to: "/reports", label: "Reports", icon: "reports", admin: true },
      { to: "/moderation", label: "Moderation", icon: "shield", admin: true },
      { to: "/accounts", label: "Accounts", icon: "accounts", admin: true },
      { to: "/limits", label: "Limits", icon: "limits", admin: true },
    ],
  },
];
