import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field, Select } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";

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
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!create.isPending) create.mutate();
  };
  if (create.data) return <ShownOnce secret={create.data.key} onClose={props.onClose} />;
  return (
    <Dialog title="Create an API key" onClose={props.onClose}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {create.error && Object.keys(errors).length === 0 && (
          <Notice kind="danger">{messageOf(create.error)}</Notice>
        )}
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
        <div className="mt-1 flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={create.isPending}>
            Create key
          </Button>
        </div>
      </form>
    </Dialog>
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
    <Dialog title="Your new key" wide onClose={props.onClose}>
      <Notice kind="warn">
        This is the only time the key is shown. Stoa keeps a fingerprint of it, not the key.
      </Notice>
      <div className="my-4 flex items-center gap-2">
        <code className="code min-w-0 grow" data-secret>
          {props.secret}
        </code>
        <CopyButton text={props.secret} what="Key" label="Copy" />
      </div>
      <p className="label mb-1">Try it</p>
      <pre className="code overflow-x-auto whitespace-pre-wrap">{example}</pre>
      <div className="mt-5 flex justify-end">
        <Button kind="primary" onClick={props.onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
