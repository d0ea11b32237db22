import type { Subscription } from "../../../platform/events/events.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import { accountCreated, accountDeleted, accountRenamed } from "../../accounts/contract.ts";
import { advance } from "../log.ts";
import { dropBlocks } from "./blocks.ts";
import type { Deps } from "./deps.ts";
import { revokeInvitesOf } from "./invites.ts";
import { conversationsOf, findMember, touchMember } from "./member-store.ts";
import { depart } from "./membership.ts";
import { eraseName, refreshNames } from "./people.ts";
import { lockConversation } from "./store.ts";
import { tellChange } from "./tell.ts";

/**
 * What accounts tell of people. A person may be in many conversations, so each has a transaction of
 * its own; an event that comes twice, or that was handled by half, is handled to its end.
 */
export function personEvents(deps: Deps): Subscription[] {
  return [
    {
      name: "chat.new_people",
      types: [accountCreated.type],
      async handle(event) {
        const { id } = accountCreated.schema.parse(event.data);
        await deps.db.write((tx) => refreshNames(tx, deps, [id]));
      },
    },
    {
      name: "chat.renamed_people",
      types: [accountRenamed.type],
      async handle(event, signal) {
        const { id } = accountRenamed.schema.parse(event.data);
        await deps.db.write((tx) => refreshNames(tx, deps, [id]));
        await tellName(deps, id, signal);
      },
    },
    {
      name: "chat.former_people",
      types: [accountDeleted.type],
      handle: (event, signal) => partWith(deps, accountDeleted.schema.parse(event.data).id, signal),
    },
  ];
}

/** Where members see each other, they see the new name. */
async function tellName(deps: Deps, accountId: string, signal: AbortSignal): Promise<void> {
  await inEach(deps, accountId, signal, async (id) => {
    await deps.db.write(async (tx) => {
      const { kind } = await lockConversation(tx, id);
      if (kind === "channel") return;
      const row = await advance(tx, id);
      await touchMember(tx, row, accountId);
      await tellChange(tx, deps, row);
    });
  });
}

/**
 * Takes a person out of everything: their name goes, they leave every conversation, and nobody is
 * blocked or invited by them any more. What they wrote stays. May be called again.
 */
export async function partWith(deps: Deps, accountId: string, signal: AbortSignal): Promise<void> {
  const now = new Date(deps.clock.now());
  await deps.db.write(async (tx) => {
    await eraseName(tx, accountId, now);
    await dropBlocks(tx, accountId);
    await revokeInvitesOf(tx, accountId, now);
  });
  await inEach(deps, accountId, signal, async (id) => {
    await deps.db.write(async (tx) => {
      const conversation = await lockConversation(tx, id);
      const member = await findMember(tx, id, accountId);
      if (!member || member.left_at !== null) return;
      await depart(tx, deps, conversation, { accountId, by: accountId, role: member.role });
    });
  });
}

const pageSize = 100;

async function inEach(
  { db }: Deps,
  accountId: string,
  signal: AbortSignal,
  work: (conversationId: string) => Promise<void>,
): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const page: string[] = await conversationsOf(db, accountId, { after, limit: pageSize });
    for (const id of page) {
      signal.throwIfAborted();
      await work(id).catch(unlessGone);
    }
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

/** A conversation that was deleted meanwhile needs nothing. */
function unlessGone(error: unknown): void {
  if (!(error instanceof AppError && error.code === "chat.not_found")) throw error;
}
