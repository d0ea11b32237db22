import { z } from "zod";
import type { EventType } from "../../platform/events/events.ts";

/** What other systems may know of links: their events. */
const linkFacts = z.object({
  link_id: z.string(),
  code: z.string(),
  domain: z.string(),
  short_url: z.string(),
  url: z.string(),
});
export type LinkFacts = z.infer<typeof linkFacts>;

const withReason = linkFacts.extend({ reason: z.string() });

export const linkCreated: EventType<LinkFacts> = {
  type: "links.created",
  schema: linkFacts,
  summary: "A link was made.",
};
export const linkUpdated: EventType<LinkFacts> = {
  type: "links.updated",
  schema: linkFacts,
  summary: "A link was edited.",
};
export const linkDeleted: EventType<LinkFacts> = {
  type: "links.deleted",
  schema: linkFacts,
  summary: "A link was deleted; visitors get 410 from now on.",
};
export const linkQuarantined: EventType<z.infer<typeof withReason>> = {
  type: "links.quarantined",
  schema: withReason,
  summary: "A link now shows a warning instead of redirecting.",
};
export const linkReleased: EventType<LinkFacts> = {
  type: "links.released",
  schema: linkFacts,
  summary: "A quarantined link redirects again.",
};
export const linkDied: EventType<z.infer<typeof withReason>> = {
  type: "links.died",
  schema: withReason,
  summary: "The daily check found the target gone.",
};
const stopped = z.object({ reason: z.string() });
export const ownerQuarantined: EventType<z.infer<typeof stopped>> = {
  type: "links.owner_quarantined",
  schema: stopped,
  summary: "All links of the owner now show a warning instead of redirecting.",
};
export const ownerReleased: EventType<Record<string, never>> = {
  type: "links.owner_released",
  schema: z.object({}).strict() as z.ZodType<Record<string, never>>,
  summary: "The owner's links redirect again.",
};
const domainFacts = z.object({ domain_id: z.string(), host: z.string() });
const domainStopped = domainFacts.extend({ reason: z.string() });
export const domainQuarantined: EventType<z.infer<typeof domainStopped>> = {
  type: "links.domain_quarantined",
  schema: domainStopped,
  summary: "All links of a custom domain now show a warning instead of redirecting.",
};
export const domainReleased: EventType<z.infer<typeof domainFacts>> = {
  type: "links.domain_released",
  schema: domainFacts,
  summary: "The links of a quarantined domain redirect again.",
};
export const domainVerified: EventType<{ domain_id: string; host: string }> = {
  type: "links.domain_verified",
  schema: z.object({ domain_id: z.string(), host: z.string() }),
  summary: "A custom domain was proved and serves links.",
};
export const domainLost: EventType<{ domain_id: string; host: string }> = {
  type: "links.domain_lost",
  schema: z.object({ domain_id: z.string(), host: z.string() }),
  summary:
    "Another account has proved the host, where your own proof is gone; your links on it end.",
};
