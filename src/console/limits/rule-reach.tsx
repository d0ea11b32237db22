import type { LimitMethod } from "../../../sdk/types.ts";
import { Checkbox, Field, Select, TextArea } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import type { FormProps } from "./rule-form.tsx";

/** Which requests a rule concerns, whom it counts, how exactly, and who is excepted. */
const methods: LimitMethod[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

export function Reach({ draft, error, set }: FormProps) {
  return (
    <Card title="What it matches">
      <div className="flex flex-col gap-3">
        <Checkbox
          label="Only asked for by name"
          hint="By other programs, or by Stoa itself; never in front of a route."
          checked={draft.service}
          onChange={(event) => set("service", event.target.checked)}
        />
        {!draft.service && (
          <>
            <TextArea
              label="Routes"
              spellCheck={false}
              value={draft.routes}
              error={error("routes")}
              hint="One on each line, such as /api/v1/links, /api/v1/links/* or /{code}. Empty: all."
              onChange={(event) => set("routes", event.target.value)}
            />
            <Methods draft={draft} error={error} set={set} />
          </>
        )}
        <Field
          label="Tiers"
          spellCheck={false}
          value={draft.tiers}
          error={error("tiers")}
          hint="Parted by commas, such as free, anonymous. Empty: all."
          onChange={(event) => set("tiers", event.target.value)}
        />
        <div className="grid gap-3 sm:grid-cols-2">
          <Field
            label="Counts by"
            spellCheck={false}
            value={draft.key}
            error={error("key")}
            hint={
              draft.service
                ? "Parts of a key, in words of your own, such as customer."
                : "api_key, user, ip, tier, route, global, or several parted by commas."
            }
            onChange={(event) => set("key", event.target.value)}
          />
          <Field
            label="Else by"
            spellCheck={false}
            value={draft.key_fallback}
            error={error("key_fallback")}
            hint="Where that is not known of a caller."
            onChange={(event) => set("key_fallback", event.target.value)}
          />
        </div>
      </div>
    </Card>
  );
}

function Methods({ draft, error, set }: FormProps) {
  const problem = error("methods");
  return (
    <fieldset>
      <legend className="label mb-1">Methods</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-2">
        {methods.map((method) => (
          <Checkbox
            key={method}
            label={method}
            checked={draft.methods.includes(method)}
            onChange={(event) =>
              set(
                "methods",
                methods.filter((other) =>
                  other === method ? event.target.checked : draft.methods.includes(other),
                ),
              )
            }
          />
        ))}
      </div>
      {problem ? (
        <p className="mt-1 text-xs text-danger">{problem}</p>
      ) : (
        <p className="hint mt-1">None chosen: all.</p>
      )}
    </fieldset>
  );
}

const accuracies = {
  strict: "Every decision is taken centrally. For what is billed.",
  leased: "Processes take blocks. Never more than the limit; may refuse a little early.",
  local: "Processes count and settle every 100 ms. Fastest; may let a little more pass.",
};

export function Exactness({ draft, error, set }: FormProps) {
  return (
    <Card title="How exactly">
      <div className="grid gap-3 sm:grid-cols-2">
        <Select
          label="Accuracy"
          value={draft.accuracy}
          options={[
            { value: "strict", label: "Strict" },
            { value: "leased", label: "Leased" },
            { value: "local", label: "Local" },
          ]}
          error={error("accuracy")}
          hint={accuracies[draft.accuracy]}
          onChange={(value) => set("accuracy", value)}
        />
        <Select
          label="When it cannot be decided"
          value={draft.on_failure}
          options={[
            { value: "", label: "Let reads pass, refuse writes" },
            { value: "open", label: "Let pass" },
            { value: "closed", label: "Refuse" },
          ]}
          error={error("on_failure")}
          hint="While the place where it is counted is away."
          onChange={(value) => set("on_failure", value)}
        />
      </div>
    </Card>
  );
}

export function Lists({ draft, error, set }: FormProps) {
  const isList = draft.algorithm === "list";
  return (
    <Card
      title="Exceptions"
      note="One on each line: a key such as user:42, an address, or a range such as 192.0.2.0/24."
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <TextArea
          label="Always allowed"
          spellCheck={false}
          value={draft.allow}
          error={error("allow")}
          hint={isList ? "No other rule is asked about them." : "They do not count here."}
          onChange={(event) => set("allow", event.target.value)}
        />
        <TextArea
          label="Always refused"
          spellCheck={false}
          value={draft.deny}
          error={error("deny")}
          onChange={(event) => set("deny", event.target.value)}
        />
      </div>
    </Card>
  );
}
