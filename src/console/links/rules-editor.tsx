import type { Rule } from "../../../sdk/types.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import { ConditionField } from "./condition-field.tsx";
import { conditionKinds, conditionLabels, startOf, type ConditionKind } from "./conditions.ts";
import type { FormProps } from "./edit-form.tsx";

/** Rules in their order: the first whose conditions all hold decides where a visitor goes. */
const rulesMax = 50;

export function RulesEditor({ draft, errors, set }: FormProps) {
  const { rules } = draft;
  const replace = (index: number, rule: Rule) =>
    set(
      "rules",
      rules.map((entry, i) => (i === index ? rule : entry)),
    );
  const move = (index: number, by: number) => {
    const moved = [...rules];
    const [rule] = moved.splice(index, 1);
    if (rule) moved.splice(index + by, 0, rule);
    set("rules", moved);
  };
  return (
    <Card
      title="Rules"
      note="The first rule whose conditions all hold sends the visitor to its own URL."
      actions={
        <Button
          icon="plus"
          disabled={rules.length >= rulesMax}
          onClick={() => set("rules", [...rules, { if: { country: [] }, url: "" }])}
        >
          Rule
        </Button>
      }
    >
      <ol className="flex flex-col gap-3">
        {rules.map((rule, i) => (
          <li key={`rule ${i}`} className="rounded-lg border border-line p-3">
            <header className="mb-2 flex items-center gap-1">
              <h3 className="grow text-[0.8125rem] font-medium">Rule {i + 1}</h3>
              <IconButton
                icon="up"
                label={`Move rule ${i + 1} up`}
                disabled={i === 0}
                onClick={() => move(i, -1)}
              />
              <IconButton
                icon="down"
                label={`Move rule ${i + 1} down`}
                disabled={i === rules.length - 1}
                onClick={() => move(i, 1)}
              />
              <IconButton
                icon="trash"
                label={`Remove rule ${i + 1}`}
                onClick={() =>
                  set(
                    "rules",
                    rules.filter((_, other) => other !== i),
                  )
                }
              />
            </header>
            <RuleFields
              rule={rule}
              at={`rules[${i}]`}
              errors={errors}
              onChange={(r) => replace(i, r)}
            />
          </li>
        ))}
      </ol>
    </Card>
  );
}

type RuleProps = {
  rule: Rule;
  /** How the server names this rule in its errors. */
  at: string;
  errors: Record<string, string>;
  onChange: (rule: Rule) => void;
};

function RuleFields({ rule, at, errors, onChange }: RuleProps) {
  const used = conditionKinds.filter((kind) => rule.if[kind] !== undefined);
  const unused = conditionKinds.filter((kind) => rule.if[kind] === undefined);
  const setCondition = (kind: ConditionKind, value: unknown) =>
    onChange({ ...rule, if: { ...rule.if, [kind]: value } });
  const errorOf = (kind: ConditionKind) =>
    Object.entries(errors).find(([name]) => name.startsWith(`${at}.if.${kind}`))?.[1];
  return (
    <div className="flex flex-col gap-3">
      {used.map((kind) => (
        <div key={kind} className="flex items-start gap-2">
          <div className="min-w-0 grow">
            <ConditionField
              kind={kind}
              value={rule.if[kind]}
              error={errorOf(kind)}
              onChange={(value) => setCondition(kind, value)}
            />
          </div>
          <IconButton
            icon="close"
            label={`Remove condition ${conditionLabels[kind]}`}
            className="mt-5"
            onClick={() => setCondition(kind, undefined)}
          />
        </div>
      ))}
      <div className="max-w-56">
        <Select
          label="Add a condition"
          hideLabel
          value=""
          options={[
            { value: "", label: "Add a condition…" },
            ...unused.map((kind) => ({ value: kind, label: conditionLabels[kind] })),
          ]}
          onChange={(kind) => kind && setCondition(kind as ConditionKind, startOf(kind))}
        />
      </div>
      <Field
        label="Send to"
        inputMode="url"
        placeholder="https://example.com/de"
        value={rule.url}
        error={errors[`${at}.url`]}
        onChange={(event) => onChange({ ...rule, url: event.target.value })}
      />
      <AppFields rule={rule} at={at} errors={errors} onChange={onChange} />
    </div>
  );
}

const apps = [
  { name: "ios_app", label: "On iOS" },
  { name: "android_app", label: "On Android" },
] as const;

function AppFields({ rule, at, errors, onChange }: RuleProps) {
  return (
    <details className="text-[0.8125rem]">
      <summary className="text-muted">Open in an app</summary>
      <div className="mt-2 grid gap-3 sm:grid-cols-2">
        {apps.map(({ name, label }) => (
          <Field
            key={name}
            label={label}
            placeholder="myapp://item/1"
            value={rule[name] ?? ""}
            error={errors[`${at}.${name}`]}
            onChange={(event) => onChange({ ...rule, [name]: event.target.value || undefined })}
          />
        ))}
      </div>
    </details>
  );
}
