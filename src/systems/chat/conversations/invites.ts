import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { ConversationRow } from "../rows.ts";
import { requireNotBanned } from "./bans.ts";
import type { Deps } from "./deps.ts";
import { join, requireShared } from "./membership.ts";
import { requireMay } from "./roles.ts";
import * as store from "./store.ts";

/**
 * Links that let whoever has one join. A token is 192 random bits, shown once; what is stored is
 * its SHA-256, which is enough for what cannot be guessed. One that is unknown, used up, revoked
 * or too old answers as none.
 */
export type Invite = {
  id: string;
  conversation_id: string;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  uses_max: number | null;
  uses: number;
};

const tokenBytes = 24;
const invitesPerConversationMax = 50;

export async function invite(
  tx: Writer,
  deps: Deps,
  wanted: { id: string; by: string; expires_at: Date | null; uses_max: number | null },
): Promise<{ invite: Invite; token: string }> {
  const { id, by, expires_at, uses_max } = wanted;
  const { conversation, role } = await store.lockMembership(tx, id, by);
  requireShared(conversation);
  requireMay(role, "invite");
  await requireNotBanned(tx, by, deps.clock.now());
  const now = new Date(deps.clock.now());
  const live = await listInvites(tx, id, now);
  if (live.length >= invitesPerConversationMax) {
    const message = `There are ${invitesPerConversationMax} invite links here; revoke some first.`;
    throw new AppError("chat.limit", message);
  }
  const token = crypto.getRandomValues(new Uint8Array(tokenBytes)).toBase64({
    ...{ alphabet: "base64url", omitPadding: true },
  });
  const made = await tx.one<Invite>`
    INSERT INTO chat.invites
      (id, conversation_id, token_hash, created_by, created_at, expires_at, uses_max)
    VALUES (${deps.nextId()}, ${id}, ${hashOf(token)}, ${by}, ${now}, ${expires_at}, ${uses_max})
    RETURNING id, conversation_id, created_by, created_at, expires_at, uses_max, uses`;
  return { invite: made as Invite, token };
}

/** Those that are still good, for whoever may make them. */
export async function invitesFor(
  reader: Reader,
  deps: Deps,
  { id, by }: { id: string; by: string },
): Promise<Invite[]> {
  const { role } = await store.requireMembership(reader, id, by);
  requireMay(role, "invite");
  return await listInvites(reader, id, new Date(deps.clock.now()));
}

async function listInvites(reader: Reader, id: string, now: Date): Promise<Invite[]> {
  return await reader.all<Invite>`
    SELECT id, conversation_id, created_by, created_at, expires_at, uses_max, uses
    FROM chat.invites WHERE conversation_id = ${id} AND ${good(reader, now)}
    ORDER BY id DESC LIMIT ${invitesPerConversationMax}`;
}

export async function revokeInvite(
  tx: Writer,
  deps: Deps,
  { id, by, inviteId }: { id: string; by: string; inviteId: string },
): Promise<void> {
  const { role } = await store.lockMembership(tx, id, by);
  requireMay(role, "invite");
  const now = new Date(deps.clock.now());
  const revoked = await tx.run`
    UPDATE chat.invites SET revoked_at = ${now}
    WHERE id = ${inviteId} AND conversation_id = ${id} AND revoked_at IS NULL`;
  if (revoked === 0) throw new AppError("chat.not_found", "There is no such invite link.");
}

/** What a link leads to, for whoever is about to follow it. */
export async function findInvited(
  reader: Reader,
  deps: Deps,
  token: string,
): Promise<ConversationRow> {
  const row = await reader.one<{ conversation_id: string }>`
    SELECT conversation_id FROM chat.invites
    WHERE token_hash = ${hashOf(token)} AND ${good(reader, new Date(deps.clock.now()))}`;
  const conversation = row && (await store.findConversation(reader, { id: row.conversation_id }));
  if (!conversation) throw unknownInvite();
  return conversation;
}

/** Being a member already uses nothing up. */
export async function joinByInvite(
  tx: Writer,
  deps: Deps,
  { token, accountId }: { token: string; accountId: string },
): Promise<ConversationRow> {
  const now = deps.clock.now();
  const { id } = await findInvited(tx, deps, token);
  await requireNotBanned(tx, accountId, now);
  if (await join(tx, deps, { id, accountId })) {
    const used = await tx.run`
      UPDATE chat.invites SET uses = uses + 1
      WHERE token_hash = ${hashOf(token)} AND ${good(tx, new Date(now))}`;
    // The last use went to somebody else meanwhile.
    if (used === 0) throw unknownInvite();
  }
  return (await store.requireMembership(tx, id, accountId)).conversation;
}

function good(reader: Reader, now: Date): unknown {
  return reader.sql`revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
    AND (uses_max IS NULL OR uses < uses_max)`;
}

export async function revokeInvitesOf(tx: Writer, accountId: string, now: Date): Promise<void> {
  await tx.run`
    UPDATE chat.invites SET revoked_at = ${now}
    WHERE created_by = ${accountId} AND revoked_at IS NULL`;
}

function hashOf(token: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(token).digest();
}

function unknownInvite(): AppError {
  return new AppError("chat.not_found", "This invite link is not good, or not any more.");
}
