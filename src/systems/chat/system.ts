import type { Authenticate } from "../../platform/auth/principal.ts";
import type { Platform } from "../../platform/platform.ts";
import type { System } from "../../platform/system.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { Limits } from "../limits/contract.ts";
import { createAdmitting } from "./conversations/admitting.ts";
import { createConversations } from "./conversations/conversations.ts";
import { createFeatures } from "./features/features.ts";
import { messageAudience } from "./features/audience.ts";
import { createFiles } from "./features/files.ts";
import { createLive } from "./live/live-part.ts";
import { createMessages, type Messages } from "./messages/messages.ts";
import { chatMigrations } from "./migrations.ts";

/** Chat: one-to-one, groups and channels, where no message is lost, doubled or out of order. */
export type ChatOptions = Platform & {
  nextId: () => string;
  accounts: Accounts;
  limits: Limits;
  authenticate: Authenticate;
  publicUrl: string;
};

/** What a part hands over: all may be left out. */
type Part = Partial<
  Pick<System, "routes" | "jobs" | "schedules" | "subscriptions" | "protocols" | "start" | "stop">
>;

export function chatSystem(options: ChatOptions): System {
  const parts = partsOf(options);
  return {
    name: "chat",
    migrations: chatMigrations,
    routes: parts.flatMap((part) => part.routes ?? []),
    jobs: parts.flatMap((part) => part.jobs ?? []),
    schedules: parts.flatMap((part) => part.schedules ?? []),
    subscriptions: parts.flatMap((part) => part.subscriptions ?? []),
    audiences: [messageAudience(options.db)],
    protocols: parts.flatMap((part) => part.protocols ?? []),
    async start() {
      for (const part of parts) await part.start?.();
    },
    async stop(deadline) {
      for (const part of parts.toReversed()) await part.stop?.(deadline);
    },
  };
}

/** In the order in which they start; they stop in the other. */
function partsOf(options: ChatOptions): Part[] {
  const live = createLive({ ...options, ports: () => messages });
  const { base, system } = { base: "/api/v1/chat/uploads", system: "chat" };
  const uploads = options.uploads.under({ system, base });
  const files = createFiles(uploads);
  const admitting = createAdmitting();
  const given = { ...options, live, files, admitting };
  const messages: Messages = createMessages({ ...given, attaching: files });
  const { listing, sending, insertNote } = messages;
  const conversations = createConversations({ ...given, listing, insertNote });
  const { partWith } = conversations;
  const features = createFeatures({ ...given, uploads, sending, partWith });
  return [messages, conversations, features, uploads, live];
}
