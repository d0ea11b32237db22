import { Button, IconButton } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import type { FormProps } from "./edit-form.tsx";

/** Weighted destinations; each visitor keeps the one they got first. */
const armsMax = 20;

type Arm = { url: string; weight: number };

export function SplitEditor({ draft, errors, set }: FormProps) {
  const arms = draft.split ?? [];
  const total = arms.reduce((sum, arm) => sum + arm.weight, 0);
  const replace = (index: number, arm: Arm) => set("split", arms.toSpliced(index, 1, arm));
  const remove = (index: number) => {
    const left = arms.toSpliced(index, 1);
    set("split", left.length < 2 ? null : left);
  };
  const add = () => {
    const next = { url: "", weight: 50 };
    set("split", arms.length === 0 ? [{ url: draft.url, weight: 50 }, next] : [...arms, next]);
  };
  return (
    <Card
      title="Split test"
      note="Visitors that no rule matches are shared out by weight, and keep their place."
      actions={
        <Button icon="plus" disabled={arms.length >= armsMax} onClick={add}>
          {arms.length === 0 ? "Split" : "Destination"}
        </Button>
      }
    >
      {errors["split"] && <p className="mb-2 text-xs text-danger">{errors["split"]}</p>}
      <div className="flex flex-col gap-2">
        {arms.map((arm, i) => (
          <ArmFields
            // An arm is its place in the list: it has no other name.
            key={`arm ${i}`}
            arm={arm}
            number={i + 1}
            share={total > 0 ? arm.weight / total : 0}
            urlError={errors[`split[${i}].url`]}
            weightError={errors[`split[${i}].weight`]}
            onChange={(changed) => replace(i, changed)}
            onRemove={() => remove(i)}
          />
        ))}
      </div>
    </Card>
  );
}

function ArmFields(props: {
  arm: Arm;
  number: number;
  share: number;
  urlError?: string;
  weightError?: string;
  onChange: (arm: Arm) => void;
  onRemove: () => void;
}) {
  const { arm, number, onChange } = props;
  return (
    <div className="flex items-start gap-2">
      <div className="grow">
        <Field
          label={`Destination ${number}`}
          hideLabel
          inputMode="url"
          placeholder="https://example.com/b"
          value={arm.url}
          error={props.urlError}
          onChange={(event) => onChange({ ...arm, url: event.target.value })}
        />
      </div>
      <div className="w-20">
        <Field
          label={`Weight ${number}`}
          hideLabel
          type="number"
          min={1}
          max={1000}
          value={String(arm.weight)}
          error={props.weightError}
          onChange={(event) => onChange({ ...arm, weight: Number(event.target.value) })}
        />
      </div>
      <span className="w-11 pt-2 text-right text-xs text-muted tabular-nums">
        {Math.round(props.share * 100)}%
      </span>
      <IconButton icon="trash" label={`Remove destination ${number}`} onClick={props.onRemove} />
    </div>
  );
}
