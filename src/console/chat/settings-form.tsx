import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ConversationClient, ConversationSettings } from "../../../sdk/chat/client.ts";
import type { ConversationSummary } from "../../../sdk/chat/view.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { Button } from "../ui/button.tsx";
import { Field, Select, TextArea } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";
import { spanLabel } from "./labels.ts";

/** How a conversation is set up. Members read it; owners and admins change it. */
const slowModes = [0, 10, 30, 60, 300, 3_600];
const disappearing = [0, 3_600, 86_400, 604_800, 2_592_000];

const writers = [
  { value: "members", label: "All members" },
  { value: "admins", label: "Owners and admins only" },
] as const;
type SharedField = "title" | "description" | "send_by" | "slow_mode_seconds";

export function SettingsForm(props: { room: ConversationClient; summary: ConversationSummary }) {
  const { room, summary } = props;
  const { conversation, own } = summary;
  const [draft, setDraft] = useState<ConversationSettings>({});
  const save = useMutation({
    mutationFn: () => room.update(draft),
    onSuccess: () => {
      setDraft({});
      toast("Saved");
    },
  });
  const now = { ...conversation, ...draft };
  const direct = conversation.kind === "direct";
  const may = direct || own.role !== "member";
  const errors = fieldErrors(save.error);
  const change = (part: ConversationSettings) => setDraft({ ...draft, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  if (!may) return conversation.description ? <p>{conversation.description}</p> : null;
  return (
    <form aria-label="For everybody" noValidate className="flex flex-col gap-3" onSubmit={submit}>
      {!direct && <Shared now={now} errors={errors} onChange={change} />}
      <Select
        label="Disappearing messages"
        hint="Holds for what is sent from now on."
        value={String(now.disappear_seconds ?? 0)}
        options={choicesOf(disappearing, now.disappear_seconds ?? 0, "Messages stay")}
        onChange={(value) => change({ disappear_seconds: Number(value) || null })}
      />
      {save.isError && Object.keys(errors).length === 0 && (
        <p role="alert" className="text-danger">
          {messageOf(save.error)}
        </p>
      )}
      {Object.keys(draft).length > 0 && (
        <div className="flex gap-2">
          <Button kind="primary" type="submit" busy={save.isPending}>
            Save
          </Button>
          <Button onClick={() => setDraft({})}>Undo</Button>
        </div>
      )}
    </form>
  );
}

/** What a group or channel has and two people alone do not. */
function Shared(props: {
  now: Required<Pick<ConversationSummary["conversation"], SharedField>>;
  errors: Record<string, string>;
  onChange: (part: ConversationSettings) => void;
}) {
  const { now, errors, onChange } = props;
  return (
    <>
      <Field
        label="Title"
        maxLength={120}
        value={now.title}
        error={errors["body.title"]}
        onChange={(event) => onChange({ title: event.target.value })}
      />
      <TextArea
        label="Description"
        maxLength={1_000}
        rows={2}
        value={now.description}
        error={errors["body.description"]}
        onChange={(event) => onChange({ description: event.target.value })}
      />
      <Select
        label="Who writes here"
        value={now.send_by}
        options={writers}
        onChange={(value) => onChange({ send_by: value })}
      />
      <Select
        label="Slow mode"
        hint="How long a member waits between two messages."
        value={String(now.slow_mode_seconds)}
        options={choicesOf(slowModes, now.slow_mode_seconds, "Off")}
        onChange={(value) => onChange({ slow_mode_seconds: Number(value) })}
      />
    </>
  );
}

/** With the value that was set by a program, where it is none of the usual ones. */
function choicesOf(usual: readonly number[], current: number, none: string) {
  const all = usual.includes(current) ? usual : [...usual, current];
  return all.map((seconds) => ({
    value: String(seconds),
    label: seconds === 0 ? none : spanLabel(seconds),
  }));
}
