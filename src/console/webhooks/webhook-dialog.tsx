import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Webhook } from "../../../sdk/types.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Checkbox, Field } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
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
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  if (save.data) return <SecretDialog secret={save.data} onClose={props.onClose} />;
  return (
    <Dialog title={webhook ? "Edit webhook" : "Add a webhook"} onClose={props.onClose}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {save.error && Object.keys(errors).length === 0 && (
          <Notice kind="danger">{messageOf(save.error)}</Notice>
        )}
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
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={save.isPending}>
            {webhook ? "Save" : "Add"}
          </Button>
        </div>
      </form>
    </Dialog>
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

export function SecretDialog(props: { secret: string; onClose: () => void }) {
  return (
    <Dialog title="Signing secret" wide onClose={props.onClose}>
      <Notice kind="warn">
        This is the only time the secret is shown. Your receiver checks each delivery’s signature
        with it.
      </Notice>
      <div className="my-4 flex items-center gap-2">
        <code className="code min-w-0 grow" data-secret>
          {props.secret}
        </code>
        <CopyButton text={props.secret} what="Secret" label="Copy" />
      </div>
      <div className="flex justify-end">
        <Button kind="primary" onClick={props.onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
