import { accountOf, accountsOf, auditOf, healthOf, keysOf, sessionsOf } from "./accounts.ts";
import { callerOf } from "./api.ts";
import { chatOf } from "./conversations.ts";
import { limitsOf } from "./limits.ts";
import { domainsOf, linksOf, statsOf } from "./links.ts";
import { safetyOf } from "./safety.ts";
import { webhooksOf } from "./webhooks.ts";
import type { StoaOptions } from "./transport.ts";

export { verifyWebhook, WebhookVerificationError } from "./verify-webhook.ts";

/** The resources of Stoa. Every method takes what its route takes, and answers what it answers. */
export type Stoa = ReturnType<typeof createStoa>;

export function createStoa(options: StoaOptions) {
  const api = callerOf(options);
  return {
    sessions: sessionsOf(api),
    account: accountOf(api),
    accounts: accountsOf(api),
    keys: keysOf(api),
    audit: auditOf(api),
    links: linksOf(api),
    domains: domainsOf(api),
    stats: statsOf(api),
    webhooks: webhooksOf(api),
    safety: safetyOf(api),
    limits: limitsOf(api),
    chat: chatOf(api),
    health: healthOf(api),
  };
}
