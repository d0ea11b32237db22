import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { fieldErrors } from "../messages.ts";
import { Button } from "../ui/button.tsx";
import { Field, TextArea } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { fieldTime, usualTimes } from "./send-times.ts";

/** Words, and when they are sent: of a new message, and of one that waits. */
export type Later = { text: string; send_at: string };

const textCharactersMax = 8_000;
const aheadMsMax = 365 * 86_400_000;

export function ScheduleDialog(props: {
  title: string;
  action: string;
  text: string;
  /** When it was to be sent so far. */
  sendAt?: string;
  /** What goes with the words, e.g. `2 files`; with it there need be no words. */
  along: string | null;
  onSubmit: (later: Later) => Promise<unknown>;
  onClose: () => void;
}) {
  const { along } = props;
  const [now] = useState(() => Date.now());
  const usual = usualTimes(now);
  const [text, setText] = useState(props.text);
  const [time, setTime] = useState(
    fieldTime(props.sendAt === undefined ? (usual[0]?.at ?? now) : Date.parse(props.sendAt)),
  );
  const at = new Date(time).getTime();
  const isComing = at > now && at < now + aheadMsMax;
  const save = useMutation({
    mutationFn: () => props.onSubmit({ text: text.trim(), send_at: new Date(at).toISOString() }),
    onSuccess: props.onClose,
  });
  const errors = fieldErrors(save.error);
  return (
    <FormDialog
      title={props.title}
      action={props.action}
      busy={save.isPending}
      ready={isComing && (text.trim() !== "" || along !== null)}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={props.onClose}
    >
      <TextArea
        label="Message"
        hint={along === null ? undefined : `With ${along}.`}
        maxLength={textCharactersMax}
        value={text}
        error={errors["body.text"] ?? errors["body.body.text"]}
        onChange={(event) => setText(event.target.value)}
      />
      <Field
        label="When"
        type="datetime-local"
        min={fieldTime(now)}
        max={fieldTime(now + aheadMsMax)}
        value={time}
        error={isComing ? errors["body.send_at"] : "Choose a time within the next year."}
        onChange={(event) => setTime(event.target.value)}
      />
      <div role="group" aria-label="Usual times" className="flex flex-wrap gap-2">
        {usual.map(({ label, at: usualAt }) => (
          <Button key={label} onClick={() => setTime(fieldTime(usualAt))}>
            {label}
          </Button>
        ))}
      </div>
    </FormDialog>
  );
}
