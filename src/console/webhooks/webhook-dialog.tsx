import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Webhook } from "../../../sdk/types.ts";
import { fieldErrors } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Checkbox, Field } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { SecretDialog } from "../ui/secret-dialog.tsx";
import { eventTypes } from "./event-types.ts";

/** Makes a webhook or changes one; a new one's secret is shown this once. */
export function WebhookDialog(props: { webhook: Webhook | null; onClose: () => void }) {
  const { webhook } = props;
  const queries = useQueryClient();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [types, setTypes] = useState<string[]>(webhook?.event_types ?? ["links.*"]);
  const save = useMutation({
    mutationFn: async (): Promise<string | null> => {
      const body = { url: url.trim(), description, event_types: types };
      if (webhook) await stoa.webhooks.update(webhook.id, body);
      return webhook ? null : (await stoa.webhooks.create(body)).secret;
    },
    onSuccess: async (secret) => {
      await queries.invalidateQueries({ queryKey: ["webhooks"] });
      if (secret === null) props.onClose();
    },
  });
  const errors = fieldErrors(save.error);
  if (save.data) return <SigningSecret secret={save.data} onClose={props.onClose} />;
  return (
    <FormDialog
      title={webhook ? "Edit webhook" : "Add a webhook"}
      action={webhook ? "Save" : "Add"}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={props.onClose}
    >
      <Field
        label="URL"
        autoFocus
        inputMode="url"
        placeholder="https://example.com/hooks/stoa"
        value={url}
        error={errors["url"]}
        onChange={(event) => setUrl(event.target.value)}
      />
      <Field
        label="Description"
        placeholder="Tells the team chat"
        value={description}
        error={errors["description"]}
        onChange={(event) => setDescription(event.target.value)}
      />
      <TypeBoxes chosen={types} error={errors["event_types"]} onChange={setTypes} />
    </FormDialog>
  );
}

function TypeBoxes(props: {
  chosen: string[];
  error?: string;
  onChange: (types: string[]) => void;
}) {
  const { chosen, onChange } = props;
  // One that a program chose and this list does not know stays chosen.
  const others = chosen.filter((type) => eventTypes.every(({ value }) => value !== type));
  const options = [...eventTypes, ...others.map((value) => ({ value, label: value }))];
  const toggle = (type: string, on: boolean) =>
    onChange(on ? [...chosen, type] : chosen.filter((other) => other !== type));
  return (
    <fieldset>
      <legend className="label mb-2">When</legend>
      <div className="flex flex-col gap-2">
        {options.map(({ value, label }) => (
          <Checkbox
            key={value}
            label={label}
            checked={chosen.includes(value)}
            onChange={(event) => toggle(value, event.target.checked)}
          />
        ))}
      </div>
      {props.error && <p className="mt-1 text-xs text-danger">{props.error}</p>}
    </fieldset>
  );
}

export function SigningSecret(props: { secret: string; onClose: () => void }) {
  return (
    <SecretDialog
      title="Signing secret"
      warning="This is the only time the secret is shown. Your receiver checks each delivery’s signature with it."
      secret={props.secret}
      what="Secret"
      onClose={props.onClose}
    />
  );
}
