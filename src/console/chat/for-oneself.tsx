import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ConversationSummary } from "../../../sdk/chat/view.ts";
import { dateTime, isPast } from "../messages.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/field.tsx";
import { attempt } from "./attempt.ts";

/** What a conversation is to oneself, on all devices; nobody else is told. */
const spans = [
  { value: "0", label: "Notify me" },
  { value: "3600", label: "Mute for an hour" },
  { value: "28800", label: "Mute for 8 hours" },
  { value: "604800", label: "Mute for a week" },
  { value: "3153600000", label: "Mute until I say otherwise" },
] as const;
/** Nobody wants to read the year in which a mute for good ends. */
const endless = "2100";

export function ForOneself(props: { room: ConversationClient; summary: ConversationSummary }) {
  const { room, summary } = props;
  const { muted_until: until, archived } = summary.own;
  const muted = until !== null && !isPast(until);
  const current = muted
    ? [{ value: "now", label: until > endless ? "Muted" : `Muted until ${dateTime(until)}` }]
    : [];
  const mute = (span: string) => {
    const end = span === "0" ? null : new Date(Date.now() + Number(span) * 1_000);
    void attempt(room.mute(end), end ? "Muted" : "You will be notified");
  };
  return (
    <section aria-label="For you alone" className="flex flex-col gap-3">
      <Select
        label="Notifications"
        value={muted ? "now" : "0"}
        options={[...current, ...spans]}
        onChange={mute}
      />
      <Button
        icon="archive"
        className="self-start"
        onClick={() => attempt(room.archive(!archived), archived ? "Back in the list" : "Archived")}
      >
        {archived ? "Take out of the archive" : "Archive"}
      </Button>
    </section>
  );
}
