import { AppError } from "../../../platform/errors/errors.ts";
import type { Role } from "../shapes.ts";

/**
 * Who may do what in a group or channel. In a direct conversation both are members and nobody is
 * above the other. Nobody acts on somebody of their own rank or above: an admin removes members,
 * an owner removes admins, and another owner only leaves.
 */
const allowed = {
  /** Title, description, who sends, slow mode, disappearing, events. */
  edit: ["owner", "admin"],
  add: ["owner", "admin"],
  invite: ["owner", "admin"],
  /** Sending others away, deleting what others wrote. */
  moderate: ["owner", "admin"],
  /** Words that are refused or masked here. */
  filter: ["owner", "admin"],
  /** Sending where only admins do, and without the waits of slow mode. */
  announce: ["owner", "admin"],
  /** Who reads a channel is known to those who run it. */
  list_followers: ["owner", "admin"],
  set_roles: ["owner"],
  delete: ["owner"],
} as const satisfies Record<string, readonly Role[]>;

export type Deed = keyof typeof allowed;

export function may(role: Role, deed: Deed): boolean {
  return (allowed[deed] as readonly Role[]).includes(role);
}

export function requireMay(role: Role, deed: Deed): void {
  if (may(role, deed)) return;
  const needed = allowed[deed].join(" or ");
  throw new AppError("chat.role_needed", `This takes the role ${needed}; yours is ${role}.`);
}

const rank: Record<Role, number> = { member: 0, admin: 1, owner: 2 };

/** Throws unless `role` may send one of `other` away. */
export function requireAbove(role: Role, other: Role): void {
  requireMay(role, "moderate");
  if (rank[role] > rank[other]) return;
  throw new AppError("chat.role_needed", `Your role, ${role}, is not above theirs, ${other}.`);
}
