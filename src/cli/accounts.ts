import type { Platform } from "../platform/platform.ts";
import type { Accounts } from "../systems/accounts/contract.ts";
import type { AccountsSystem, Operations } from "../systems/accounts/system.ts";
import type { Limits } from "../systems/limits/contract.ts";
import type { Call } from "./call.ts";
import { withPlatform } from "./workplace.ts";

/** Accounts without a server: the same functions, which tell running ones what they changed. */
export async function withOperations<T>(
  call: Call,
  work: (place: Pick<Platform, "db" | "clock"> & { operations: Operations }) => Promise<T>,
): Promise<T> {
  return await withPlatform(call, async (platform) => {
    const { operations } = await openAccounts(platform);
    return await work({ ...platform, operations });
  });
}

/** Not started: nothing here listens or runs in the background. */
export async function openAccounts(
  platform: Platform,
): Promise<AccountsSystem & { limits: Limits }> {
  const { accountsSystem } = await import("../systems/accounts/system.ts");
  const { limitsSystem } = await import("../systems/limits/system.ts");
  const nextId = platform.ids.next;
  const audit: Accounts["audit"] = (tx, entry) => accounts.contract.audit(tx, entry);
  const limiting = await limitsSystem({ ...platform, nextId, audit, routes: () => [] });
  const accounts = accountsSystem({ ...platform, nextId, limits: limiting.contract });
  return { ...accounts, limits: limiting.contract };
}
