import { Field, Select } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import { usesOf, type Span } from "./draft.ts";
import type { FormProps } from "./rule-form.tsx";
import { algorithms, units } from "./rule-text.ts";

/** How much a rule allows; only what its algorithm has a use for is shown. */
export function Amounts({ draft, error, set }: FormProps) {
  const { algorithm } = draft;
  const uses = usesOf(algorithm);
  return (
    <Card title="What it allows">
      <div className="grid gap-3 sm:grid-cols-2">
        <Select
          label="Algorithm"
          value={algorithm}
          options={algorithms}
          error={error("algorithm")}
          hint={algorithms.find(({ value }) => value === algorithm)?.note}
          onChange={(value) => set("algorithm", value)}
        />
        {uses.limit && (
          <NumberField
            label={algorithm === "concurrency" ? "At once" : "Limit"}
            value={draft.limit}
            error={error("limit")}
            onChange={(value) => set("limit", value)}
          />
        )}
        {uses.window && (
          <SpanField
            label={algorithm === "concurrency" ? "A place is held for at most" : "Window"}
            value={draft.window}
            error={error("window_ms")}
            onChange={(value) => set("window", value)}
          />
        )}
        {uses.burst && (
          <NumberField
            label="Burst"
            value={draft.burst}
            error={error("burst")}
            hint="How many may come at once. Empty: as many as the limit."
            onChange={(value) => set("burst", value)}
          />
        )}
        {uses.queue && <Queue draft={draft} error={error} set={set} />}
        {uses.limit && <Costs draft={draft} error={error} set={set} />}
      </div>
    </Card>
  );
}

function Queue({ draft, error, set }: FormProps) {
  return (
    <>
      <SpanField
        label="Waits at most"
        value={draft.wait}
        error={error("wait_ms_max")}
        onChange={(value) => set("wait", value)}
      />
      <NumberField
        label="Waiting at most"
        value={draft.queue_max}
        error={error("queue_max")}
        hint="How many may wait at the same time."
        onChange={(value) => set("queue_max", value)}
      />
    </>
  );
}

function Costs({ draft, error, set }: FormProps) {
  return (
    <>
      <NumberField
        label="Cost"
        value={draft.cost}
        error={error("cost")}
        hint="What one request takes, unless a program says another cost."
        onChange={(value) => set("cost", value)}
      />
      <SpanField
        label="Block after a refusal"
        value={draft.penalty}
        error={error("penalty_ms")}
        hint="Empty: not at all."
        onChange={(value) => set("penalty", value)}
      />
    </>
  );
}

export function NumberField(props: {
  label: string;
  value: string;
  error?: string;
  hint?: string;
  onChange: (value: string) => void;
}) {
  const { onChange, ...rest } = props;
  return (
    <Field
      {...rest}
      type="number"
      min={1}
      inputMode="numeric"
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

export function SpanField(props: {
  label: string;
  value: Span;
  error?: string;
  hint?: string;
  onChange: (value: Span) => void;
}) {
  const { label, value, error, hint, onChange } = props;
  return (
    <div className="flex items-start gap-2">
      <div className="min-w-0 grow">
        <NumberField
          label={label}
          value={value.amount}
          error={error}
          hint={hint}
          onChange={(amount) => onChange({ ...value, amount })}
        />
      </div>
      {/* As far down as the label beside it is high. */}
      <div className="w-36 shrink-0 pt-[1.4375rem]">
        <Select
          label={`${label}: unit`}
          hideLabel
          value={value.unit}
          options={units}
          onChange={(unit) => onChange({ ...value, unit })}
        />
      </div>
    </div>
  );
}
