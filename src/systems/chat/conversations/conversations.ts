import type { System } from "../../../platform/system.ts";
import { adminRoutes } from "./admin-http.ts";
import { conversationRoutes } from "./conversations-http.ts";
import type { Deps } from "./deps.ts";
import { inviteRoutes } from "./invites-http.ts";
import { memberRoutes } from "./members-http.ts";
import { anyPerson, backfillPeople } from "./people.ts";
import { peopleRoutes } from "./people-http.ts";
import { partWith, personEvents } from "./person-events.ts";
import { safetyRoutes } from "./safety-http.ts";
import { goneKind, tellGone } from "./settings.ts";

/** Conversations: how they come to be, who is in them and what keeps people safe there. */
export type Conversations = Required<
  Pick<System, "routes" | "jobs" | "subscriptions" | "start">
> & {
  /** Takes a person out of everything, as when their account is deleted. May be called again. */
  partWith(accountId: string, signal: AbortSignal): Promise<void>;
};

const backfillKind = "chat.people_backfill";
const timeoutMs = 300_000;

export function createConversations(deps: Deps): Conversations {
  return {
    routes: [
      ...conversationRoutes(deps),
      ...memberRoutes(deps),
      ...inviteRoutes(deps),
      ...peopleRoutes(deps),
      ...safetyRoutes(deps),
      ...adminRoutes(deps),
    ],
    jobs: [
      {
        kind: goneKind,
        timeoutMs,
        run: ({ payload }, signal) =>
          tellGone(deps, (payload as { conversation_id: string }).conversation_id, signal),
      },
      { kind: backfillKind, timeoutMs, run: (_, signal) => backfillPeople(deps, signal) },
    ],
    subscriptions: personEvents(deps),
    async start() {
      // Only where accounts are older than chat: later ones come by their events.
      if (await anyPerson(deps.db)) return;
      const job = { kind: backfillKind, payload: {}, key: backfillKind };
      await deps.db.write((tx) => deps.jobs.enqueue(tx, job));
    },
    partWith: (accountId, signal) => partWith(deps, accountId, signal),
  };
}
