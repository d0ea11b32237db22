import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { fieldErrors } from "../messages.ts";
import { Field, Segments } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { PeopleField, type Person } from "./people-field.tsx";
import { useChat } from "./use-chat.ts";

/** Writes to somebody alone, or makes a group or a channel. */
const kinds = [
  { value: "direct", label: "One person" },
  { value: "group", label: "Group" },
  { value: "channel", label: "Channel" },
] as const;
type Kind = (typeof kinds)[number]["value"];

const notes: Record<Kind, string> = {
  direct: "There is one conversation with each person, however it is opened.",
  group: "Up to 1,024 people who all see each other, and what each has read.",
  channel: "For any number of people. Who is in it is known to those who run it.",
};

export function NewConversation(props: { onClose: () => void; onMade: (id: string) => void }) {
  const chat = useChat();
  const [kind, setKind] = useState<Kind>("direct");
  const [title, setTitle] = useState("");
  const [people, setPeople] = useState<Person[]>([]);
  const make = useMutation({
    mutationFn: () => {
      const ids = people.map((one) => one.account_id);
      return kind === "direct"
        ? chat.openDirect(ids[0] as string)
        : chat.createConversation({ kind, title: title.trim(), account_ids: ids });
    },
    onSuccess: props.onMade,
  });
  const direct = kind === "direct";
  return (
    <FormDialog
      title="New conversation"
      action={direct ? "Write" : "Make it"}
      busy={make.isPending}
      ready={direct ? people.length === 1 : title.trim() !== ""}
      error={make.error}
      onSubmit={() => make.mutate()}
      onClose={props.onClose}
    >
      <div>
        <Segments
          label="Kind"
          value={kind}
          options={kinds}
          onChange={(next) => {
            setKind(next);
            if (next === "direct") setPeople(people.slice(0, 1));
          }}
        />
        <p className="hint mt-2">{notes[kind]}</p>
      </div>
      {!direct && (
        <Field
          label="Title"
          maxLength={120}
          value={title}
          error={fieldErrors(make.error)["body.title"]}
          onChange={(event) => setTitle(event.target.value)}
        />
      )}
      <PeopleField
        label={direct ? "With whom" : "People to begin with"}
        single={direct}
        chosen={people}
        onChange={setPeople}
      />
    </FormDialog>
  );
}
