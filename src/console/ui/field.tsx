import {
  useId,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from "react";

/** A labelled control; hint and error are tied to it for screen readers. */
type Common = { label: string; hint?: ReactNode; error?: string; hideLabel?: boolean };

function Frame(props: Common & { id: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={props.id} className={props.hideLabel ? "sr-only" : "label"}>
        {props.label}
      </label>
      {props.children}
      {props.error ? (
        <p id={`${props.id}-note`} className="text-xs text-danger">
          {props.error}
        </p>
      ) : (
        props.hint && (
          <p id={`${props.id}-note`} className="hint">
            {props.hint}
          </p>
        )
      )}
    </div>
  );
}

function described(id: string, props: Common) {
  return {
    id,
    "aria-invalid": props.error ? true : undefined,
    "aria-describedby": props.error || props.hint ? `${id}-note` : undefined,
  };
}

export function Field(props: Common & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const { label, hint, error, hideLabel, className, ...rest } = props;
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel}>
      <input {...rest} {...described(id, props)} className={`input ${className ?? ""}`} />
    </Frame>
  );
}

export function TextArea(props: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  const { label, hint, error, hideLabel, className, ...rest } = props;
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel}>
      <textarea
        rows={3}
        {...rest}
        {...described(id, props)}
        className={`input ${className ?? ""}`}
      />
    </Frame>
  );
}

export type Option<T extends string = string> = { value: T; label: string };

export function Select<T extends string>(
  props: Common &
    Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange" | "value"> & {
      value: T;
      options: readonly Option<T>[];
      onChange: (value: T) => void;
    },
) {
  const id = useId();
  const { label, hint, error, hideLabel, className, options, onChange, ...rest } = props;
  return (
    <Frame id={id} label={label} hint={hint} error={error} hideLabel={hideLabel}>
      <select
        {...rest}
        {...described(id, props)}
        className={`input ${className ?? ""}`}
        onChange={(event) => onChange(event.target.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export function Checkbox(
  props: { label: string; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>,
) {
  const id = useId();
  const { label, hint, ...rest } = props;
  return (
    <div className="flex gap-2">
      <input
        type="checkbox"
        {...rest}
        id={id}
        aria-describedby={hint ? `${id}-note` : undefined}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <div className="min-w-0">
        <label htmlFor={id} className="label">
          {label}
        </label>
        {hint && (
          <p id={`${id}-note`} className="hint">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** A few choices side by side, one of them taken. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset className="inline-flex max-w-full flex-wrap rounded-lg bg-sunken p-0.5">
      <legend className="sr-only">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value} className="segment">
          <input
            type="radio"
            className="absolute inset-0 cursor-pointer appearance-none outline-none"
            name={name}
            value={option.value}
            checked={props.value === option.value}
            onChange={() => props.onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
