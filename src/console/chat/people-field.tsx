import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { messageOf } from "../messages.ts";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icons.tsx";
import { Avatar } from "./avatar.tsx";
import { useChat } from "./use-chat.ts";

/** Finds people by name, typing errors allowed, and keeps those who were chosen. */
export type Person = { account_id: string; name: string };

export function PeopleField(props: {
  label: string;
  chosen: readonly Person[];
  /** One at most. */
  single?: boolean;
  without?: ReadonlySet<string>;
  onChange: (chosen: Person[]) => void;
}) {
  const { chosen, single = false, without, onChange } = props;
  const chat = useChat();
  const [text, setText] = useState("");
  const q = text.trim();
  const found = useQuery({
    queryKey: ["chat", "people", q],
    queryFn: ({ signal }) => chat.findPeople(q, { signal }),
    enabled: q !== "",
    placeholderData: (before) => before,
  });
  const taken = new Set(chosen.map((one) => one.account_id));
  const options = (found.data ?? []).filter(
    ({ account_id: id }) => !taken.has(id) && !without?.has(id),
  );
  const choose = (person: Person) => {
    onChange(single ? [person] : [...chosen, person]);
    setText("");
  };
  return (
    <div>
      <Chosen people={chosen} onChange={onChange} />
      <Field
        label={props.label}
        type="search"
        autoComplete="off"
        placeholder="Name, or the whole e-mail address"
        value={text}
        error={found.isError ? messageOf(found.error) : undefined}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          const [first] = options;
          if (event.key !== "Enter" || !first || q === "") return;
          event.preventDefault();
          choose(first);
        }}
      />
      {q !== "" && found.data && (
        <ul aria-label="People found" className="mt-1 rounded-lg border border-line p-1">
          {options.map((person) => (
            <li key={person.account_id}>
              <button type="button" className="choice" onClick={() => choose(person)}>
                <Avatar name={person.name} small />
                <span className="truncate">{person.name}</span>
              </button>
            </li>
          ))}
          {options.length === 0 && !found.isFetching && (
            <li className="px-2 py-1.5 text-muted">
              Nobody of that name here. The whole e-mail address finds anybody.
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

function Chosen(props: { people: readonly Person[]; onChange: (chosen: Person[]) => void }) {
  const { people, onChange } = props;
  if (people.length === 0) return null;
  return (
    <ul aria-label="Chosen people" className="mb-2 flex flex-wrap gap-1.5">
      {people.map((person) => (
        <li key={person.account_id} className="chip">
          {person.name}
          <button
            type="button"
            aria-label={`Remove ${person.name}`}
            className="rounded-full p-1"
            onClick={() => onChange(people.filter((one) => one !== person))}
          >
            <Icon name="close" className="size-3" />
          </button>
        </li>
      ))}
    </ul>
  );
}
