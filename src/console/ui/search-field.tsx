import { useEffect, useRef, useState } from "react";
import { Field } from "./field.tsx";
import { Icon } from "./icons.tsx";

/** Searches while one types, but not for every letter. */
const typingMs = 200;

export function SearchField(props: {
  label: string;
  placeholder: string;
  value: string;
  focus?: boolean;
  onChange: (value: string) => void;
}) {
  // Null while the address and the field say the same.
  const [typed, setTyped] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      props.onChange(text.trim());
      setTyped((before) => (before === text && text === text.trim() ? null : before));
    }, typingMs);
  };
  const text = typed ?? props.value;
  return (
    <div className="relative min-w-48 grow">
      <Icon
        name="search"
        className="pointer-events-none absolute inset-y-0 left-2.5 my-auto size-4 text-muted"
      />
      <Field
        label={props.label}
        hideLabel
        type="search"
        data-shortcut="search"
        autoFocus={props.focus}
        placeholder={props.placeholder}
        className="pl-8"
        value={text}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          if (text) type("");
          else event.currentTarget.blur();
        }}
      />
    </div>
  );
}
