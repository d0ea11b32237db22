import { useState } from "react";
import { Field, type Option } from "../ui/field.tsx";
import {
  conditionLabels,
  deviceOptions,
  queryOf,
  queryText,
  systemOptions,
  wordsOf,
  type ConditionKind,
} from "./conditions.ts";
import { fromLocal, toLocal } from "./draft.ts";

/** The value of one condition: boxes to tick, an instant, or words between commas. */
type Props = {
  kind: ConditionKind;
  value: unknown;
  error?: string;
  onChange: (value: unknown) => void;
};

const hints: Partial<Record<ConditionKind, [placeholder: string, hint: string]>> = {
  country: ["CH, DE, AT", "Codes of two letters, separated by commas."],
  city: ["Zürich, Bern", "Any of these, without regard to case and accents."],
  language: ["de, pt-BR", "What the visitor's browser prefers. de matches de-CH too."],
  query: ["ref=mail, beta", "All of these; a name alone matches any value."],
  address: ["203.0.113.0/24, 2001:db8::/32", "Addresses or ranges."],
};

export function ConditionField(props: Props) {
  const { kind, value, error, onChange } = props;
  const label = conditionLabels[kind];
  if (kind === "device" || kind === "os") {
    const options = kind === "device" ? deviceOptions : systemOptions;
    return (
      <Boxes label={label} options={options} error={error} value={value} onChange={onChange} />
    );
  }
  if (kind === "from" || kind === "until") {
    return (
      <Field
        label={label}
        type="datetime-local"
        value={toLocal(value as string)}
        error={error}
        onChange={(event) => onChange(fromLocal(event.target.value) ?? value)}
      />
    );
  }
  return <Words {...props} />;
}

function Words({ kind, value, error, onChange }: Props) {
  const text = kind === "query" ? queryText(value as []) : (value as string[]).join(", ");
  // Kept as typed: a comma at the end must not vanish while the next word is being written.
  const [typed, setTyped] = useState(text);
  const [placeholder, hint] = hints[kind] ?? ["", ""];
  return (
    <Field
      label={conditionLabels[kind]}
      placeholder={placeholder}
      hint={hint}
      error={error}
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(kind === "query" ? queryOf(event.target.value) : wordsOf(event.target.value));
      }}
    />
  );
}

function Boxes(props: {
  label: string;
  options: Option[];
  value: unknown;
  error?: string;
  onChange: (value: string[]) => void;
}) {
  const chosen = props.value as string[];
  const toggle = (value: string) =>
    props.onChange(
      chosen.includes(value) ? chosen.filter((entry) => entry !== value) : [...chosen, value],
    );
  return (
    <fieldset>
      <legend className="label mb-1">{props.label}</legend>
      <div className="flex flex-wrap gap-x-4 gap-y-2">
        {props.options.map((option) => (
          <label key={option.value} className="flex items-center gap-1.5 text-[0.8125rem]">
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={chosen.includes(option.value)}
              onChange={() => toggle(option.value)}
            />
            {option.label}
          </label>
        ))}
      </div>
      {props.error && <p className="mt-1 text-xs text-danger">{props.error}</p>}
    </fieldset>
  );
}
