import type { LimitMethod } from "../../../sdk/types.ts";
import { Checkbox, Field, Select, TextArea } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import { messageOf } from "../messages.ts";
import { isDivisible } from "./draft.ts";
import { NumberField } from "./rule-amounts.tsx";
import type { FormProps } from "./rule-form.tsx";
import { useTiers } from "./rules.ts";

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
        <Tiers draft={draft} error={error} set={set} />
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
  return (
    <Choices
      legend="Methods"
      known={methods}
      chosen={draft.methods}
      problem={error("methods")}
      hint="None chosen: all."
      onChange={(chosen) => set("methods", chosen)}
    />
  );
}

/** Those of this installation, and what the rule names that is none any more. */
function Tiers({ draft, error, set }: FormProps) {
  const tiers = useTiers();
  return (
    <Choices
      legend="Tiers"
      known={[...new Set([...(tiers.data ?? []), ...draft.tiers])]}
      chosen={draft.tiers}
      problem={tiers.error ? messageOf(tiers.error) : error("tiers")}
      hint="None chosen: any. Callers without an account are anonymous."
      onChange={(chosen) => set("tiers", chosen)}
    />
  );
}

function Choices<T extends string>(props: {
  legend: string;
  known: T[];
  chosen: T[];
  problem: string | undefined;
  hint: string;
  onChange: (chosen: T[]) => void;
}) {
  const { legend, known, chosen, problem, hint, onChange } = props;
  return (
    <fieldset>
      <legend className="label mb-1">{legend}</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-2">
        {known.map((one) => (
          <Checkbox
            key={one}
            label={one}
            checked={chosen.includes(one)}
            onChange={(event) => {
              const { checked } = event.target;
              onChange(known.filter((other) => (other === one ? checked : chosen.includes(other))));
            }}
          />
        ))}
      </div>
      {problem ? (
        <p className="mt-1 text-xs text-danger">{problem}</p>
      ) : (
        <p className="hint mt-1">{hint}</p>
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
        {isDivisible(draft) && (
          <NumberField
            label="Sub-keys"
            value={draft.sub_keys}
            error={error("sub_keys")}
            hint="2 to 64, for keys busier than a core of Redis. Changed while the rule is disabled."
            onChange={(value) => set("sub_keys", value)}
          />
        )}
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
