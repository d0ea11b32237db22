import type { Platform } from "../../platform/platform.ts";
import type { System } from "../../platform/system.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { Limits } from "../limits/contract.ts";
import type { Live } from "./live.ts";
import { chatMigrations } from "./migrations.ts";

/** Chat: one-to-one, groups and channels, where no message is lost, doubled or out of order. */
export type ChatOptions = Platform & {
  nextId: () => string;
  accounts: Accounts;
  limits: Limits;
  publicUrl: string;
};

/** What each part of chat is made from; it takes what it needs. */
export type ChatDeps = ChatOptions & { live: Live };

/** What a part hands over: all may be left out. */
export type Part = Partial<
  Pick<System, "routes" | "jobs" | "schedules" | "subscriptions" | "start" | "stop">
>;

export function chatSystem(options: ChatOptions): System {
  const live: Live = { message() {}, conversation() {}, receipts() {}, own() {} };
  const deps: ChatDeps = { ...options, live };
  const parts: Part[] = partsOf(deps);
  return {
    name: "chat",
    migrations: chatMigrations,
    routes: parts.flatMap((part) => part.routes ?? []),
    jobs: parts.flatMap((part) => part.jobs ?? []),
    schedules: parts.flatMap((part) => part.schedules ?? []),
    subscriptions: parts.flatMap((part) => part.subscriptions ?? []),
    async start() {
      for (const part of parts) await part.start?.();
    },
    async stop(deadline) {
      for (const part of parts.toReversed()) await part.stop?.(deadline);
    },
  };
}

/** In the order in which they start; they stop in the other. */
function partsOf(_deps: ChatDeps): Part[] {
  return [];
}
