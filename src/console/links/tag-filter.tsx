import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { count } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { TagDialog } from "./tag-dialog.tsx";

/** Only links with one tag: type, and take one of the tags that there are. */
const suggestionsMax = 50;

export function TagFilter(props: { tag: string; onTag: (tag: string) => void }) {
  const { tag, onTag } = props;
  const [editing, setEditing] = useState(false);
  if (!tag) return <TagField onTag={onTag} />;
  return (
    <div className="flex items-center gap-1">
      <Button icon="close" onClick={() => onTag("")} aria-label={`Remove tag ${tag}`}>
        {tag}
      </Button>
      <IconButton icon="edit" label={`Rename tag ${tag}`} onClick={() => setEditing(true)} />
      {editing && <TagDialog tag={tag} onTag={onTag} onClose={() => setEditing(false)} />}
    </div>
  );
}

function TagField(props: { onTag: (tag: string) => void }) {
  const list = useId();
  const [text, setText] = useState("");
  const tags = useQuery({
    queryKey: ["links", "tags", text],
    queryFn: ({ signal }) =>
      stoa.links.tags({ prefix: text, limit: suggestionsMax }).page({ signal }),
    placeholderData: (before) => before,
  });
  const known = tags.data?.items ?? [];
  const type = (value: string, how: string | undefined) => {
    // What is taken from the list comes by another event than what is typed.
    const typed = how === "insertText" || how?.startsWith("delete");
    if (!typed && known.some(({ tag }) => tag === value)) props.onTag(value);
    else setText(value);
  };
  return (
    <div className="w-40">
      <Field
        label="Tag"
        hideLabel
        list={list}
        placeholder="Any tag"
        autoCapitalize="off"
        autoComplete="off"
        spellCheck={false}
        maxLength={40}
        value={text}
        onChange={(event) => {
          type(event.target.value, (event.nativeEvent as InputEvent).inputType);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && text.trim() !== "") props.onTag(text.trim());
        }}
      />
      <datalist id={list}>
        {known.map(({ tag, links }) => (
          <option key={tag} value={tag}>
            {links === 1 ? "1 link" : `${count(links)} links`}
          </option>
        ))}
      </datalist>
    </div>
  );
}
