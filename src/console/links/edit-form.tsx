import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Link } from "../../../sdk/types.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox, Field, Select, TextArea } from "../ui/field.tsx";
import { Card, Notice } from "../ui/page.tsx";
import { SaveBar } from "../ui/save-bar.tsx";
import { toast } from "../ui/toast.tsx";
import { useUnsavedWarning } from "../ui/unsaved.ts";
import { changesOf, draftOf, type Draft } from "./draft.ts";
import { RulesEditor } from "./rules-editor.tsx";
import { SplitEditor } from "./split-editor.tsx";
import { UtmBuilder } from "./utm-builder.tsx";

/** Every setting of a link. Only what was changed is sent, so two people can edit at once. */
export type FormProps = {
  draft: Draft;
  errors: Record<string, string>;
  set: <K extends keyof Draft>(name: K, value: Draft[K]) => void;
};

export function EditForm(props: { link: Link }) {
  const { link } = props;
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>(() => draftOf(link));
  const changes = changesOf(draft, link);
  const dirty = Object.keys(changes).length > 0;
  const save = useMutation({
    mutationFn: () => stoa.links.update(link.id, changes),
    onSuccess: (saved) => {
      queries.setQueryData(["links", "one", link.id], saved);
      void queries.invalidateQueries({ queryKey: ["links", "list"] });
      setDraft(draftOf(saved));
      toast("Saved. The next visitor gets it.");
    },
  });
  useUnsavedWarning(dirty);

  const errors = fieldErrors(save.error);
  const form: FormProps = {
    draft,
    errors,
    set: (name, value) => setDraft((before) => ({ ...before, [name]: value })),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (dirty && !save.isPending) save.mutate();
  };
  const readOnly = link.state === "deleted";
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      {readOnly && <Notice kind="warn">A deleted link cannot be changed any more.</Notice>}
      <fieldset disabled={readOnly} className="flex flex-col gap-4">
        <Destination {...form} />
        <Life {...form} />
        <RulesEditor {...form} />
        <SplitEditor {...form} />
        <Redirecting {...form} hasPassword={link.has_password} />
      </fieldset>
      {(dirty || save.error) && (
        <SaveBar problem={save.error ? messageOf(save.error) : ""}>
          <Button
            onClick={() => {
              setDraft(draftOf(link));
              save.reset();
            }}
          >
            Discard
          </Button>
          <Button kind="primary" type="submit" busy={save.isPending}>
            Save changes
          </Button>
        </SaveBar>
      )}
    </form>
  );
}

function Destination({ draft, errors, set }: FormProps) {
  return (
    <Card title="Destination">
      <div className="flex flex-col gap-3">
        <Field
          label="Long URL"
          inputMode="url"
          spellCheck={false}
          value={draft.url}
          error={errors["url"]}
          onChange={(event) => set("url", event.target.value)}
        />
        <UtmBuilder url={draft.url} onChange={(url) => set("url", url)} />
        <div className="grid gap-3 sm:grid-cols-2">
          <Field
            label="Title"
            value={draft.title}
            error={errors["title"]}
            hint="For you, and for the card that chats and networks show."
            onChange={(event) => set("title", event.target.value)}
          />
          <Field
            label="Tags"
            value={draft.tags}
            error={errors["tags"]}
            hint="Separated by commas."
            onChange={(event) => set("tags", event.target.value)}
          />
        </div>
        <TextArea
          label="Description"
          rows={2}
          value={draft.description}
          error={errors["description"]}
          hint="Shown on the card below the title. Empty: the target's own card is shown."
          onChange={(event) => set("description", event.target.value)}
        />
        <Field
          label="Image of the card"
          inputMode="url"
          placeholder="https://example.com/card.png"
          value={draft.image}
          error={errors["image"]}
          onChange={(event) => set("image", event.target.value)}
        />
      </div>
    </Card>
  );
}

function Life({ draft, errors, set }: FormProps) {
  return (
    <Card title="Life" note="Before its start a link is not found; after its end it is gone.">
      <div className="grid gap-3 sm:grid-cols-2">
        <Field
          label="Starts"
          type="datetime-local"
          value={draft.starts_at}
          error={errors["starts_at"]}
          onChange={(event) => set("starts_at", event.target.value)}
        />
        <Field
          label="Ends"
          type="datetime-local"
          value={draft.expires_at}
          error={errors["expires_at"]}
          hint="Empty: never."
          onChange={(event) => set("expires_at", event.target.value)}
        />
        <Field
          label="Clicks at most"
          type="number"
          min={1}
          inputMode="numeric"
          value={draft.max_clicks}
          error={errors["max_clicks"]}
          hint="Empty: any number."
          onChange={(event) => set("max_clicks", event.target.value)}
        />
        <Field
          label="Afterwards send visitors to"
          inputMode="url"
          placeholder="https://example.com/over"
          value={draft.expired_url}
          error={errors["expired_url"]}
          hint="Empty: they are told that the link is gone."
          onChange={(event) => set("expired_url", event.target.value)}
        />
      </div>
    </Card>
  );
}

const statuses = [
  { value: "302", label: "302 Found: every click counts" },
  { value: "301", label: "301 Moved permanently: browsers remember it" },
  { value: "307", label: "307 Temporary, keeps the method" },
  { value: "308", label: "308 Permanent, keeps the method" },
] as const;

function Redirecting({ draft, errors, set, hasPassword }: FormProps & { hasPassword: boolean }) {
  return (
    <Card title="Redirect and access">
      <div className="grid gap-4 sm:grid-cols-2">
        <Select
          label="Answer"
          value={draft.redirect}
          options={statuses}
          onChange={(value) => set("redirect", value)}
        />
        <div className="flex flex-col gap-2">
          <Field
            label="Password"
            type="password"
            autoComplete="new-password"
            value={draft.password}
            disabled={draft.remove_password}
            error={errors["password"]}
            placeholder={hasPassword ? "Unchanged" : "None"}
            hint="Visitors are asked for it before they are sent on."
            onChange={(event) => set("password", event.target.value)}
          />
          {hasPassword && (
            <Checkbox
              label="Remove the password"
              checked={draft.remove_password}
              onChange={(event) => set("remove_password", event.target.checked)}
            />
          )}
        </div>
        <Checkbox
          label="Hand on the query string"
          hint="?a=1 after the short link is added to the long one."
          checked={draft.forward_query}
          onChange={(event) => set("forward_query", event.target.checked)}
        />
        <Checkbox
          label="Hand on the path"
          hint="What follows the code is added to the long URL."
          checked={draft.forward_path}
          onChange={(event) => set("forward_path", event.target.checked)}
        />
        <Checkbox
          label="Let search engines list it"
          checked={draft.robots === "index"}
          onChange={(event) => set("robots", event.target.checked ? "index" : "noindex")}
        />
      </div>
    </Card>
  );
}
