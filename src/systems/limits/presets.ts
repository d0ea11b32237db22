import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { definitionOf, type Definition } from "./rules.ts";
import { announceChange, findPresets, insertRule, type RuleRow, updateRule } from "./store.ts";

/**
 * The rules that Stoa starts with. Those for its own systems are asked for by name in their code,
 * so they can be edited and switched off but not removed or renamed. Where a setting gives a
 * number, it does so until somebody edits that rule; from then on the rule is what counts.
 */
const minuteMs = 60_000;
const hourMs = 3_600_000;
const apiPerMinute = 600;
const passwordTriesPerMinute = 10;
const reportsPerHour = 10;
const liveStreamsPerOwner = 20;
const chatOpensPerHour = 100;
const chatAddsPerHour = 300;
const chatInvitesPerHour = 100;
const chatInviteTriesPerHour = 60;
const chatSearchesPerMinute = 60;
const chatReportsPerHour = 30;
const chatTicketsPerMinute = 60;
const chatUploadsPerMinute = 60;
const chatPreviewsPerMinute = 30;
const chatFramesPerMinute = 3_000;
/** Longer than a live stream is kept open, for places of processes that were killed. */
const streamLeaseMs = 900_000;
const service = { service: true, key_fallback: [] as string[] };

export type PresetConfig = Pick<
  Config,
  | "signInsPerAccountPerHour"
  | "signInsPerAddressPerHour"
  | "linkAliasesPerOwnerMax"
  | "chatSendsPerMinute"
>;

export function presetsOf(config: PresetConfig): Definition[] {
  return [
    definitionOf({
      ...{ ...service, name: "accounts.sign_in.per_account", algorithm: "token_bucket" },
      description: "Failed sign-ins of one account. `account` is a hash of the e-mail address.",
      ...{ limit: config.signInsPerAccountPerHour, window_ms: hourMs, key: ["account"] },
    }),
    definitionOf({
      ...{ ...service, name: "accounts.sign_in.per_address", algorithm: "token_bucket" },
      description: "Failed sign-ins and sign-ups of one address.",
      ...{ limit: config.signInsPerAddressPerHour, window_ms: hourMs, key: ["ip"] },
    }),
    definitionOf({
      ...{ ...service, name: "links.aliases", algorithm: "concurrency" },
      description: "Live aliases of one owner. They are counted where they are stored.",
      ...{ limit: config.linkAliasesPerOwnerMax, window_ms: hourMs, key: ["user"] },
    }),
    definitionOf({
      ...{ ...service, name: "links.password_tries", algorithm: "sliding_log" },
      description: "Wrong passwords for one link from one address.",
      ...{ limit: passwordTriesPerMinute, window_ms: minuteMs, key: ["link", "ip"] },
    }),
    definitionOf({
      ...{ ...service, name: "links.reports", algorithm: "sliding_log" },
      description: "Reports of links from one address.",
      ...{ limit: reportsPerHour, window_ms: hourMs, key: ["ip"] },
    }),
    definitionOf({
      ...{ ...service, name: "links.live_streams", algorithm: "concurrency" },
      description: "Live streams of clicks that one owner may have open.",
      ...{ limit: liveStreamsPerOwner, window_ms: streamLeaseMs, key: ["user"] },
    }),
    ...chatPresets(config),
    definitionOf({
      ...{ name: "api.per_key", algorithm: "token_bucket", mode: "shadow" },
      description: "What one key or address asks of the API. Only counts until it is enforced.",
      ...{ routes: ["/api/v1/*"], limit: apiPerMinute, window_ms: minuteMs },
      ...{ key: ["api_key"], key_fallback: ["ip"], accuracy: "local" },
    }),
  ];
}

function chatPresets({ chatSendsPerMinute }: PresetConfig): Definition[] {
  const perAccount: [name: string, what: string, limit: number, window_ms: number][] = [
    ["chat.sends", "Messages sent", chatSendsPerMinute, minuteMs],
    ["chat.opens", "Conversations opened", chatOpensPerHour, hourMs],
    ["chat.adds", "Calls that add people to conversations", chatAddsPerHour, hourMs],
    ["chat.invites", "Invite links made", chatInvitesPerHour, hourMs],
    ["chat.invite_tries", "Invite links looked at or joined by", chatInviteTriesPerHour, hourMs],
    ["chat.searches", "Searches for people and messages", chatSearchesPerMinute, minuteMs],
    ["chat.reports", "Messages reported", chatReportsPerHour, hourMs],
    ["chat.tickets", "Tickets for connections", chatTicketsPerMinute, minuteMs],
    ["chat.uploads", "Files offered a place", chatUploadsPerMinute, minuteMs],
    ["chat.previews", "Pages fetched for links in messages", chatPreviewsPerMinute, minuteMs],
  ];
  const presets = perAccount.map(([name, what, limit, window_ms]) =>
    definitionOf({
      ...{ ...service, name, algorithm: "token_bucket", limit, window_ms, key: ["user"] },
      description: `${what} by one account.`,
      // Whoever talks goes on talking while Redis is away; what it costs is counted here alone.
      on_failure: "open",
      // Asked for every message: most of them need not wait for an answer from elsewhere.
      ...(name === "chat.sends" && { accuracy: "leased" as const }),
    }),
  );
  const frames = definitionOf({
    ...{ ...service, name: "chat.frames", algorithm: "token_bucket", key: ["user"] },
    // Asked for every frame: an answer from another machine would cost more than the frame.
    ...{ limit: chatFramesPerMinute, window_ms: minuteMs, accuracy: "local" },
    description: "Frames of one account on all its connections, heartbeats apart.",
  });
  return [...presets, frames];
}

/** Makes the presets that are missing, and brings those that nobody edited to the settings. */
export async function ensurePresets(
  options: { db: Db; clock: Clock; nextId: () => string },
  presets: readonly Definition[],
): Promise<void> {
  const { db, clock } = options;
  if (stale(await findPresets(db), presets).length === 0) return;
  await db.write(async (tx) => {
    await announceChange(tx);
    // Again, as another process may have been first.
    for (const { definition, before } of stale(await findPresets(tx), presets)) {
      const made = {
        definition,
        preset: true,
        updated_by: null,
        updated_at: new Date(clock.now()),
      };
      if (before) await updateRule(tx, { ...made, id: before.id, version: before.version + 1 });
      else await insertRule(tx, { ...made, id: options.nextId(), version: 1 });
    }
  });
}

function stale(rows: readonly RuleRow[], presets: readonly Definition[]) {
  const found = presets.map((definition) => {
    const before = rows.find((row) => row.definition.name === definition.name) ?? null;
    return { definition, before };
  });
  return found.filter(({ definition, before }) => {
    if (before === null) return true;
    return before.updated_by === null && !Bun.deepEquals(before.definition, definition);
  });
}
