import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { fieldErrors } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Checkbox, Field, Select } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { SecretDialog } from "../ui/secret-dialog.tsx";

/** Makes a key and shows it the one time that it can be seen. */
const presets = [
  { value: "create", label: "Make links, see nothing", scopes: ["links:create"] },
  { value: "read", label: "Read links and clicks", scopes: ["links:read"] },
  { value: "links", label: "Everything about links", scopes: ["links:*"] },
  { value: "all", label: "Everything I may do", scopes: ["*"] },
  { value: "custom", label: "Choose…", scopes: [] },
] as const;

const systems = ["links", "webhooks", "accounts"];
const actions = ["read", "create", "write"];
const dayMs = 86_400_000;
const lives = [
  { value: "", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

export function KeyDialog(props: { onClose: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [preset, setPreset] = useState<(typeof presets)[number]["value"]>("links");
  const [chosen, setChosen] = useState<string[]>(["links:read"]);
  const [days, setDays] = useState("");
  const create = useMutation({
    mutationFn: () => {
      const found = presets.find(({ value }) => value === preset);
      const expires = new Date(Date.now() + Number(days) * dayMs).toISOString();
      return stoa.keys.create({
        name,
        scopes: preset === "custom" ? chosen : [...(found?.scopes ?? [])],
        expires_at: days ? expires : null,
      });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }),
  });
  const errors = fieldErrors(create.error);
  if (create.data) return <ShownOnce secret={create.data.key} onClose={props.onClose} />;
  return (
    <FormDialog
      title="Create an API key"
      action="Create key"
      busy={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate()}
      onClose={props.onClose}
    >
      <Field
        label="Name"
        autoFocus
        placeholder="Newsletter tool"
        value={name}
        error={errors["name"]}
        hint="Which program it is for."
        onChange={(event) => setName(event.target.value)}
      />
      <Select label="May" value={preset} options={presets} onChange={setPreset} />
      {preset === "custom" && (
        <ScopeBoxes chosen={chosen} error={errors["scopes"]} onChange={setChosen} />
      )}
      <Select label="Ends" value={days} options={lives} onChange={setDays} />
    </FormDialog>
  );
}

function ScopeBoxes(props: {
  chosen: string[];
  error?: string;
  onChange: (scopes: string[]) => void;
}) {
  const { chosen, onChange } = props;
  const scopes = systems.flatMap((system) => actions.map((action) => `${system}:${action}`));
  return (
    <fieldset className="rounded-lg border border-line p-3">
      <legend className="label px-1">Scopes</legend>
      <div className="grid grid-cols-2 gap-2 sm:grid-cols-3">
        {scopes.map((scope) => (
          <Checkbox
            key={scope}
            label={scope}
            checked={chosen.includes(scope)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...chosen, scope]
                  : chosen.filter((other) => other !== scope),
              )
            }
          />
        ))}
      </div>
      {props.error && <p className="mt-2 text-xs text-danger">{props.error}</p>}
    </fieldset>
  );
}

function ShownOnce(props: { secret: string; onClose: () => void }) {
  const example =
    `curl ${location.origin}/api/v1/links \\\n  -H "Authorization: Bearer ${props.secret}" \\\n` +
    `  -H "Content-Type: application/json" \\\n  -d '{"url":"https://example.com"}'`;
  return (
    <SecretDialog
      title="Your new key"
      warning="This is the only time the key is shown. Stoa keeps a fingerprint of it, not the key."
      secret={props.secret}
      what="Key"
      onClose={props.onClose}
    >
      <p className="label mb-1">Try it</p>
      <pre className="code overflow-x-auto whitespace-pre-wrap">{example}</pre>
    </SecretDialog>
  );
}
