import { useState } from "react";
import type { NewMessage } from "../../../sdk/chat/view.ts";
import { IconButton, Button } from "../ui/button.tsx";
import { Checkbox, Field } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";

/** Asks a conversation something. */
const optionsMax = 12;

export function PollDialog(props: {
  onMade: (poll: NonNullable<NewMessage["poll"]>) => void;
  onClose: () => void;
}) {
  const [question, setQuestion] = useState("");
  const [options, setOptions] = useState(["", ""]);
  const [several, setSeveral] = useState(false);
  const given = options.map((option) => option.trim()).filter((option) => option !== "");
  const change = (index: number, text: string) =>
    setOptions(options.map((option, at) => (at === index ? text : option)));
  return (
    <FormDialog
      title="New poll"
      action="Send the poll"
      busy={false}
      ready={question.trim() !== "" && given.length >= 2}
      error={null}
      onSubmit={() => {
        props.onMade({ question: question.trim(), options: given, several });
        props.onClose();
      }}
      onClose={props.onClose}
    >
      <Field
        label="Question"
        maxLength={300}
        value={question}
        onChange={(event) => setQuestion(event.target.value)}
      />
      <fieldset className="flex flex-col gap-2">
        <legend className="label mb-1">Answers to choose from</legend>
        {options.map((option, index) => (
          <div key={index} className="flex items-center gap-1">
            <div className="grow">
              <Field
                label={`Answer ${index + 1}`}
                hideLabel
                placeholder={`Answer ${index + 1}`}
                maxLength={100}
                value={option}
                onChange={(event) => change(index, event.target.value)}
              />
            </div>
            {options.length > 2 && (
              <IconButton
                icon="close"
                label={`Remove answer ${index + 1}`}
                onClick={() => setOptions(options.filter((_, at) => at !== index))}
              />
            )}
          </div>
        ))}
        {options.length < optionsMax && (
          <Button icon="plus" className="self-start" onClick={() => setOptions([...options, ""])}>
            Another answer
          </Button>
        )}
      </fieldset>
      <Checkbox
        label="One may choose several"
        checked={several}
        onChange={(event) => setSeveral(event.target.checked)}
      />
    </FormDialog>
  );
}
