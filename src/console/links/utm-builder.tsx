import { Field } from "../ui/field.tsx";

/** Campaign parameters, written into the URL's own query string. */
const parameters = [
  { name: "utm_source", label: "Source", example: "newsletter" },
  { name: "utm_medium", label: "Medium", example: "email" },
  { name: "utm_campaign", label: "Campaign", example: "spring_sale" },
  { name: "utm_term", label: "Term", example: "running shoes" },
  { name: "utm_content", label: "Content", example: "header" },
];

export function UtmBuilder(props: { url: string; onChange: (url: string) => void }) {
  const parsed = URL.canParse(props.url) ? new URL(props.url) : null;
  const used = parameters.filter(({ name }) => parsed?.searchParams.has(name)).length;
  const set = (name: string, value: string) => {
    if (!parsed) return;
    if (value === "") parsed.searchParams.delete(name);
    else parsed.searchParams.set(name, value);
    props.onChange(parsed.href);
  };
  return (
    <details className="rounded-lg border border-line px-3 py-2">
      <summary className="text-[0.8125rem]">
        Campaign parameters{" "}
        <span className="text-muted">{used > 0 ? `(${used} set)` : "(UTM)"}</span>
      </summary>
      <div className="mt-3 grid gap-3 sm:grid-cols-3">
        {parameters.map(({ name, label, example }) => (
          <Field
            key={name}
            label={label}
            placeholder={example}
            disabled={!parsed}
            value={parsed?.searchParams.get(name) ?? ""}
            onChange={(event) => set(name, event.target.value)}
          />
        ))}
      </div>
    </details>
  );
}
